"""Losses: focal losses for scores, GIoU for boxes, Dice for masks, ordinal for classes.

Focal loss for centre heatmaps as in Law and Deng, CornerNet (2018); focal loss as in Lin et al.
(2017); GIoU as in Rezatofighi et al. (2019); Dice as in Milletari et al. (2016).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def heat_loss(logits: Tensor, heat: Tensor, care: Tensor) -> Tensor:
    """Sum over cells (alpha 2, beta 4), divided by the number of centres."""
    positive = (heat >= 0.999).to(logits.dtype)
    score = torch.sigmoid(logits)
    hit = (1 - score) ** 2 * functional.logsigmoid(logits) * positive
    miss = score**2 * functional.logsigmoid(-logits) * (1 - heat) ** 4 * (1 - positive)
    return -((hit + miss) * care).sum() / positive.sum().clamp(min=1.0)


def box_loss(edges: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """1 - GIoU of boxes that share a cell's centre, (B, 4, ...) distances, weighted mean."""
    left, above, right, below = edges.unbind(1)
    wl, wa, wr, wb = wanted.unbind(1)
    overlap_w = torch.minimum(left, wl) + torch.minimum(right, wr)
    overlap_h = torch.minimum(above, wa) + torch.minimum(below, wb)
    overlap = overlap_w * overlap_h
    union = (left + right) * (above + below) + (wl + wr) * (wa + wb) - overlap
    hull_w = torch.maximum(left, wl) + torch.maximum(right, wr)
    hull_h = torch.maximum(above, wa) + torch.maximum(below, wb)
    hull = hull_w * hull_h
    giou = overlap / union - (hull - union) / hull
    return ((1 - giou) * weight).sum() / weight.sum().clamp(min=1.0)


def weighted_bce(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Binary cross entropy, weighted mean over cells."""
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1.0)


def focal_loss(logits: Tensor, wanted: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of each element, same shape."""
    score = torch.sigmoid(logits)
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    sure = score * wanted + (1 - score) * (1 - wanted)
    return (alpha * wanted + (1 - alpha) * (1 - wanted)) * (1 - sure) ** gamma * each


def dice_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """1 - Dice of soft masks (B, C, H, W), mean over the channels of each image."""
    score = torch.sigmoid(logits)
    both = (score * wanted).sum(dim=(2, 3))
    total = score.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3))
    return (1 - (2 * both + 1.0) / (total + 1.0)).mean()
