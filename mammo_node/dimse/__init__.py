"""DICOM on the network: the Storage SCP, the Storage SCU, and what both need."""
