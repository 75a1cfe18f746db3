"""From grey levels to a model's input tensor, with the exact way back.

The node and the training use this one function, so that a model sees in use what it saw when it was
made. Steps: find the breast, crop, resample, stand upright, one recipe per channel, pad, trim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.errors import ImageError
from mammo_node.image.breast import BoolImage, Breast, FloatImage
from mammo_node.image.geometry import ViewTransform
from mammo_node.image.greys import Box, GivenGreys, Greys
from mammo_node.image.recipes import RECIPES, Source
from mammo_node.image.trimmings import trimmings
from mammo_node.vocabulary import InputSpec, Orientation

_INTERPOLATION = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR}


class NoBreastFound(ImageError):
    """The model wants the breast cropped and there is none in the image."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model's input, (1, channels, rows, columns) float32, and where its pixels come from.

    ``mask`` is (rows, columns) bool: the breast in model pixels, padding excluded. ``trimmed`` is
    what the inputs of ``spec.trimmed_inputs`` get, see :func:`.trimmings.trimmings`.
    """

    tensor: npt.NDArray[np.float32]
    transform: ViewTransform
    mask: BoolImage
    trimmed: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


def prepare(
    pixels: FloatImage,
    spacing_mm: tuple[float, float],
    orientation: Orientation,
    spec: InputSpec,
    *,
    padding: BoolImage | None = None,
) -> Prepared:
    """Make the input tensor that `spec` asks for of pixels that are there already.

    Parameters
    ----------
    pixels
        (rows, columns) float32, MONOCHROME2 (air dark), oriented as stored, any grey scale.
    padding
        (rows, columns) bool, True where Pixel Padding Value stands.

    The others, and what is raised, as `prepare_greys`.
    """
    return prepare_greys(GivenGreys(pixels, padding), spacing_mm, orientation, spec)


def prepare_greys(
    greys: Greys, spacing_mm: tuple[float, float], orientation: Orientation, spec: InputSpec
) -> Prepared:
    """Make the input tensor that `spec` asks for.

    Parameters
    ----------
    greys
        Where the grey levels come from.
    spacing_mm
        Distance between rows and between columns.
    orientation
        How the stored image is turned; with ``spec.mirror == "left"`` it is stood upright with the
        chest wall on the left.
    spec
        The manifest's [input] table.

    Raises
    ------
    NoBreastFound
        If ``spec.crop`` is "breast" and no breast can be found.
    """
    breast = greys.breast()
    if breast is None and spec.crop == "breast":
        raise NoBreastFound("no breast was found in the image")
    box = left, top, right, bottom = _crop(spec, breast, greys.shape)
    width, height = _scaled_size(spec, (right - left, bottom - top), spacing_mm)
    crop = greys.part(box)
    scaled = cv2.resize(crop, (width, height), interpolation=_INTERPOLATION[spec.interpolation])
    mask = _scaled_mask(breast, box, (width, height))
    flip_x = spec.mirror == "left" and orientation.chest_wall_right
    flip_y = spec.mirror == "left" and orientation.head_down
    steps = (slice(None, None, -1 if flip_y else 1), slice(None, None, -1 if flip_x else 1))
    source = Source(
        image=np.ascontiguousarray(scaled[steps]),
        mask=np.ascontiguousarray(mask[steps]),
        mm_per_pixel=spec.mm_per_pixel or spacing_mm[0] * (bottom - top) / height,
        native=crop[steps],
        native_mm=spacing_mm[0],
    )
    (rows, columns), (pad_top, pad_left) = _frame(spec, height, width)
    place = (slice(pad_top, pad_top + height), slice(pad_left, pad_left + width))
    shape = (1, len(spec.channels), rows, columns)
    tensor = np.full(shape, spec.pad_value, dtype=np.float32)
    for i, name in enumerate(spec.channels):
        first = spec.channels.index(name)
        # Networks of photographs take one image in three channels: it is made once.
        if first < i:
            tensor[0, i] = tensor[0, first]
        else:
            tensor[0, i][place] = RECIPES[name](source, spec.parameters.get(name, {}))
    padded_mask = np.zeros((rows, columns), dtype=bool)
    padded_mask[place] = source.mask
    kept = _kept(spec, breast, padded_mask)
    transform = ViewTransform(
        crop_x=left,
        crop_y=top,
        crop_width=right - left,
        crop_height=bottom - top,
        scaled_width=width,
        scaled_height=height,
        flip_x=flip_x,
        flip_y=flip_y,
        pad_left=pad_left - kept[1].start,
        pad_top=pad_top - kept[0].start,
    )
    part, padded_mask = np.ascontiguousarray(tensor[:, :, *kept]), padded_mask[kept]
    trimmed = {} if spec.trimmed_inputs is None else trimmings(tensor, kept, spec.trimmed_inputs)
    return Prepared(part, transform, np.ascontiguousarray(padded_mask), trimmed)


def _crop(spec: InputSpec, breast: Breast | None, shape: tuple[int, int]) -> Box:
    if breast is None or spec.crop == "none":
        return 0, 0, shape[1], shape[0]
    return breast.box


def _scaled_size(
    spec: InputSpec, size_px: tuple[int, int], spacing_mm: tuple[float, float]
) -> tuple[int, int]:
    """Width and height in model pixels, before padding."""
    if spec.size is not None and spec.fit == "stretch":
        return spec.size[1], spec.size[0]
    width_mm, height_mm = size_px[0] * spacing_mm[1], size_px[1] * spacing_mm[0]
    if spec.mm_per_pixel is not None:
        mm = spec.mm_per_pixel
    elif spec.longest_side is not None:
        mm = max(width_mm, height_mm) / spec.longest_side
    elif spec.height is not None:
        mm = height_mm / spec.height
    elif spec.size is not None:
        mm = max(width_mm / spec.size[1], height_mm / spec.size[0])
    else:
        raise ImageError("the model's input names no scale")
    return max(1, round(width_mm / mm)), max(1, round(height_mm / mm))


def _scaled_mask(breast: Breast | None, box: Box, size: tuple[int, int]) -> BoolImage:
    width, height = size
    if breast is None:
        return np.ones((height, width), dtype=bool)
    left, top, right, bottom = box
    # Model pixel centres, on the mask's grid of blocks.
    x = (left + (np.arange(width) + 0.5) * (right - left) / width) / breast.factor - 0.5
    y = (top + (np.arange(height) + 0.5) * (bottom - top) / height) / breast.factor - 0.5
    gx, gy = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    soft = cv2.remap(
        breast.mask.astype(np.float32), gx, gy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(soft > 0.25)


def _frame(spec: InputSpec, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of the tensor, and how many of them lie before the image."""
    if spec.size is not None:
        rows, columns = spec.size
        return spec.size, ((rows - height) // 2, (columns - width) // 2)
    rows, columns = (-(-n // spec.pad_multiple) * spec.pad_multiple for n in (height, width))
    return (rows, columns), (0, 0)


def _kept(spec: InputSpec, breast: Breast | None, mask: BoolImage) -> tuple[slice, slice]:
    """Rows and columns of the tensor that stay: all, or those of the grid that hold breast.

    They begin on the grid, so that a network whose strides divide ``trim_grid`` sees each pixel at
    the place in its own grids where it would see it in the whole tensor. With a grid of its own,
    a cell of air stays beyond the breast: it stands for the air before the edge of the image.
    """
    if spec.trim == "none" or breast is None or not mask.any():
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    cell, grid = spec.pad_multiple, spec.trim_grid or spec.pad_multiple
    margin = 0 if spec.trim_grid is None else cell
    lines = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    starts = [max(0, int(found[0]) - margin) // grid * grid for found in lines]
    ends = [-(-(int(found[-1]) + 1 + margin) // cell) * cell for found in lines]
    rows, columns = (
        slice(start, min(end, side))
        for start, end, side in zip(starts, ends, mask.shape, strict=True)
    )
    return rows, columns
