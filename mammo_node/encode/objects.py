"""What goes in and out of encoding: who we are, what was sent before, and what was made."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from mammo_node.encode.identity import device_uid
from mammo_node.errors import EncodingError
from mammo_node.header import attributes
from mammo_node.vocabulary import OutputKind


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings off the log: they quote values, and so patients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, slots=True)
class Equipment:
    """The device that results name as their maker (PS3.3 C.7.5.1, C.7.5.2; TID 1004).

    ``device_serial_number`` tells one installation from another: it takes part in every
    UID, so two nodes never make different objects under the same UID.
    """

    software_version: str
    device_serial_number: str
    manufacturer: str = "mammo_node"
    model_name: str = "mammo_node"
    institution_name: str = ""
    station_name: str = ""
    ae_title: str = ""

    @property
    def device_uid(self) -> str:
        """Device UID (0018,1002), the same for the life of the installation."""
        return device_uid(self.manufacturer, self.model_name, self.device_serial_number)


@dataclass(frozen=True, slots=True)
class PriorResult:
    """A result object made earlier for the same study, which a new one supersedes."""

    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class EncodedObject:
    """One result object, complete with file meta information."""

    kind: OutputKind
    dataset: Dataset
    sop_class_uid: str
    sop_instance_uid: str

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E)."""
        return str(self.dataset.SeriesInstanceUID)

    def to_bytes(self) -> bytes:
        """Return the PS3.10 file, Explicit VR Little Endian.

        Raises
        ------
        EncodingError
            If a value cannot be written.
        """
        buffer = io.BytesIO()
        try:
            with quiet():
                self.dataset.save_as(buffer, enforce_file_format=True)
        except attributes.MALFORMED as error:
            # Its text may quote a patient's name, so it stays in the cause.
            raise EncodingError(
                f"{self.kind.value} {self.sop_instance_uid}: cannot be written"
                f" ({type(error).__name__})"
            ) from error
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """Write the PS3.10 file; an error of the file system is raised as it is."""
        path.write_bytes(self.to_bytes())

    def as_prior(self) -> PriorResult:
        """Return what a later result must know to supersede this one."""
        return PriorResult(
            kind=self.kind,
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            study_instance_uid=str(self.dataset.StudyInstanceUID),
            series_instance_uid=self.series_instance_uid,
        )
