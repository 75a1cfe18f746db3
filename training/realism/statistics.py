"""Statistics of one view by tissue; every function takes arrays on the common 0.25 mm scale."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from training.realism.view import FAT, GLAND, PECTORAL, PITCH_MM, TissueView

BANDS_MM = (0.3, 0.6, 1.2, 2.4, 4.8)
DEPTHS_MM = (2, 6, 10, 16, 24, 32)
FIT_CYCLES_PER_MM = (0.15, 1.2)
_PATCH_PX = 64
_LEAST_PX = 2000

Figures = dict[str, float]


def measure(view: TissueView) -> Figures:
    """All statistics of a labelled view; what a view has too little of is left out."""
    depth = view.depth_mm
    gland, fat, pectoral = (view.tissue == t for t in (GLAND, FAT, PECTORAL))
    inner_fat = fat & (depth > 10.0)
    figures: Figures = {}
    for name, region in (("gland", gland), ("fat", inner_fat)):
        figures |= texture(view.grey, region, name)
        figures |= direction(view, region, name)
    for name, region in (("fat", inner_fat), ("gland", gland), ("pectoral", pectoral)):
        if region.sum() >= _LEAST_PX:
            figures[f"{name} grey"] = float(np.median(view.grey[region]))
    figures |= pectoral_shape(view)
    figures |= fat_profile(view, depth)
    breast = gland | fat
    figures["dense fraction"] = float(gland.sum() / max(breast.sum(), 1))
    figures["breast area cm2"] = float(breast.sum() * PITCH_MM**2 / 100.0)
    return figures | interior(view, depth)


def interior(view: TissueView, depth_mm: np.ndarray) -> Figures:
    """Texture of the lower interior, whatever tissue it is, on a grey scale of its own.

    Needs no labels but the breast's, so that images without labels can be compared.
    """
    rows = np.flatnonzero(view.breast.any(axis=1))
    lower = np.arange(view.grey.shape[0])[:, None] > rows[0] + 0.45 * np.ptp(rows)
    region = (view.tissue != PECTORAL) & (depth_mm > 12.0) & lower
    if region.sum() < _LEAST_PX:
        return {}
    low, high = np.percentile(view.grey[region], (1.0, 99.5))
    grey = np.clip((view.grey - low) / np.float32(high - low), -1.0, 2.0)
    return texture(grey, region, "interior")


def texture(grey: np.ndarray, region: np.ndarray, name: str) -> Figures:
    """Deviation, skew and kurtosis of difference-of-Gaussians bands, and the spectral slope."""
    if region.sum() < _LEAST_PX:
        return {}
    figures: Figures = {}
    for scale in BANDS_MM:
        sigma = scale / PITCH_MM
        inner = ndimage.binary_erosion(region, iterations=max(1, round(0.8 * sigma)))
        if inner.sum() < _LEAST_PX // 4:
            continue
        band = cv2.GaussianBlur(grey, (0, 0), sigma) - cv2.GaussianBlur(grey, (0, 0), 1.6 * sigma)
        values = band[inner]
        deviation = float(values.std())
        centred = (values - values.mean()) / max(deviation, 1e-9)
        figures[f"{name} sd {scale}"] = deviation
        figures[f"{name} skew {scale}"] = float((centred**3).mean())
        figures[f"{name} kurtosis {scale}"] = float((centred**4).mean() - 3.0)
    slope = spectral_slope(grey, region)
    return figures | ({f"{name} beta": slope} if slope is not None else {})


def spectral_slope(grey: np.ndarray, region: np.ndarray) -> float | None:
    """Exponent of the mean radial power spectrum of 16 mm patches that lie in `region`."""
    window = np.hanning(_PATCH_PX)[:, None] * np.hanning(_PATCH_PX)[None, :]
    share = cv2.boxFilter(region.astype(np.float32), -1, (_PATCH_PX, _PATCH_PX), anchor=(0, 0))
    spectra = []
    for row in range(0, grey.shape[0] - _PATCH_PX, _PATCH_PX // 2):
        for column in range(0, grey.shape[1] - _PATCH_PX, _PATCH_PX // 2):
            if share[row, column] < 0.85:
                continue
            patch = grey[row : row + _PATCH_PX, column : column + _PATCH_PX]
            spectra.append(np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2)
    if not spectra:
        return None
    frequency = np.fft.fftfreq(_PATCH_PX, PITCH_MM)
    radial = np.hypot(frequency[:, None], frequency[None, :])
    power = np.mean(spectra, axis=0)
    edges = np.geomspace(*FIT_CYCLES_PER_MM, 12)
    ring = np.digitize(radial, edges)
    middles = np.array([radial[ring == i].mean() for i in range(1, 12) if (ring == i).any()])
    levels = np.array([power[ring == i].mean() for i in range(1, 12) if (ring == i).any()])
    return float(-np.polyfit(np.log(middles), np.log(levels), 1)[0])


def direction(view: TissueView, region: np.ndarray, name: str) -> Figures:
    """Coherence of the structure tensor (2.5 mm), and how much structures point at the nipple."""
    if region.sum() < _LEAST_PX:
        return {}
    smooth = cv2.GaussianBlur(view.grey, (0, 0), 0.4 / PITCH_MM)
    gy, gx = np.gradient(smooth)
    xx, yy, xy = (
        cv2.GaussianBlur(np.asarray(p), (0, 0), 2.5 / PITCH_MM) for p in (gx * gx, gy * gy, gx * gy)
    )
    root = np.sqrt((xx - yy) ** 2 + 4.0 * xy**2)
    coherence = root / np.maximum(xx + yy, 1e-12)
    # Structures run across the gradient.
    along = 0.5 * np.arctan2(2.0 * xy, xx - yy) + np.pi / 2.0
    rows, columns = np.indices(view.grey.shape)
    to_nipple = np.arctan2(view.nipple[1] - rows, view.nipple[0] - columns)
    inner = ndimage.binary_erosion(region, iterations=6)
    if not inner.any():
        return {}
    return {
        f"{name} coherence": float(coherence[inner].mean()),
        f"{name} to nipple": float(np.cos(2.0 * (along - to_nipple))[inner].mean()),
    }


def pectoral_shape(view: TissueView) -> Figures:
    """Angle from the vertical, length along the chest wall and width at the top of the muscle."""
    width = (view.tissue == PECTORAL).sum(axis=1).astype(np.float64)
    rows = np.flatnonzero(width > 0)
    if len(rows) < 20.0 / PITCH_MM:
        return {}
    slope = np.polyfit(rows, width[rows], 1)[0]
    return {
        "pectoral angle": float(np.degrees(np.arctan(-slope))),
        "pectoral length mm": len(rows) * PITCH_MM,
        "pectoral top width mm": float(np.median(width[rows[:40]]) * PITCH_MM),
        "pectoral edge rise": edge_rise(view, width),
    }


def edge_rise(view: TissueView, width: np.ndarray) -> float:
    """Grey 4 mm within the muscle's edge minus 4 mm outside it."""
    step = round(4.0 / PITCH_MM)
    rows = np.flatnonzero((width > 2 * step) & (width < view.grey.shape[1] - 2 * step))
    if not len(rows):
        return float("nan")
    edge = width[rows].astype(int)
    return float(np.median(view.grey[rows, edge - step] - view.grey[rows, edge + step]))


def fat_profile(view: TissueView, depth_mm: np.ndarray) -> Figures:
    """Median grey of fat at several depths inside the skin."""
    fat = view.tissue == FAT
    figures: Figures = {}
    for depth in DEPTHS_MM:
        shell = fat & (np.abs(depth_mm - depth) < 1.0)
        if shell.sum() > 200:
            figures[f"fat at {depth} mm"] = float(np.median(view.grey[shell]))
    return figures
