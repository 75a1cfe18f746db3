"""Lesions cut out of images, with masks and an index, for people who label and models that learn.

Rules:

* Pixels are the stored image's, MONOCHROME2, as they lie: not windowed, not flipped, not retouched.
* No name, number or date of a patient is written anywhere; images and studies are named by
  pseudonyms unless their UIDs are asked for.
* A study's record is written when all its crops are: what has one is not made again. The index is
  made of the records, whole or not at all.
"""
