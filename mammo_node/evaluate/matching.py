"""When does a detection hit a lesion: by overlap, or by its centre."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.overlap import iou

FloatArray = npt.NDArray[np.floating]

HIT_IOU = 0.2
"""Least intersection over union of a hit; the usual figure for mammography detectors."""


class Criterion(StrEnum):
    """How a hit is decided."""

    IOU = "iou"
    CENTRE = "centre"


def centre_in_box(boxes: FloatArray, truth: FloatArray) -> FloatArray:
    """Whether the centres of (N, 4) boxes lie in (M, 4) true boxes: (N, M), 0 or 1."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centre[:, None] >= truth[None, :, :2]) & (centre[:, None] <= truth[None, :, 2:])
    return np.asarray(inside.all(axis=2).astype(np.float64))


def hits(boxes: FloatArray, truth: FloatArray, criterion: Criterion) -> FloatArray:
    """How well each detection hits each lesion, (N, M): the overlap where it is a hit, else 0.

    By the centre criterion a hit counts at least a little even when the overlap is small, so that
    the better of two lesions is still the one with the larger overlap.
    """
    overlap = iou(boxes, truth)
    if criterion == Criterion.IOU:
        return np.where(overlap >= HIT_IOU, overlap, 0.0)
    return centre_in_box(boxes, truth) * (overlap + 1e-6)
