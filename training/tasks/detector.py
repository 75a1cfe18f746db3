"""The anchor-free lesion detector: masses at 0.3 mm, calcification clusters at 0.1 mm."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mammo_node.analyse.manifest.boxes import Flip
from training.config import check_flips
from training.contract import Contract
from training.crops import CropRules, CropSource
from training.loss import box_loss, focal_loss, heat_loss, weighted_bce
from training.nets.lesion import Deployed, LesionNet
from training.task import Batch


@dataclass(frozen=True, slots=True)
class DetectorTask:
    """Keys of [task] with kind = "detector"; those of `CropRules` mean the same there.

    The package averages its answers over the image and, for each of `flips`, the image turned over.
    Its boxes are `box_scale` times as large as the network has learned.
    """

    labels: tuple[str, ...]
    channels: tuple[str, ...] = ("global", "local")
    parameters: dict[str, Any] = field(default_factory=dict)
    mm_per_pixel: float = 0.3
    crop_px: int = 256
    margin_px: int = 32
    ignored: tuple[str, ...] = ()
    on_lesion: float = 0.65
    on_muscle: float = 0.0
    inserted: float = 0.0
    scattered: float = 0.0
    dusty: float = 0.0
    scale: tuple[float, float] = (0.8, 1.25)
    strength: float = 1.0
    width: int = 16
    specks: bool = False
    box_weight: float = 2.0
    suspicion_weight: float = 0.3
    speck_weight: float = 0.3
    extent_weight: float = 0.0
    flips: tuple[Flip, ...] = ()
    box_scale: float = 1.0

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
                margin_px=self.margin_px,
                on_lesion=self.on_lesion,
                on_muscle=self.on_muscle,
                ignored=self.ignored,
                inserted=self.inserted,
                scattered=self.scattered,
                dusty=self.dusty,
                scale=self.scale,
                strength=self.strength,
                specks=self.specks,
            ),
        )

    def network(self) -> LesionNet:
        """Make a detector with fresh weights."""
        return LesionNet(
            len(self.channels),
            len(self.labels),
            self.width,
            specks=self.specks,
            extent=self.extent_weight > 0.0,
        )

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Heat, box, suspicion and, with those heads, specks and extent."""
        logits, edges, suspicion, *taught = net(batch["image"])
        terms = {
            "heat": heat_loss(logits, batch["heat"], batch["care"]),
            "box": self.box_weight * box_loss(edges, batch["edges"], batch["weight"]),
            "suspicion": self.suspicion_weight
            * weighted_bce(suspicion[:, 0], batch["suspicion"], batch["weight"]),
        }
        if self.specks:
            found = heat_loss(taught.pop(0), batch["specks"], batch["speck_care"])
            terms["specks"] = self.speck_weight * found
        if self.extent_weight:
            each = focal_loss(taught.pop(0), batch["extent"], alpha=0.5) * batch["care"]
            terms["extent"] = self.extent_weight * each.sum() / batch["extent"].sum().clamp(min=1.0)
        return terms

    def deployed(self, net: nn.Module) -> nn.Module:
        """Decode boxes in the graph."""
        assert isinstance(net, LesionNet)
        return Deployed(net, box_scale=self.box_scale)

    @property
    def contract(self) -> Contract:
        """Boxes, scores, labels, suspicion beside them, and the heatmap."""
        size = (len(self.channels), 256, 192)
        outputs = ("boxes", "scores", "labels", "suspicion", "heatmap")
        return Contract((("image", *size),), outputs, multiple=32, sets=True)
