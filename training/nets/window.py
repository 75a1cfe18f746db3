"""A compact window classifier whose map on a whole image is exactly that of its windows.

No cell of the map that counts sees beyond its window: then zero padding at a window's border and
tissue around it make no difference, and a whole image can be judged at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import Conv, Residual

#: Cells of a window's map that do not count, before and behind in both directions. Cell i is
#: centred at pixel 32 i and sees 88 pixels to either side: of 256 pixels, cells 3 to 5 see no
#: border. With a further strided convolution in front all these are twice as many pixels.
TRIM = (3, 2)
#: Cells of a window, and share of its side that the cells stand for that count: its core.
CELLS = 8
CORE = (CELLS - sum(TRIM)) / CELLS


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


class WindowNet(nn.Module):
    """(B, C, H, W) float32 -> logits (B, labels), and the map (B, labels, H/32, W/32).

    A window's logit is the smooth maximum of its inner cells: one that sees a finding is enough.
    With `fine`, the channels of one more strided convolution in front, pixels are half as large for
    the same cells, which are then 64 pixels wide.
    """

    def __init__(self, channels: int, labels: int, width: int = 16, fine: int = 0) -> None:
        super().__init__()
        w4, w8, w16, w32 = width * 3 // 2, width * 7 // 2, width * 6, width * 8
        # Narrow: at full resolution a channel costs as much as sixteen of the next but one stage.
        self.fine = Conv(channels, fine, 3, 2) if fine else nn.Identity()
        self.stem = nn.Sequential(Conv(fine or channels, width, 5, 2), Conv(width, w4, 3, 2))
        self.stage4 = Residual(w4)
        self.stage8 = nn.Sequential(Conv(w4, w8, 3, 2), Residual(w8))
        # A further 3x3 convolution from here on would look over the window's border.
        self.stage16 = nn.Sequential(Conv(w8, w16, 3, 2), Residual(w16))
        self.stage32 = nn.Sequential(Conv(w16, w32, 3, 2), Pointwise(w32), Pointwise(w32))
        self.head = nn.Sequential(Conv(w32, w32, 1), nn.Conv2d(w32, labels, 1))
        nn.init.constant_(self.head[-1].bias, -2.0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and map."""
        x = self.stage8(self.stage4(self.stem(self.fine(image))))
        cells = self.head(self.stage32(self.stage16(x)))
        before, behind = TRIM
        flat = cells[:, :, before:-behind, before:-behind].flatten(2)
        return torch.logsumexp(flat, dim=2) - torch.log(torch.ones_like(flat).sum(dim=2)), cells
