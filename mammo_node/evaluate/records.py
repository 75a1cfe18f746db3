"""What is known to be true of one image: the common record that every source of truth gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mammo_node.vocabulary import Box, Laterality, View


class Density(StrEnum):
    """Breast composition, ACR BI-RADS a to d (CID 6000 / 6001)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class TrueFinding:
    """One finding that is there.

    ``label`` is of the common vocabulary (:mod:`mammo_node.evaluate.labels`), ``original_label``
    what the source calls it. ``box_px`` is in stored pixels, None where the source says only that
    the image has it. ``malignant`` is None where the source does not say.
    """

    label: str
    original_label: str
    box_px: Box | None = None
    malignant: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image and the truth about it.

    Attributes
    ----------
    image_id
        Unique within the source, and the same at every reading.
    path
        The image, or None where only results are at hand.
    patient, study
        Identities within the source: splits and intervals go by patient.
    findings
        All that was annotated; empty for a normal image.
    annotated
        Labels that the annotators looked for: a detection of another label is not judged.
    vendor, split
        As the source says them; None where it does not.
    density
        Of the breast.
    malignant
        Of the image or breast as a whole; None where the source does not say.
    spacing_mm
        Pixel pitch where the file itself has none or a wrong one.
    nipple_px
        (column, row) in stored pixels.
    sop_instance_uid
        Where the source knows it; else it is read from the file.
    """

    image_id: str
    path: Path | None
    patient: str
    study: str
    laterality: Laterality
    view: View
    findings: tuple[TrueFinding, ...] = ()
    annotated: frozenset[str] = field(default_factory=frozenset)
    vendor: str | None = None
    density: Density | None = None
    malignant: bool | None = None
    spacing_mm: float | None = None
    nipple_px: tuple[float, float] | None = None
    split: str | None = None
    sop_instance_uid: str | None = None

    @property
    def breast(self) -> tuple[str, str, Laterality]:
        """What images of one breast at one time have in common."""
        return self.patient, self.study, self.laterality

    def of_label(self, label: str) -> tuple[TrueFinding, ...]:
        """Return the findings of one label."""
        return tuple(finding for finding in self.findings if finding.label == label)
