"""A compact patch classifier, fully convolutional, with a map of where in the patch it scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import Conv, Residual

#: Pixels per cell of the map, after the pooling in front.
MAP_STRIDE = 32


class PatchNet(nn.Module):
    """(B, C, H, W) float32 -> logits (B, labels), and the map (B, labels, H/32, W/32).

    A patch's logit is the smooth maximum of its map: one cell that sees a finding is enough.
    `pool` averages pixels in front, so that wide windows stay cheap.
    """

    def __init__(self, channels: int, labels: int, width: int = 16, pool: int = 1) -> None:
        super().__init__()
        w4, w8, w16, w32 = width * 3 // 2, width * 7 // 2, width * 6, width * 8
        self.pool = pool
        self.stem = nn.Sequential(Conv(channels, width, 5, 2), Conv(width, w4, 3, 2))
        self.stage4 = Residual(w4)
        self.stage8 = nn.Sequential(Conv(w4, w8, 3, 2), Residual(w8))
        self.stage16 = nn.Sequential(Conv(w8, w16, 3, 2), Residual(w16), Residual(w16))
        self.stage32 = nn.Sequential(Conv(w16, w32, 3, 2), Residual(w32), Residual(w32))
        self.head = nn.Sequential(Conv(w32, w32, 1), nn.Conv2d(w32, labels, 1))
        nn.init.constant_(self.head[-1].bias, -2.0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and map."""
        if self.pool > 1:
            image = functional.avg_pool2d(image, self.pool)
        x = self.stage8(self.stage4(self.stem(image)))
        cells = self.head(self.stage32(self.stage16(x)))
        flat = cells.flatten(2)
        return torch.logsumexp(flat, dim=2) - torch.log(torch.ones_like(flat).sum(dim=2)), cells


class DeployedPatches(nn.Module):
    """What is exported: image -> scores (B, labels) 0..1 and their map."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Scores instead of logits."""
        logits, cells = self.net(image)
        return torch.sigmoid(logits), torch.sigmoid(cells)
