"""Patch classifiers: the ten findings, nodules, microcalcifications."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from training.contract import Contract
from training.dense_source import DenseRules, DenseSource
from training.loss import focal_loss
from training.nets.findings import CELL_PX, CORE, FindingsNet
from training.nets.patch import MAP_STRIDE, DeployedPatches, PatchNet
from training.nets.retina import BackboneClassifier
from training.patch_source import PatchRules, PatchSource
from training.task import Batch


@dataclass(frozen=True, slots=True)
class PatchTask:
    """Keys of [task] with kind = "patches".

    `kinds` are the phantom kinds of each label, "+" between several. A window of `window_mm` is cut
    at `size_px` pixels; the exported network takes `pool` times as many and averages them. With
    `backbone` (blocks of the four stages) the network is RetinaNet's, for its first two phases;
    with `inner` it is one whose scores see little of the window's border, so that whole images may
    be judged at once (see `training.nets.findings`); it learns from crops of `cells` x `cells`
    cells, each asked for every label. `inserted`, `massed`, `scattered` and `turned` are shares of
    these crops.
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
    cells: int = 14
    inserted: float = 0.0
    massed: float = 0.0
    scattered: float = 0.0
    turned: float = 0.0

    @property
    def cell_px(self) -> int:
        """Pixels of a cell of the map, before any pooling in front."""
        return CELL_PX if self.inner else MAP_STRIDE

    def source(self, data: Path) -> PatchSource | DenseSource:
        """Open a bank to learn from."""
        return self._crops(data) if self.inner else self.windows(data)

    def _crops(self, data: Path) -> DenseSource:
        return DenseSource(
            data,
            DenseRules(
                kinds=tuple(tuple(kinds.split("+")) for kinds in self.kinds),
                channels=self.channels,
                parameters=self.parameters,
                mm_per_pixel=self.window_mm / self.size_px,
                cell_px=self.cell_px,
                cells=self.cells,
                on_finding=self.on_finding,
                inserted=self.inserted,
                massed=self.massed,
                scattered=self.scattered,
                turned=self.turned,
                strength=self.strength,
            ),
        )

    def windows(self, data: Path, scale: tuple[float, float] = (0.85, 1.18)) -> PatchSource:
        """Open a bank of which single windows are drawn; those of `inner` by their core."""
        return PatchSource(
            data,
            PatchRules(
                kinds=tuple(tuple(kinds.split("+")) for kinds in self.kinds),
                channels=self.channels,
                parameters=self.parameters,
                window_mm=self.window_mm,
                size_px=self.size_px,
                on_finding=self.on_finding,
                scale=scale,
                strength=self.strength,
                core=CORE if self.inner else 0.0,
            ),
        )

    def network(self) -> nn.Module:
        """Make a classifier with fresh weights; pooling in front is added when it is exported."""
        if self.backbone:
            return BackboneClassifier(
                len(self.channels), len(self.labels), self.backbone, self.width, self.bottleneck
            )
        if self.inner:
            return FindingsNet(len(self.labels), self.width)
        return PatchNet(len(self.channels), len(self.labels), self.width)

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Focal loss, labels independent of each other (gamma 0: plain cross entropy)."""
        logits, *maps = net(batch["image"])
        if self.inner:
            each = focal_loss(maps[0], batch["wanted"], self.alpha, self.gamma) * batch["weight"]
            return {"focal": 4.0 * each.sum() / len(each)}
        each = focal_loss(logits, batch["labels"], self.alpha, self.gamma)
        return {"focal": 4.0 * each.sum(dim=1).mean()}

    def deployed(self, net: nn.Module) -> nn.Module:
        """Scores and their map from full-size windows."""
        assert isinstance(net, PatchNet | FindingsNet)
        if isinstance(net, PatchNet):
            net.pool = self.pool
        return DeployedPatches(net)

    @property
    def contract(self) -> Contract:
        """Scores of the window, and the map that they are made of."""
        side = self.size_px * self.pool
        inputs = (("image", len(self.channels), side, side),)
        # Windows keep their size; one whose scores see no border may grow to a whole image.
        free = self.cell_px if self.inner and self.size_px % self.cell_px == 0 else 0
        # Two trunks make a large file.
        return Contract(inputs, ("scores", "map"), multiple=free, batches=True, half=self.inner)
