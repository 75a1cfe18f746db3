"""Two-view density, categories A to D."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from training.contract import Contract
from training.nets.density import CATEGORIES, DensityNet, DeployedDensity
from training.task import Batch
from training.view import BankedView
from training.whole_views import Frame, WholeViewSource, fit_frame


class PairSource(WholeViewSource):
    """Draws a breast's two views and its category; categories equally often."""

    def __init__(self, folder: Path, frame: Frame) -> None:
        super().__init__(folder)
        self.frame = frame

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One breast: `cc`, `mlo` (C, rows, columns) and `beyond` (3,) 0 or 1, float32."""
        groups = pairs(self.bank.views)
        found = sorted({category(pair[0]) for pair in groups})
        wanted = found[int(rng.integers(len(found)))]
        mine = [pair for pair in groups if category(pair[0]) == wanted]
        cc, mlo = mine[int(rng.integers(len(mine)))]
        beyond = (np.arange(len(CATEGORIES) - 1) < wanted).astype(np.float32)
        seen = [fit_frame(self.frame, view, rng).image for view in (cc, mlo)]
        return {"cc": seen[0], "mlo": seen[1], "beyond": beyond}


def category(view: BankedView) -> int:
    """0 for A to 3 for D."""
    return int(np.clip(view.truth.density, 0, len(CATEGORIES) - 1))


def pairs(views: dict[str, BankedView]) -> list[tuple[BankedView, BankedView]]:
    """CC and MLO of each breast that has both, in a fixed order."""
    breasts: dict[tuple[int, str], dict[str, BankedView]] = {}
    for name in sorted(views):
        truth = views[name].truth
        breasts.setdefault((truth.seed, truth.laterality), {})[truth.view] = views[name]
    return [(b["CC"], b["MLO"]) for b in breasts.values() if len(b) == 2]


@dataclass(frozen=True, slots=True)
class DensityTask:
    """Keys of [task] with kind = "density"."""

    rows: int = 336
    columns: int = 224
    channels: tuple[str, ...] = ("global",)
    parameters: dict[str, Any] = field(default_factory=dict)
    width: int = 16
    strength: float = 1.0

    @property
    def frame(self) -> Frame:
        """How views are fitted."""
        return Frame(
            self.rows, self.columns, self.channels, self.parameters, strength=self.strength
        )

    def source(self, data: Path) -> PairSource:
        """Open a bank."""
        return PairSource(data, self.frame)

    def network(self) -> DensityNet:
        """Make a network with fresh weights."""
        return DensityNet(len(self.channels), self.width)

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Ordinal: a binary question for each limit between categories."""
        logits = net(batch["cc"], batch["mlo"])
        each = functional.binary_cross_entropy_with_logits(logits, batch["beyond"])
        return {"ordinal": each}

    def deployed(self, net: nn.Module) -> nn.Module:
        """Probabilities of the categories."""
        assert isinstance(net, DensityNet)
        return DeployedDensity(net)

    @property
    def contract(self) -> Contract:
        """Two views of fixed size in, four probabilities out."""
        size = (len(self.channels), self.rows, self.columns)
        return Contract((("cc", *size), ("mlo", *size)), ("probabilities",))
