"""Breast density from a craniocaudal and an oblique view: one encoder, an ordinal answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.nets.blocks import Conv, Residual


class DensityNet(nn.Module):
    """Two views, each (B, C, 336, 224) float32 -> logits (B, 3): denser than A, than B, than C."""

    def __init__(self, channels: int = 1, width: int = 16) -> None:
        super().__init__()
        w = width
        self.encoder = nn.Sequential(
            Conv(channels, w, 5, 2),
            Conv(w, w * 2, 3, 2),
            Residual(w * 2),
            Conv(w * 2, w * 3, 3, 2),
            Residual(w * 3),
            Conv(w * 3, w * 4, 3, 2),
            Residual(w * 4),
            Conv(w * 4, w * 6, 3, 2),
        )
        self.score = nn.Sequential(
            nn.Linear(2 * w * 6, w * 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(w * 4, 1)
        )
        # One score and three limits: the cumulative logits cannot cross.
        self.limit = nn.Parameter(torch.tensor([-2.0, 0.0, 2.0]))

    def forward(self, cc: Tensor, mlo: Tensor) -> Tensor:
        """Cumulative logits; the order of the views does not matter to the encoder."""
        return self.told(self.seen(cc), self.seen(mlo))

    def told(self, cc: Tensor, mlo: Tensor) -> Tensor:
        """Give the cumulative logits of what was seen of two views."""
        return self.score(torch.stack([cc, mlo]).mean(dim=0)) - self.limit

    def seen(self, view: Tensor) -> Tensor:
        """Encode one view as (B, 12 times the width)."""
        cells = self.encoder(view)
        return torch.cat([cells.mean(dim=(2, 3)), cells.amax(dim=(2, 3))], dim=1)


class DeployedDensity(nn.Module):
    """What is exported: cc, mlo -> probabilities (B, 4) of A to D.

    Means over the four ways to turn either view upside down, which says nothing about density.
    """

    def __init__(self, net: DensityNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, cc: Tensor, mlo: Tensor) -> Tensor:
        """Differences of the cumulative probabilities."""
        net = self.net
        ccs, mlos = ([net.seen(view), net.seen(view.flip(2))] for view in (cc, mlo))
        told = [torch.sigmoid(net.told(a, b)) for a in ccs for b in mlos]
        beyond = torch.stack(told).mean(dim=0)
        one = torch.ones_like(beyond[:, :1])
        upper = torch.cat([one, beyond], dim=1)
        lower = torch.cat([beyond, torch.zeros_like(one)], dim=1)
        return torch.clamp(upper - lower, min=0.0)
