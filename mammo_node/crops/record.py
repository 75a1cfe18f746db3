"""What is kept of each study: all that the index needs, and whether it is still right."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mammo_node.crops.atomic import write_text
from mammo_node.errors import CropsError

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Annotation:
    """One lesion in a crop; ``box`` is x_min, y_min, x_max, y_max in pixels of the crop."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Crop:
    """One crop: which file, of what, and every lesion whose middle it shows.

    ``box`` and ``window`` are stored pixels of the image: x_min, y_min, x_max, y_max, and left,
    top, width, height. Spacings are mm between rows and between columns of the crop. The first
    annotation is the lesion that the crop was made for.
    """

    name: str
    image: str
    study: str
    laterality: str
    view: str
    model: str
    columns: int
    rows: int
    spacing_mm: tuple[float, float]
    box: tuple[float, float, float, float]
    window: tuple[int, int, int, int]
    size_mm: tuple[float, float]
    """Width and height of the lesion's box."""
    burned_in: bool
    """The image says that there is writing in its pixels, or does not say that there is none."""
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """What became of one study.

    ``stamp`` stands for everything that a crop depends on beside the images: models, thresholds,
    margins. ``instances`` are pseudonyms of all images that were looked at.
    """

    stamp: str
    instances: tuple[str, ...]
    analysed: int
    crops: tuple[Crop, ...]


def save(record: StudyRecord, path: Path) -> None:
    """Write a record, whole or not at all."""
    write_text(path, json.dumps({"format": _FORMAT, **asdict(record)}, indent=1) + "\n")


def load(path: Path) -> StudyRecord | None:
    """Read a record; None where there is none.

    Raises
    ------
    CropsError
        If the file is something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CropsError(
            f"{path}: cannot be read: {error}; delete it to have it made anew"
        ) from error
    try:
        if values.pop("format") != _FORMAT:
            raise CropsError(f"{path}: of another version; take another folder")
        crops = tuple(_crop(one) for one in values.pop("crops"))
        return StudyRecord(crops=crops, **{**values, "instances": tuple(values["instances"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise CropsError(f"{path}: not a record of crops; take an empty folder") from error


def _crop(values: dict[str, Any]) -> Crop:
    annotations = tuple(
        Annotation(one["label"], one["score"], tuple(one["box"])) for one in values["annotations"]
    )
    tuples = {key: tuple(values[key]) for key in ("spacing_mm", "box", "window", "size_mm")}
    return Crop(**{**values, **tuples, "annotations": annotations})
