"""From a DICOM file to an image that a model can look at, or to the reason why there is none."""
