"""Patch classifiers: the ten findings, nodules, microcalcifications."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from training.contract import Contract
from training.loss import focal_loss
from training.nets.patch import MAP_STRIDE, DeployedPatches, PatchNet
from training.nets.retina import BackboneClassifier
from training.nets.window import WindowNet
from training.patch_source import PatchRules, PatchSource
from training.task import Batch


@dataclass(frozen=True, slots=True)
class PatchTask:
    """Keys of [task] with kind = "patches".

    `kinds` are the phantom kinds of each label, "+" between several. A window of `window_mm` is cut
    at `size_px` pixels; the exported network takes `pool` times as many and averages them. With
    `backbone` (blocks of the four stages) the network is RetinaNet's, for its first two phases;
    with `inner` it is one whose scores see nothing of the window's border, so that whole images
    may be judged at once.
    """

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    channels: tuple[str, ...] = ("global", "local")
    parameters: dict[str, Any] = field(default_factory=dict)
    window_mm: float = 51.2
    size_px: int = 256
    pool: int = 1
    width: int = 16
    on_finding: float = 0.65
    strength: float = 1.0
    alpha: float = 0.5
    gamma: float = 2.0
    backbone: tuple[int, ...] = ()
    bottleneck: bool = False
    inner: bool = False

    def source(self, data: Path) -> PatchSource:
        """Open a bank."""
        return PatchSource(
            data,
            PatchRules(
                kinds=tuple(tuple(kinds.split("+")) for kinds in self.kinds),
                channels=self.channels,
                parameters=self.parameters,
                window_mm=self.window_mm,
                size_px=self.size_px,
                on_finding=self.on_finding,
                strength=self.strength,
            ),
        )

    def network(self) -> nn.Module:
        """Make a classifier with fresh weights; pooling in front is added when it is exported."""
        if self.backbone:
            return BackboneClassifier(
                len(self.channels), len(self.labels), self.backbone, self.width, self.bottleneck
            )
        if self.inner:
            return WindowNet(len(self.channels), len(self.labels), self.width)
        return PatchNet(len(self.channels), len(self.labels), self.width)

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Focal loss, labels independent of each other (gamma 0: plain cross entropy)."""
        logits = net(batch["image"])[0]
        each = focal_loss(logits, batch["labels"], self.alpha, self.gamma)
        return {"focal": 4.0 * each.sum(dim=1).mean()}

    def deployed(self, net: nn.Module) -> nn.Module:
        """Scores and their map from full-size windows."""
        assert isinstance(net, PatchNet | WindowNet)
        if isinstance(net, PatchNet):
            net.pool = self.pool
        return DeployedPatches(net)

    @property
    def contract(self) -> Contract:
        """Scores of the window, and the map that they are made of."""
        side = self.size_px * self.pool
        inputs = (("image", len(self.channels), side, side),)
        # Windows keep their size; one whose scores see no border may grow to a whole image.
        free = MAP_STRIDE if self.inner and self.size_px % MAP_STRIDE == 0 else 0
        return Contract(inputs, ("scores", "map"), multiple=free, batches=True)
