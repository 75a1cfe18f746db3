"""From model pixels to original DICOM image coordinates and back, exactly.

One :class:`ViewTransform` per view and model input. Both frames are corner-based:
(0.0, 0.0) is the top-left corner of the top-left pixel (PS3.3 C.18.6.1.1), so a resize is
a plain scale and a flip mirrors about the crop's width. The order of steps is

    original -> crop -> flip (columns, rows) -> scale (per axis) -> pad -> model

Nothing is rounded: the scale is model size / crop size per axis, as computed from the
integer sizes that were really used, so anisotropic resizes map back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import Box


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """Crop, flip, scale and pad between the stored image and a model's input.

    Parameters
    ----------
    crop_x, crop_y : int
        Left column and top row of the crop in the stored image, pixels.
    crop_width, crop_height : int
        Size of the crop in stored pixels.
    scaled_width, scaled_height : int
        Size of the crop after resizing, in model pixels, before padding.
    flip_x, flip_y : bool
        Mirror columns / rows of the crop before scaling.
    pad_left, pad_top : int
        Padding before the scaled crop, in model pixels; negative where the crop was cut.
    """

    crop_x: int
    crop_y: int
    crop_width: int
    crop_height: int
    scaled_width: int
    scaled_height: int
    flip_x: bool = False
    flip_y: bool = False
    pad_left: int = 0
    pad_top: int = 0

    @property
    def scale(self) -> tuple[float, float]:
        """Model pixels per stored pixel, as (column direction, row direction)."""
        return self.scaled_width / self.crop_width, self.scaled_height / self.crop_height

    def to_model(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map (N, 2) stored-image points (column, row) to model pixels."""
        xy = np.asarray(points, dtype=np.float64) - (self.crop_x, self.crop_y)
        if self.flip_x:
            xy[..., 0] = self.crop_width - xy[..., 0]
        if self.flip_y:
            xy[..., 1] = self.crop_height - xy[..., 1]
        return np.add(xy * self.scale, (self.pad_left, self.pad_top))

    def to_original(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map (N, 2) model pixels (column, row) back to the stored image."""
        xy = (np.asarray(points, dtype=np.float64) - (self.pad_left, self.pad_top)) / self.scale
        if self.flip_x:
            xy[..., 0] = self.crop_width - xy[..., 0]
        if self.flip_y:
            xy[..., 1] = self.crop_height - xy[..., 1]
        return np.add(xy, (self.crop_x, self.crop_y))

    def box_to_original(self, box: Box) -> Box:
        """Map a box in model pixels to the stored image; flips keep min <= max."""
        corners = self.to_original([(box.x_min, box.y_min), (box.x_max, box.y_max)])
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return Box(float(x0), float(y0), float(x1), float(y1))

    def box_to_model(self, box: Box) -> Box:
        """Map a box in the stored image to model pixels."""
        corners = self.to_model([(box.x_min, box.y_min), (box.x_max, box.y_max)])
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return Box(float(x0), float(y0), float(x1), float(y1))
