"""A window classifier on the trunks of two detectors, fully convolutional.

A fine trunk sees what a detector of calcifications sees, at the input's pixels; a coarse one what a
detector of masses sees, at pixels twice as large. Cells of 64 pixels gather both and answer for
every label. What counts of a window lies far enough from its border that it hardly matters what
lies around the window: a whole image may be judged at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import Conv, Residual
from training.nets.lesion import LesionNet

#: Pixels of a cell; cell i is centred at pixel 64 i.
CELL_PX = 64
#: Cells of a window, and those at its border that do not count, before and behind in both
#: directions: they see much of the zeros around it, the others little.
CELLS, TRIM = 16, (7, 6)
#: Share of a window's side that the cells stand for that count: its core.
CORE = (CELLS - sum(TRIM)) / CELLS
#: Channels of the input that each trunk sees: levels, and contrast with a near or wide surround.
FINE, COARSE = slice(0, 2), slice(0, 3, 2)


class Trunk(LesionNet):
    """A detector without its boxes: image -> class logits, level (both stride 8), stride 32."""

    def __init__(self, width: int) -> None:
        super().__init__(2, 1, width)
        del self.edges, self.suspicion

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Logits (B, 1, H/8, W/8), level (B, width 7/2, H/8, W/8), (B, width 8, H/32, W/32)."""
        _, level, x32 = self.levels(image)
        return self.classes(level), level, x32


class Pointwise(nn.Module):
    """Two 1x1 convolutions and a shortcut: capacity that sees no farther."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels, 1)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels, momentum=0.05),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        return functional.relu(x + self.second(self.first(x)))


class FindingsNet(nn.Module):
    """(B, 3, H, W) float32 -> logits (B, labels), and the map (B, labels, H/64, W/64).

    A window's logit is the smooth maximum of its inner cells: one that sees a finding is enough.
    The trunks are named `fine` and `coarse`, so that each may begin with a detector's weights.
    """

    def __init__(self, labels: int, width: int = 16) -> None:
        super().__init__()
        w8, w16, w32 = width * 7 // 2, width * 6, width * 8
        few, some = width * 3 // 2, width * 4
        self.fine, self.coarse = Trunk(width), Trunk(width)
        self.narrow = Conv(w8, few, 1)
        self.gather = nn.Sequential(Conv(w8 + 1, some, 3, 2), Conv(some, w16, 3, 2))
        self.cells = nn.Sequential(
            Conv(1 + few + 1 + w16 + w32, w16, 1), Residual(w16), Pointwise(w16)
        )
        self.labels = nn.Conv2d(w16, labels, 1)
        nn.init.constant_(self.labels.bias, -2.0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and map."""
        seen = torch.cat([self._fine(image[:, FINE]), *self._coarse(image[:, COARSE])], dim=1)
        cells = self.labels(self.cells(seen))
        before, behind = TRIM
        flat = cells[:, :, before:-behind, before:-behind].flatten(2)
        return torch.logsumexp(flat, dim=2) - torch.log(torch.ones_like(flat).sum(dim=2)), cells

    def _fine(self, image: Tensor) -> Tensor:
        """Logit and features, each the highest within half a cell of a cell's centre."""
        logits, level, _ = self.fine(image)
        return functional.max_pool2d(torch.cat([logits, self.narrow(level)], dim=1), 9, 8, 4)

    def _coarse(self, image: Tensor) -> tuple[Tensor, ...]:
        """Highest logit around a cell's centre, gathered features, and those that see farthest."""
        logits, level, x32 = self.coarse(functional.avg_pool2d(image, 2))
        peak = functional.max_pool2d(logits, 5, 4, 2)
        return peak, self.gather(torch.cat([logits, level], dim=1)), x32
