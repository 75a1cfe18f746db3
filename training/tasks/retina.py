"""RetinaNet on crops or whole views: the detector phases of the four-phase recipe.

Phases: a patch classifier's last layer, then all of it (kind = "patches" with `backbone`); then the
detector's heads on the frozen backbone, then all of it with batch normalisation frozen. The recipe
is that of the RetinaNet study on CBIS-DDSM masses whose schedule the configuration names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo_node.analyse.manifest.boxes import Flip
from training.config import check_flips
from training.contract import Contract
from training.crops import CropRules, CropSource
from training.loss import focal_loss
from training.nets.retina import DeployedRetina, RetinaNet, encode_boxes
from training.task import Batch

#: An anchor is a hit from the first overlap on, and background below the second (Lin et al.).
HIT_IOU, MISS_IOU = 0.5, 0.4


@dataclass(frozen=True, slots=True)
class RetinaTask:
    """Keys of [task] with kind = "retina"; those of `CropRules` mean the same there."""

    labels: tuple[str, ...]
    backbone: tuple[int, ...] = (3, 4, 6, 3)
    bottleneck: bool = True
    width: int = 64
    pyramid: int = 256
    depth: int = 4
    channels: tuple[str, ...] = ("global", "local")
    parameters: dict[str, Any] = field(default_factory=dict)
    mm_per_pixel: float = 0.3
    crop_px: int = 512
    ignored: tuple[str, ...] = ()
    on_lesion: float = 0.75
    strength: float = 1.0
    box_weight: float = 1.0
    flips: tuple[Flip, ...] = ()

    def __post_init__(self) -> None:
        """Check what nothing would notice before the package is loaded."""
        check_flips(self.flips)

    def source(self, data: Path) -> CropSource:
        """Open a bank."""
        return CropSource(
            data,
            CropRules(
                labels=self.labels,
                channels=self.channels,
                parameters=self.parameters,
                mm_per_pixel=self.mm_per_pixel,
                size_px=self.crop_px,
                on_lesion=self.on_lesion,
                ignored=self.ignored,
                strength=self.strength,
                boxes=True,
            ),
        )

    def network(self) -> RetinaNet:
        """Make a detector with fresh weights."""
        return RetinaNet(
            len(self.channels),
            len(self.labels),
            self.backbone,
            self.width,
            bottleneck=self.bottleneck,
            pyramid=self.pyramid,
            depth=self.depth,
        )

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Focal loss over all anchors, smooth L1 over hits, both divided by the hits."""
        logits, offsets, anchors = net(batch["image"])
        corners = torch.cat(
            [anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2], 1
        )
        focal, smooth = [], []
        for i in range(len(logits)):
            found = batch["boxes"][i, batch["classes"][i] != 0]
            kinds = batch["classes"][i, batch["classes"][i] != 0]
            wanted, count, hit, which = _assigned(corners, found, kinds, logits.shape[2])
            each = focal_loss(logits[i], wanted) * count[:, None]
            focal.append(each.sum() / max(int(hit.sum()), 1))
            smooth.append(_smooth(offsets[i], found, anchors, hit, which))
        return {
            "focal": torch.stack(focal).mean(),
            "box": self.box_weight * torch.stack(smooth).mean(),
        }

    def deployed(self, net: nn.Module) -> nn.Module:
        """Decode boxes in the graph."""
        assert isinstance(net, RetinaNet)
        return DeployedRetina(net)

    @property
    def contract(self) -> Contract:
        """Boxes, scores, labels."""
        inputs = (("image", len(self.channels), 384, 256),)
        return Contract(inputs, ("boxes", "scores", "labels"), multiple=128, sets=True)


def _assigned(
    corners: Tensor, found: Tensor, kinds: Tensor, labels: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Wanted scores (N, labels), whether an anchor counts, whether it hits, and what.

    `kinds` are 1 + label, or -1 where an overlapping anchor counts for nothing.
    """
    wanted = corners.new_zeros(len(corners), labels)
    count = corners.new_ones(len(corners))
    if not len(found):
        none = torch.zeros(len(corners), dtype=torch.bool, device=corners.device)
        return wanted, count, none, none.long()
    overlap = _iou(corners, found)
    best, which = overlap.max(dim=1)
    hit = best >= HIT_IOU
    # Every lesion gets its best anchor, however poor.
    own = overlap.argmax(dim=0)
    hit[own], which[own] = True, torch.arange(len(found), device=corners.device)
    kind = kinds[which]
    count[(best >= MISS_IOU) & ~hit] = 0.0
    count[(kind < 0) & (best > 0)] = 0.0
    hit &= kind > 0
    wanted[hit, kind[hit].long() - 1] = 1.0
    return wanted, count, hit, which


def _smooth(offsets: Tensor, found: Tensor, anchors: Tensor, hit: Tensor, which: Tensor) -> Tensor:
    if not bool(hit.any()):
        return offsets.sum() * 0.0
    wanted = encode_boxes(found[which[hit]], anchors[hit])
    return functional.smooth_l1_loss(offsets[hit], wanted, beta=1.0 / 9.0, reduction="sum") / (
        4.0 * hit.sum()
    )


def _iou(a: Tensor, b: Tensor) -> Tensor:
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clamp(min=0).prod(dim=2)
    area_a, area_b = (x[:, 2:].sub(x[:, :2]).prod(dim=1) for x in (a, b))
    return both / (area_a[:, None] + area_b[None] - both).clamp(min=1e-6)
