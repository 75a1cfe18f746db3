"""From what is in front of the detector to the picture as it is shown."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.digital import process_digital
from mammo_node.phantom.film import expose_film
from mammo_node.phantom.framing import Field
from mammo_node.phantom.look import BLACK, WHITE, FilmSheet, Look, Spot
from mammo_node.phantom.markers import add_film_marks, add_view_letters
from mammo_node.phantom.mirror import mirror_lesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.paddle import add_paddle_edge, spot_image
from mammo_node.phantom.raw import read_detector
from mammo_node.phantom.render import Breast, Exposure
from mammo_node.phantom.sheet import add_sheet
from mammo_node.phantom.view import FULL_SCALE, PhantomView

#: Field of a magnification view at the detector, as (columns, rows) in mm.
_SPOT_FIELD_MM = (180.0, 240.0)


def finish(rng: np.random.Generator, exposure: Exposure, look: Look, breast: Breast) -> PhantomView:
    """Take one view; the truth goes where the pixels go."""
    exposure = _framed(rng, exposure, look)
    scene = exposure.scene
    if rng.uniform() < look.paddle_edge:
        add_paddle_edge(rng, scene, exposure.log_attenuation)
    view = _unexposed(exposure, breast)
    if look.for_processing:
        image, full = exposure.log_attenuation, scene.full_thickness_mm
        pixels = read_detector(rng, image, full, scene.mu, scene.grid.pitch_mm)
        return _mirrored(replace(view, pixels=pixels))
    grey = _expose(rng, exposure, look)
    # Letters, labels and scanners know no side: they come after the breast is turned.
    view = _mirrored(view)
    grey = grey if view.laterality == "L" else np.ascontiguousarray(grey[:, ::-1])
    _mark(rng, view, grey, look)
    pixels = _quantised(grey, look)
    if look.lossy_ratio is not None:
        pixels = _through_jpeg2000(pixels, look.lossy_ratio)
    view = replace(view, pixels=pixels)
    if look.film is not None and look.film.canvas is not None:
        view = _on_canvas(rng, view, look.film)
    return view


def _framed(rng: np.random.Generator, exposure: Exposure, look: Look) -> Exposure:
    grid, nipple = exposure.scene.grid, exposure.scene.nipple_seen_px
    if look.spot is not None:
        centre = _spot_centre(rng, exposure)
        image = spot_image(rng, exposure.scene, exposure.log_attenuation, look.spot, centre)
        field = _spot_field(grid, look.spot, centre)
        return _cut(replace(exposure, log_attenuation=image), field)
    if rng.uniform() < look.clipped:
        columns = int(nipple[0] - rng.uniform(2.0, 9.0) / grid.pitch_mm) // 8 * 8
        if columns > 0.5 * grid.columns:
            return _cut(exposure, Field(0, 0, columns, grid.rows))
    return exposure


def _spot_centre(rng: np.random.Generator, exposure: Exposure) -> NDArray[np.float64]:
    found = [*exposure.lesions, *exposure.signs]
    if found:
        return np.asarray(found[int(rng.integers(len(found)))].centre_px)
    return np.asarray(exposure.scene.nipple_px) * [0.6, 1.0]


def _spot_field(grid: Grid, spot: Spot, centre: NDArray[np.float64]) -> Field:
    if spot.magnification == 1.0:
        return Field(0, 0, grid.columns, grid.rows)
    columns, rows = (
        min(limit, int(mm / spot.magnification / grid.pitch_mm) // 8 * 8)
        for mm, limit in zip(_SPOT_FIELD_MM, (grid.columns, grid.rows), strict=True)
    )
    left = int(np.clip(centre[0] - columns / 2, 0, grid.columns - columns))
    top = int(np.clip(centre[1] - rows / 2, 0, grid.rows - rows))
    return Field(left, top, columns, rows)


def _cut(exposure: Exposure, field: Field) -> Exposure:
    scene = exposure.scene
    narrower = replace(
        scene,
        grid=Grid(field.rows, field.columns, scene.grid.pitch_mm),
        nipple_px=field.move(scene.nipple_px),
        nipple_seen_px=field.move(scene.nipple_seen_px),
        log_attenuation=field.cut(scene.log_attenuation),
        inside_mm=field.cut(scene.inside_mm),
        thickness_mm=field.cut(scene.thickness_mm),
        pectoral=field.cut(scene.pectoral),
    )
    return Exposure(
        narrower,
        field.cut(exposure.log_attenuation),
        field.lesions(exposure.lesions),
        field.lesions(exposure.signs),
        field.lesions(exposure.benign),
        field.landmarks(exposure.landmarks),
    )


def _unexposed(exposure: Exposure, breast: Breast) -> PhantomView:
    scene = exposure.scene
    implant = breast.implant
    return PhantomView(
        laterality=scene.anatomy.laterality,
        view=scene.view,
        pixels=np.zeros((0, 0), dtype=np.uint16),
        pixel_spacing_mm=scene.grid.pitch_mm,
        lesions=exposure.lesions,
        nipple_px=exposure.landmarks.nipple_px,
        inside_mm=scene.inside_mm,
        compressed_mm=scene.full_thickness_mm,
        signs=exposure.signs,
        benign=exposure.benign,
        landmarks=exposure.landmarks,
        implant=None if implant is None else implant.filling,
        implant_displaced=implant is not None and implant.displaced,
    )


def _expose(rng: np.random.Generator, exposure: Exposure, look: Look) -> FloatArray:
    scene, image = exposure.scene, exposure.log_attenuation
    full, pitch = scene.full_thickness_mm, scene.grid.pitch_mm
    if look.film is not None:
        return expose_film(rng, image, full, scene.mu, pitch)
    return process_digital(rng, image, scene.thickness_mm, scene.inside_mm, full, scene.mu, pitch)


def _mirrored(view: PhantomView) -> PhantomView:
    if view.laterality == "L":
        return view
    columns = view.inside_mm.shape[1]
    marks = view.landmarks.mirrored()
    return replace(
        view,
        pixels=np.ascontiguousarray(view.pixels[:, ::-1]),
        lesions=tuple(mirror_lesion(x, columns) for x in view.lesions),
        signs=tuple(mirror_lesion(x, columns) for x in view.signs),
        benign=tuple(mirror_lesion(x, columns) for x in view.benign),
        nipple_px=marks.nipple_px,
        inside_mm=np.ascontiguousarray(view.inside_mm[:, ::-1]),
        landmarks=marks,
    )


def _mark(rng: np.random.Generator, view: PhantomView, grey: FloatArray, look: Look) -> None:
    # What lies on the film or the detector is not magnified.
    pitch = view.pixel_spacing_mm * (look.spot.magnification if look.spot else 1.0)
    if rng.uniform() < look.letters:
        add_view_letters(rng, grey, view.inside_mm, view.laterality, view.view, pitch)
    if look.film is not None:
        add_film_marks(rng, grey, pitch)
        add_sheet(rng, look.film, grey, view.inside_mm, pitch)


def _quantised(grey: FloatArray, look: Look) -> NDArray[np.uint16]:
    levels = FULL_SCALE + 1 if look.film is None else look.film.levels
    step = (FULL_SCALE + 1) // levels
    value = np.clip(grey * np.float32(levels - 1) + np.float32(0.5), 0, levels - 1)
    return np.asarray(value.astype(np.uint16) * np.uint16(step), dtype=np.uint16)


def _through_jpeg2000(pixels: NDArray[np.uint16], ratio: float) -> NDArray[np.uint16]:
    """Compress with loss and decompress, as a PACS or an archive may have done."""
    # OpenCV's scale runs from 0 to 1000: the share of the size that is kept, of 16 bits a pixel.
    kept = max(1, round(1000.0 * 12.0 / 16.0 / ratio))
    _, coded = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, kept])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), dtype=np.uint16)
    return np.minimum(decoded, np.uint16(FULL_SCALE))


def _on_canvas(rng: np.random.Generator, view: PhantomView, sheet: FilmSheet) -> PhantomView:
    """Pad the sheet to a square, as mini-MIAS has it, air on both sides."""
    rows, columns = view.pixels.shape
    side = max(rows, columns)
    left = -int((side - columns) * rng.uniform(0.2, 0.8))
    field = Field(left, -((side - rows) // 2), side, side)
    shade = {BLACK: 0, WHITE: FULL_SCALE // 16 * 16}.get(sheet.canvas or BLACK, 0x600)
    marks = field.landmarks(view.landmarks)
    return replace(
        view,
        pixels=field.cut(view.pixels, shade),
        lesions=field.lesions(view.lesions),
        signs=field.lesions(view.signs),
        benign=field.lesions(view.benign),
        nipple_px=marks.nipple_px,
        inside_mm=field.cut(view.inside_mm),
        landmarks=marks,
    )
