"""The head of a DICOM file: preamble and File Meta Information (PS3.10 7.1)."""

from __future__ import annotations

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

_PREAMBLE = b"\0" * 128 + b"DICM"


def encode_head(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    implementation_class_uid: str,
    implementation_version_name: str,
    calling_ae_title: str,
    called_ae_title: str,
) -> bytes:
    """Return what stands before the dataset in a file.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid : str
        Of the dataset that follows; valid UIDs.
    transfer_syntax_uid : str
        How the dataset is encoded: the syntax that was negotiated.
    implementation_class_uid, implementation_version_name : str
        Who writes the file.
    calling_ae_title, called_ae_title : str
        Sending and Receiving Application Entity Title (0002,0017), (0002,0018).
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    meta.ImplementationClassUID = UID(implementation_class_uid)
    meta.ImplementationVersionName = implementation_version_name
    meta.SendingApplicationEntityTitle = calling_ae_title
    meta.ReceivingApplicationEntityTitle = called_ae_title
    encoded = DicomBytesIO()
    encoded.write(_PREAMBLE)
    write_file_meta_info(encoded, meta, enforce_standard=True)
    return encoded.getvalue()
