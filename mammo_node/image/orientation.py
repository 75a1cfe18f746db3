"""How the stored image is turned: where the chest wall is, and whether the head is down.

Patient Orientation (0020,0020) says it, but software along the way is known to flip pixels
and leave the attribute as it was, or to leave it empty. The breast touches the chest-wall
edge and no other side edge, and that cannot be written wrongly: so where the pixels speak
clearly they win, and the result says so. Up and down cannot be seen reliably, and there the
header stands. A chest wall at the top or the bottom is refused by `rotated`.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from skimage.filters import threshold_otsu

from mammo_node.header import attributes
from mammo_node.vocabulary import Laterality, Orientation, OrientationOrigin

_Grey = npt.NDArray[np.floating]
_Mask = npt.NDArray[np.bool_]
_Scalar = TypeVar("_Scalar", bound=np.generic)

#: Biped directions (PS3.3 C.7.6.1.1.1): the letter names where rows or columns lead to.
_POSTERIOR, _ANTERIOR, _HEAD, _FOOT = "P", "A", "H", "F"
_LETTERS = frozenset("APLRHF")
#: Columns lead from lateral (top) to medial (bottom) in an upright image.
_LATERAL = {Laterality.RIGHT: "R", Laterality.LEFT: "L"}

#: Width of the strip at each side that is searched for the breast, as a part of the columns,
#: and the margin outside it that is not looked at: collimator edges and film rims.
_STRIP, _MARGIN = 0.05, 0.01
#: How much more of one strip than of the other must be breast for the pixels to decide.
_CLEAR_DIFFERENCE = 0.2
#: Decimation before looking: a few hundred pixels a side are plenty.
_LOOK_PIXELS = 256


def directions(ds: Dataset) -> tuple[str, str] | None:
    """Return Patient Orientation's letters for rows and columns, or None when unusable."""
    found = attributes.texts(ds, "PatientOrientation")
    words = [word.replace("HEAD", _HEAD).replace("FOOT", _FOOT) for word in found]
    if len(words) != 2 or not all(word and set(word) <= _LETTERS for word in words):
        return None
    return words[0], words[1]


def rotated(ds: Dataset) -> bool:
    """Whether Patient Orientation puts the chest wall at the top or the bottom."""
    found = directions(ds)
    if found is None:
        return False
    rows, columns = found
    return rows[0] not in "AP" and columns[0] in "AP"


def header_chest_wall_right(ds: Dataset) -> bool | None:
    """Return the chest wall's side by Patient Orientation, None when it does not say."""
    found = directions(ds)
    if found is None or found[0][0] not in "AP":
        return None
    return found[0][0] == _POSTERIOR


def header_head_down(ds: Dataset, laterality: Laterality) -> bool:
    """Return whether the columns lead upwards in the patient; upright when nothing says it."""
    found = directions(ds)
    letters = set(found[1]) if found is not None else set()
    if letters & {_HEAD, _FOOT}:
        return _HEAD in letters
    return _LATERAL[laterality] in letters


def pixel_chest_wall_right(greys: _Grey, padding: _Mask | None) -> bool | None:
    """See at which side edge the breast is, None when it is not clear.

    Parameters
    ----------
    greys : ndarray
        (rows, columns), MONOCHROME2: air dark.
    padding : ndarray or None
        (rows, columns) bool, True where pixels mean nothing; counts as air.
    """
    small, valid = _decimated(greys, padding)
    if not _has_contrast(small[valid]):
        return None
    breast = valid & (small > _threshold(small[valid]))
    left, right = (float(strip.mean()) for strip in _strips(breast))
    return None if abs(right - left) < _CLEAR_DIFFERENCE else right > left


def air_is_bright(greys: _Grey, padding: _Mask | None) -> bool | None:
    """See whether the air beside the breast is brighter than the breast, None when unclear.

    Air is the side strip with the smaller spread of greys: it has no structure.
    """
    small, valid = _decimated(greys, padding)
    pairs = zip(_strips(small), _strips(valid), strict=True)
    strips = [strip[known] for strip, known in pairs if known.any()]
    if not strips or not _has_contrast(small[valid]):
        return None
    air = min(strips, key=_spread)
    return bool(np.median(air) > _threshold(small[valid]))


def thumbnail(image: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Return every n-th pixel, n such that enough are left to find sides and polarity."""
    step = max(1, min(image.shape) // _LOOK_PIXELS)
    return image[::step, ::step]


def _decimated(greys: _Grey, padding: _Mask | None) -> tuple[_Grey, _Mask]:
    small = thumbnail(greys)
    return small, np.ones(small.shape, bool) if padding is None else ~thumbnail(padding)


def _has_contrast(greys: _Grey) -> bool:
    return greys.size > 0 and float(np.ptp(greys)) > 0.0


def _threshold(greys: _Grey) -> float:
    return float(threshold_otsu(greys))  # type: ignore[no-untyped-call]


def _spread(greys: _Grey) -> float:
    low, high = np.percentile(greys, [25, 75])
    return float(high - low)


def _strips(image: npt.NDArray[_Scalar]) -> tuple[npt.NDArray[_Scalar], npt.NDArray[_Scalar]]:
    columns = image.shape[1]
    margin = int(columns * _MARGIN)
    strip = max(1, int(columns * _STRIP))
    return image[:, margin : margin + strip], image[:, columns - margin - strip : columns - margin]


def orient(
    ds: Dataset,
    laterality: Laterality,
    greys: _Grey,
    padding: _Mask | None,
) -> Orientation | None:
    """Decide how the image is turned, or return None when neither header nor pixels say."""
    told = header_chest_wall_right(ds)
    seen = pixel_chest_wall_right(greys, padding)
    if seen is None and told is None:
        return None
    if seen is None or seen is told:
        side, origin = bool(told), OrientationOrigin.HEADER
    elif told is None:
        side, origin = seen, OrientationOrigin.PIXELS
    else:
        side, origin = seen, OrientationOrigin.PIXELS_OVER_HEADER
    return Orientation(side, header_head_down(ds, laterality), origin)
