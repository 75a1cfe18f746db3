"""From a study's result to the DICOM objects and pictures that carry it.

:func:`mammo_node.encode.study.encode_study` is the way in.
"""
