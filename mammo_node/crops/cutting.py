"""The crops of one image: pictures, masks, and what the index says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_node.crops.atomic import write_png
from mammo_node.crops.pseudonym import pseudonym
from mammo_node.crops.record import Annotation, Crop
from mammo_node.crops.window import Window, cut, window_of
from mammo_node.image.breast import Breast, find_breast
from mammo_node.image.presentation import render
from mammo_node.vocabulary import Box, Finding, MammoImage, ViewResult, VoiKind

#: Folders below the one that is asked for; images and labels as YOLO's tools look for them.
IMAGES, LABELS, MASKS, BREASTS = "images", "labels", "masks", "breasts"
_WHITE = 255
_DEEPEST = 65535


@dataclass(frozen=True, slots=True)
class Settings:
    """How crops are made.

    ``margin_mm`` beyond the lesion at each side; ``size_px`` the side of square crops, None for
    the image's own pixels; ``keep_uids`` names images and studies by their UIDs in the index.
    """

    margin_mm: float = 10.0
    size_px: int | None = None
    keep_uids: bool = False

    @property
    def stamp(self) -> str:
        """Say what a crop depends on here."""
        return f"margin {self.margin_mm:g} mm, size {self.size_px}, UIDs {self.keep_uids}"


def cut_image(
    image: MammoImage, view: ViewResult, settings: Settings, folder: Path, *, burned_in: bool
) -> list[Crop]:
    """Write the crops of all findings of one image; return what they are."""
    if not view.findings:
        return []
    pixels = render(image, VoiKind.NONE)
    breast = find_breast(pixels, image.padding)
    stem = pseudonym(image.ref.sop_instance_uid)
    crops = []
    for number, finding in enumerate(view.findings, start=1):
        window = window_of(
            finding.box_px, image.shape, image.spacing, settings.margin_mm, settings.size_px
        )
        name = f"{stem}-{number:02d}"
        crop = Crop(
            name=name,
            **_source(image, settings),
            **_geometry(image, finding, window),
            model=f"{finding.model.name} {finding.model.version}",
            burned_in=burned_in,
            annotations=_annotations(finding, view.findings, window),
        )
        _draw(folder, crop, pixels, breast, window)
        crops.append(crop)
    return crops


def _source(image: MammoImage, settings: Settings) -> dict[str, Any]:
    named = (lambda uid: uid) if settings.keep_uids else pseudonym
    return {
        "image": named(image.ref.sop_instance_uid),
        "study": named(image.ref.study_instance_uid),
        "laterality": image.laterality.value,
        "view": image.view.value,
    }


def _geometry(image: MammoImage, finding: Finding, window: Window) -> dict[str, Any]:
    box, spacing = finding.box_px, image.spacing
    return {
        "columns": window.columns,
        "rows": window.rows,
        "spacing_mm": window.spacing_mm(spacing),
        "box": _edges(box),
        "window": (window.left, window.top, window.width, window.height),
        "size_mm": (box.width * spacing.column_mm, box.height * spacing.row_mm),
    }


def _annotations(
    finding: Finding, findings: Sequence[Finding], window: Window
) -> tuple[Annotation, ...]:
    others = [o for o in findings if o is not finding and window.shows_centre(o.box_px)]
    return tuple(one for one in (_annotation(f, window) for f in (finding, *others)) if one)


def _annotation(finding: Finding, window: Window) -> Annotation | None:
    box = window.inside(finding.box_px)
    return None if box is None else Annotation(finding.label, finding.score, _edges(box))


def _edges(box: Box) -> tuple[float, float, float, float]:
    edges = (box.x_min, box.y_min, box.x_max, box.y_max)
    x_min, y_min, x_max, y_max = (round(edge, 2) for edge in edges)
    return x_min, y_min, x_max, y_max


def _draw(
    folder: Path,
    crop: Crop,
    pixels: npt.NDArray[np.float32],
    breast: Breast | None,
    window: Window,
) -> None:
    file = f"{crop.name}.png"
    greys = np.rint(cut(pixels, window) * _DEEPEST).clip(0, _DEEPEST)
    write_png(folder / IMAGES / file, greys.astype(np.uint16))
    write_png(folder / MASKS / file, _box_mask(crop))
    write_png(folder / BREASTS / file, _breast_mask(breast, window, pixels.shape))


def _box_mask(crop: Crop) -> npt.NDArray[np.uint8]:
    mask = np.zeros((crop.rows, crop.columns), dtype=np.uint8)
    for x_min, y_min, x_max, y_max in (one.box for one in crop.annotations[:1]):
        rows = slice(int(y_min), int(np.ceil(y_max)))
        mask[rows, int(x_min) : int(np.ceil(x_max))] = _WHITE
    return mask


def _breast_mask(
    breast: Breast | None, window: Window, shape: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Return where the breast is in a window; nowhere where it was not found."""
    mask = np.zeros((window.rows, window.columns), dtype=np.uint8)
    if breast is None:
        return mask
    across, down = window.scale
    rows = np.floor((np.arange(window.rows) + 0.5) / down).astype(int) + window.top
    columns = np.floor((np.arange(window.columns) + 0.5) / across).astype(int) + window.left
    within_rows, within = (rows >= 0) & (rows < shape[0]), (columns >= 0) & (columns < shape[1])
    cells = breast.mask[
        np.ix_(rows[within_rows] // breast.factor, columns[within] // breast.factor)
    ]
    mask[np.ix_(within_rows, within)] = np.where(cells, _WHITE, 0)
    return mask
