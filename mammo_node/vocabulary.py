"""The domain's types, shared by every layer: frozen values without behaviour to speak of.

Rules:

* Image coordinates are DICOM's (PS3.3 C.18.6.1.1): (column, row), floating point,
  (0.0, 0.0) is the top-left corner of the top-left pixel of the image *as stored*.
* Lengths are millimetres, scores are 0..1, times are timezone-aware UTC.
* Names are the standard's: ``sop_instance_uid``, ``calling_ae_title``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from mammo_node.config import OutputKind as OutputKind  # noqa: PLC0414 - re-exported on purpose


def reaches(score: float, threshold: float) -> bool:
    """Whether a score counts at a threshold, which itself counts.

    Compared in the single precision of models' scores: 0.7 as a float lies below 0.7 as a double.
    """
    return bool(np.float32(score) >= np.float32(threshold))


class Laterality(StrEnum):
    """Image Laterality (0020,0062)."""

    LEFT = "L"
    RIGHT = "R"


class View(StrEnum):
    """Views of CID 4014, by the abbreviation used in PS3.3 C.8.11.7 (View Code Sequence)."""

    CC = "CC"
    MLO = "MLO"
    ML = "ML"
    LM = "LM"
    LMO = "LMO"
    XCCL = "XCCL"
    XCCM = "XCCM"
    FB = "FB"
    SIO = "SIO"
    ISO = "ISO"
    AT = "AT"
    CV = "CV"


#: The four views of a screening study, in hanging order (right on the viewer's left).
STANDARD_VIEWS: tuple[tuple[Laterality, View], ...] = (
    (Laterality.RIGHT, View.CC),
    (Laterality.LEFT, View.CC),
    (Laterality.RIGHT, View.MLO),
    (Laterality.LEFT, View.MLO),
)


@dataclass(frozen=True, slots=True)
class CodedConcept:
    """A code triplet (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle in image coordinates, pixels."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def centre(self) -> tuple[float, float]:
        """Centre as (column, row)."""
        return (self.x_min + self.x_max) / 2, (self.y_min + self.y_max) / 2

    @property
    def width(self) -> float:
        """Extent along the row direction (columns)."""
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        """Extent along the column direction (rows)."""
        return self.y_max - self.y_min


class SpacingOrigin(StrEnum):
    """Where a pixel spacing comes from: it decides what a size in mm means."""

    IMAGER_CORRECTED = "Imager Pixel Spacing / Estimated Radiographic Magnification Factor"
    IMAGER = "Imager Pixel Spacing (detector plane, magnification unknown)"
    PIXEL_SPACING_CALIBRATED = "Pixel Spacing (calibrated)"
    PIXEL_SPACING = "Pixel Spacing"
    NOMINAL_SCANNED = "Nominal Scanned Pixel Spacing (film)"


@dataclass(frozen=True, slots=True)
class Spacing:
    """Pixel pitch in mm, in DICOM's order: between rows, between columns."""

    row_mm: float
    column_mm: float
    origin: SpacingOrigin


class OrientationOrigin(StrEnum):
    """What the chest-wall side was read from."""

    HEADER = "Patient Orientation"
    PIXELS = "pixels: the breast touches that edge"
    PIXELS_OVER_HEADER = "pixels, against Patient Orientation"


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the stored image is turned: what must be flipped to stand upright, chest wall left.

    ``chest_wall_right`` is True when the chest wall is at the right edge of the stored
    image; ``head_down`` when the cranial (MLO) or lateral (CC) side is at the bottom.
    """

    chest_wall_right: bool
    head_down: bool = False
    origin: OrientationOrigin = OrientationOrigin.HEADER


@dataclass(frozen=True, slots=True)
class InstanceRef:
    """One received SOP instance, as results refer to it."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class HeaderSummary:
    """What the study clock must know of an instance; None where the header does not say."""

    laterality: Laterality | None
    view: View | None
    standard: bool
    """A plain full view that counts towards completeness: For Presentation, no
    magnification, spot, specimen or biopsy modifier."""


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """An instance that lies in the spool, ready to be committed to the journal."""

    ref: InstanceRef
    transfer_syntax_uid: str
    summary: HeaderSummary
    calling_ae_title: str
    called_ae_title: str
    peer_address: str
    association_id: str
    path: Path
    size_bytes: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What an archive says of objects that it was asked to commit to (PS3.4 J.3.3).

    SOP Instance UIDs; those that it does not commit to with their Failure Reason (0008,1197).
    """

    transaction_uid: str
    committed: frozenset[str]
    failed: Mapping[str, int]


class RefusalReason(StrEnum):
    """Why an accepted instance is not analysed. Stable words: they stand in results and logs."""

    SOP_CLASS = "sop-class-not-analysed"
    FOR_PROCESSING = "for-processing"
    TOMOSYNTHESIS = "tomosynthesis"
    VENDOR_PRIVATE = "vendor-private-object"
    SECONDARY_CAPTURE = "secondary-capture"
    LATERALITY = "no-laterality"
    VIEW = "no-view"
    VIEW_NOT_ANALYSED = "view-not-analysed"
    PARTIAL_VIEW = "partial-or-magnified-view"
    SPECIMEN = "specimen-or-biopsy"
    IMPLANT = "implant"
    PHOTOMETRIC = "photometric-interpretation"
    MULTI_FRAME = "multi-frame"
    ORIENTATION = "orientation"
    SPACING = "no-pixel-spacing"
    PIXEL_DATA = "pixel-data"
    NO_BREAST = "no-breast-found"
    MODALITY = "modality"
    IMAGE_TYPE = "image-type-not-analysed"
    HEADER = "header"
    FILE = "file-gone"
    MODEL = "model-not-intended"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason with what was found, in words for an administrator; no patient data."""

    reason: RefusalReason
    detail: str


class VoiKind(StrEnum):
    """The grey-scale pipeline a model asks for (PS3.4 N.2)."""

    NONE = "none"
    WINDOW = "window"


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056), PS3.3 C.11.2.1.2."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """One Window Center / Window Width pair, in modality units, with its explanation."""

    centre: float
    width: float
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class LookupTable:
    """One Modality or VOI LUT item (PS3.3 C.11.1.1.1): ``data[i]`` is for input ``first + i``.

    Inputs below ``first`` take the first entry, above the last one the last.
    """

    first: int
    bits: int
    data: tuple[int, ...]
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Presentation:
    """The grey-scale pipeline of one image (PS3.4 N.2): modality, VOI, polarity.

    ``modality_lut`` takes the place of slope and intercept where there is one. ``inverse``
    is True when the least value is shown white (MONOCHROME1). Stored values range over
    ``bits_stored`` bits, two's complement when ``signed``.
    """

    bits_stored: int
    signed: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: LookupTable | None = None
    windows: tuple[Window, ...] = ()
    voi_function: VoiFunction = VoiFunction.LINEAR
    voi_luts: tuple[LookupTable, ...] = ()
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a model wants its input: the manifest's [input] table.

    Exactly one of ``mm_per_pixel``, ``longest_side``, ``height`` and ``size`` is set.
    ``channels`` names recipes of ``image.preprocess``; ``parameters`` holds each recipe's own
    table.
    """

    name: str
    channels: tuple[str, ...]
    mm_per_pixel: float | None = None
    longest_side: int | None = None
    height: int | None = None
    size: tuple[int, int] | None = None
    """(rows, columns) of the tensor, always the same; ``pad_multiple`` does not apply."""
    fit: str = "letterbox"
    """With ``size``: "letterbox" keeps the shape and centres the image, "stretch" fills."""
    pad_value: float = 0.0
    """Of every channel, where there is no image."""
    crop: str = "breast"
    """"breast" or "none"."""
    mirror: str = "left"
    """"left": flipped so that the chest wall is on the left; "none": as stored."""
    pad_multiple: int = 32
    trim: str = "none"
    """"breast": the tensor is cut to the breast's part of it, on the grid of ``pad_multiple``."""
    trim_grid: int | None = None
    """Where the part begins, it does on this grid; None: on that of ``pad_multiple``, too."""
    trimmed_inputs: tuple[str, str] | None = None
    """Inputs that get a column and a row of what was cut away; None: the model has none."""
    interpolation: str = "area"
    """"area" or "bilinear"."""
    voi: VoiKind = VoiKind.NONE
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredBoxes:
    """What a detector says of one image, in model pixels.

    ``boxes`` (N, 4) float32 as x_min, y_min, x_max, y_max; ``scores`` (N,) float32;
    ``labels`` (N,) int64, indices of the manifest's labels.
    ``heatmap`` (rows, columns) float32 in 0..1 covers the model's input on a coarser grid: how
    much each place scores; ``suspicion`` (N,) float32 in 0..1 how malignant each box looks; None
    where the model does not tell.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    heatmap: npt.NDArray[np.float32] | None = None
    suspicion: npt.NDArray[np.float32] | None = None

    def chosen(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Self:
        """Return some of them, by mask or by index, with the whole heatmap."""
        return replace(
            self,
            boxes=self.boxes[which],
            scores=self.scores[which],
            labels=self.labels[which],
            suspicion=None if self.suspicion is None else self.suspicion[which],
        )


class Detections(ScoredBoxes):
    """A detector's output after threshold and non-maximum suppression, by falling score."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class MammoImage:
    """One mammogram that passed the suitability gate.

    ``stored`` is the decoded pixel matrix, (rows, columns), integer, sign-corrected and
    masked to Bits Stored, as stored (not flipped, not inverted). ``image.presentation.render``
    makes MONOCHROME2 floats of it. ``padding`` is True where Pixel Padding Value applies.
    """

    ref: InstanceRef
    stored: npt.NDArray[np.integer]
    padding: npt.NDArray[np.bool_] | None
    laterality: Laterality
    view: View
    orientation: Orientation
    spacing: Spacing
    presentation: Presentation
    manufacturer: str
    implant_displaced: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return (int(self.stored.shape[0]), int(self.stored.shape[1]))


@dataclass(frozen=True, slots=True)
class ModelRef:
    """One exact model: what results cite."""

    name: str
    version: str
    sha256: str
    description: str = ""
    labels: tuple[str, ...] = field(default=(), compare=False)
    """What it looks for, where that is known: a report of no findings says of what."""


class Quadrant(StrEnum):
    """Part of a breast (CID 6020-like sites of SNOMED CT)."""

    UPPER_OUTER = "upper outer quadrant"
    UPPER_INNER = "upper inner quadrant"
    LOWER_OUTER = "lower outer quadrant"
    LOWER_INNER = "lower inner quadrant"
    UPPER = "upper half"
    LOWER = "lower half"
    OUTER = "outer half"
    INNER = "inner half"
    CENTRAL = "central portion"
    AXILLARY_TAIL = "axillary tail"


class Depth(StrEnum):
    """Third of the breast from the nipple to the chest wall."""

    ANTERIOR = "anterior third"
    MIDDLE = "middle third"
    POSTERIOR = "posterior third"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a finding lies in its breast, as far as the views tell.

    One view gives halves at most; quadrant and clock face need a CC and an MLO view of the
    same lesion. ``clock`` is 1..12 as seen by someone who faces the patient. Distances are mm
    in the image plane.
    """

    quadrant: Quadrant | None = None
    clock: int | None = None
    depth: Depth | None = None
    nipple_mm: float | None = None
    skin_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the other view of the breast changed a finding's score.

    ``partner`` is the finding there at the same distance from the nipple, ``difference_mm``
    how far the two distances are apart; both None when the other view shows none.
    """

    score_before: float
    partner: FindingRef | None = None
    difference_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One lesion candidate in one view, in image coordinates of the stored image."""

    label: str
    concept: CodedConcept
    score: float
    box_px: Box
    outline_px: tuple[tuple[float, float], ...] | None
    """Closed polygon without the repeated last point, or None: then the box is the outline."""
    long_axis_mm: float | None
    model: ModelRef
    site: str | None = None
    """Where in the breast, in words such as 'upper outer quadrant', if a model says so."""
    members_px: tuple[tuple[float, float], ...] = ()
    """Centres of a cluster's single calcifications (column, row), where the model tells them."""
    location: Location | None = None
    """Where in the breast, where the nipple is known."""
    agreement: Agreement | None = None
    """What the other view said of it, where views were compared."""
    suspicion: float | None = None
    """How malignant it looks, 0..1, where the model tells; `mammo-node evaluate` judges it, and
    no report has it."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The anatomy of one view, in image coordinates of the stored image.

    ``nipple_px`` is (column, row), None where it is not found; ``in_profile`` the probability
    that it is seen in profile. ``pectoral_px`` and ``breast_px`` are closed polygons without
    the repeated last point, empty where there is none.
    """

    nipple_px: tuple[float, float] | None
    nipple_score: float
    in_profile: float | None
    pectoral_px: tuple[tuple[float, float], ...]
    breast_px: tuple[tuple[float, float], ...]
    model: ModelRef
    orientation: Orientation | None = None
    """How the image stands; without it nothing can be placed by the landmarks."""


@dataclass(frozen=True, slots=True)
class ImageScore:
    """What a model says of an image as a whole.

    ``category`` is the AI suspicion category (1, 3, 4, 5 or 6 by the operating points of the
    model's manifest); it is not a BI-RADS assessment. None where the model gives none.
    """

    label: str
    score: float
    category: int | None
    model: ModelRef


@dataclass(frozen=True, slots=True)
class ViewResult:
    """What the analysis says of one image: findings, or why it was refused."""

    ref: InstanceRef
    laterality: Laterality | None
    view: View | None
    rows: int
    columns: int
    spacing: Spacing | None
    findings: tuple[Finding, ...] = ()
    refusal: Refusal | None = None
    landmarks: Landmarks | None = None
    scores: tuple[ImageScore, ...] = ()
    by: tuple[ModelRef, ...] = ()
    """The models that saw it: not all are intended for every image."""


class DensityCategory(StrEnum):
    """Breast composition (CID 6000-series of mammography; ACR BI-RADS Atlas, 5th edition)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class Density:
    """Density of one breast, or, without laterality, of the patient: the denser breast's.

    ``probabilities`` are those of A, B, C and D; ``sop_instance_uids`` the images that it was
    read from.
    """

    laterality: Laterality | None
    category: DensityCategory
    probabilities: tuple[float, float, float, float]
    sop_instance_uids: tuple[str, ...]
    model: ModelRef


class Light(StrEnum):
    """The traffic light of a study; UNLIT: nothing can be said."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    UNLIT = "unlit"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What all models and views together say of a breast, or, without laterality, of the patient.

    ``score`` is 0..1, the highest of what was fused; ``category`` the highest AI suspicion
    category; ``reasons`` plain sentences, the weightiest first.
    """

    laterality: Laterality | None
    score: float
    category: int | None
    light: Light
    reasons: tuple[str, ...] = ()


class MapKind(StrEnum):
    """What a map over an image shows: the words that pictures and segmentations say it with."""

    SCORES = "score map"
    """The model's score at each place, whether it was reported or not."""
    GRADIENT = "gradient x input"
    """What of the image spoke for the findings, by the model's gradient."""
    OCCLUSION = "occlusion"
    """What a finding's score loses when a place is covered."""


@dataclass(frozen=True, slots=True)
class ViewPicture:
    """One analysed image for people's eyes, and the maps that go with it.

    ``grey`` is (rows, columns) uint8, as a viewer would show it (0 black, window applied),
    hung: head up, chest wall at the right for a right breast and at the left for a left one;
    it may be smaller than the stored image. ``to_picture`` is the affine map of a stored
    point (column, row) to the picture: column = a * c + b * r + tx, row = d * c + e * r + ty,
    as (a, b, tx, d, e, ty). What made the models score, 0..1 float32, comes on two grids:
    ``heat`` on the picture's, ``relevance`` on the stored image's; ``map_kinds`` says how it was
    made, of each kind once. ``breast`` is bool on the stored image's grid. What no output needs
    is None.
    """

    grey: npt.NDArray[np.uint8]
    to_picture: tuple[float, float, float, float, float, float]
    breast: npt.NDArray[np.bool_] | None = None
    relevance: npt.NDArray[np.float32] | None = None
    heat: npt.NDArray[np.float32] | None = None
    map_kinds: tuple[MapKind, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingRef:
    """One finding of a study result: its image, and its place among that image's findings."""

    sop_instance_uid: str
    index: int


class Outcome(StrEnum):
    """The answer to a study, in one word."""

    FINDINGS = "findings"
    NO_FINDINGS = "no-findings"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_ATTEMPTED = "not-attempted"


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The whole answer to one study at one generation (a late view makes the next)."""

    study_instance_uid: str
    generation: int
    outcome: Outcome
    views: tuple[ViewResult, ...]
    models: tuple[ModelRef, ...]
    reason: str | None = None
    """Why the outcome is not a plain findings / no findings."""
    configuration_hash: str = ""
    """Of the configuration that changes results (thresholds, models used)."""
    operating_points: tuple[tuple[str, float], ...] = field(default=())
    """(label, threshold) pairs in force; "label (model)" where models differ on a label."""
    lesions: tuple[tuple[FindingRef, ...], ...] = ()
    """Findings that are one lesion seen in several images of a breast, where something has
    matched them. Empty: nothing is said, each finding stands alone."""
    densities: tuple[Density, ...] = ()
    """Of each breast that could be judged, then of the patient."""
    assessments: tuple[Assessment, ...] = ()
    """Of each breast, then of the patient; empty for answers without an analysis."""
    remarks: tuple[str, ...] = ()
    """Sentences on what could not be judged across views, such as density from one view."""

    def threshold_of(self, finding: Finding) -> float | None:
        """Return the threshold that a finding's score passed, if the result tells."""
        points = dict(self.operating_points)
        own = points.get(f"{finding.label} ({finding.model.name})")
        return points.get(finding.label) if own is None else own
