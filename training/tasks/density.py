"""Two-view density, categories A to D."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from training.contract import Contract
from training.nets.density import DensityNet, DeployedDensity
from training.pair_source import PairSource
from training.task import Batch
from training.whole_views import Frame


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
