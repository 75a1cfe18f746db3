"""Public mammography data sets, read as they are distributed.

Rules:

* A reader takes the data set's root folder and gives one :class:`ImageRecord` per image, in the
  same order at every reading. Pixels are read only where the truth is in them (masks).
* Where a data set has pathology, ``malignant`` is that; where it has only an assessment, BI-RADS 4
  and above counts as malignant, 1 to 3 as not.
* A file that is missing is an error that names it, unless the caller says to leave images out.
"""

from mammo_node.evaluate.datasets.catalogue import READERS, load
from mammo_node.evaluate.datasets.split import Split, split_by_patient

__all__ = ["READERS", "Split", "load", "split_by_patient"]
