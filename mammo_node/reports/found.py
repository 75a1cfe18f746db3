"""What a report says, as values: the result of reading one."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_node.reports.geometry import Point, Region
from mammo_node.vocabulary import (
    Assessment,
    Box,
    CodedConcept,
    DensityCategory,
    Laterality,
    Location,
    View,
)


@dataclass(frozen=True, slots=True)
class ReadImage:
    """An image that the report speaks of, with what its image library says of it."""

    sop_instance_uid: str
    laterality: Laterality | None = None
    view: View | None = None

    @property
    def name(self) -> str:
        """Side and view, such as 'R-MLO', as far as they are known."""
        known = [part.value for part in (self.laterality, self.view) if part is not None]
        return "-".join(known)


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its unit, of what the concept says."""

    concept: CodedConcept
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Quality:
    """A coded property: what, and which."""

    concept: CodedConcept
    value: CodedConcept


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Who found it (PS3.16 TID 4019)."""

    name: str | None = None
    version: str | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadDensity:
    """What a breast is made of, or, without laterality, those of the patient."""

    laterality: Laterality | None
    category: DensityCategory | None
    composition: CodedConcept | None
    """The code that says the category."""
    certainty: float | None = None
    """0..1, of that category."""
    probabilities: tuple[float, float, float, float] | None = None
    """Of A, B, C and D."""
    sop_instance_uids: tuple[str, ...] = ()
    """Images that it was read from, as far as the report names them."""
    algorithm: Algorithm = Algorithm()


@dataclass(frozen=True, slots=True)
class ReadScore:
    """A score of an image as a whole, 0..1, and its AI suspicion category if it has one."""

    sop_instance_uid: str | None
    image: str
    """Name of the image, such as 'R-MLO'."""
    label: str
    score: float
    category: int | None
    algorithm: Algorithm = Algorithm()


@dataclass(frozen=True, slots=True)
class ReadFinding:
    """One finding in one image, as far as the report tells."""

    concept: CodedConcept | None
    label: str | None
    """What our models call it; None for what they do not know."""
    name: str | None
    """Tracking Identifier."""
    tracking_uid: str | None
    image: ReadImage | None
    frame: int | None
    """Of a multi-frame image, from 1."""
    laterality: Laterality | None
    site: CodedConcept | None
    region: Region | None
    centre_px: Point | None
    members_px: tuple[Point, ...]
    """Centres of a cluster's members."""
    score: float | None
    """0..1: certainty of the finding, or probability, where the report has one."""
    size_mm: float | None
    """Longest of the lengths that it gives."""
    measured: tuple[Measured, ...]
    qualities: tuple[Quality, ...]
    words: tuple[str, ...]
    rendering: str | None
    """"required", "optional" or "not" for presentation."""
    lesion: int | None
    """The same number for findings that the report calls one lesion."""
    algorithm: Algorithm
    location: Location | None = None
    """Where in the breast, as far as the report tells."""

    @property
    def box_px(self) -> Box | None:
        """The box around the region; None where there is a point at most."""
        return None if self.region is None or self.region.is_point else self.region.bounds


@dataclass(frozen=True, slots=True)
class ReadReport:
    """Everything that a report says of findings; no patient data."""

    title: CodedConcept | None
    template: str | None
    sop_class_uid: str | None
    sop_instance_uid: str | None
    study_instance_uid: str | None
    manufacturer: str | None
    model_name: str | None
    software_versions: str | None
    completion_flag: str | None
    summary: CodedConcept | None
    """(111017, DCM, CAD Processing and Findings Summary)."""
    detections: CodedConcept | None
    """(111064, DCM, Summary of Detections)."""
    analyses: CodedConcept | None
    """(111065, DCM, Summary of Analyses)."""
    measured: tuple[Measured, ...]
    """Numbers that speak of the study, not of a finding."""
    qualities: tuple[Quality, ...]
    """Coded properties that speak of the study, such as an assessment category."""
    densities: tuple[ReadDensity, ...]
    scores: tuple[ReadScore, ...]
    """Of images as a whole."""
    assessments: tuple[Assessment, ...]
    """Of breasts and the patient."""
    statements: tuple[str, ...]
    images: tuple[ReadImage, ...]
    findings: tuple[ReadFinding, ...]
    without_findings: tuple[str, ...]
    """SOP Instance UIDs of images of which the report says that nothing was found."""
    not_analysed: tuple[str, ...]
    predecessors: tuple[str, ...]
    missing: tuple[str, ...]
    """What a report of this kind should have and this one has not, in words."""
