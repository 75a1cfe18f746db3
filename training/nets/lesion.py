"""A compact anchor-free detector: residual backbone, one fused level at stride 8, three heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import Conv, Residual, doubled
from training.targets import STRIDE


class LesionNet(nn.Module):
    """(B, C, H, W) float32 -> class logits, edge distances and suspicion logits at stride 8.

    Class logits are (B, labels, H/8, W/8); distances, from a cell's centre to the box's left, top,
    right and bottom edge in pixels, (B, 4, ...); suspicion, that a lesion there looks malignant,
    (B, 1, ...). Two further heads teach, and are not deployed: with `specks` one on single
    calcifications at stride 4, for the fine levels; with `extent` one that says of every cell
    whether it lies in a lesion, (B, labels, H/8, W/8), where the others learn from its middle.
    """

    def __init__(
        self,
        channels: int = 2,
        labels: int = 1,
        width: int = 16,
        *,
        specks: bool = False,
        extent: bool = False,
    ) -> None:
        super().__init__()
        # Fine levels are narrow and coarse ones wide: nearly all time goes into the fine ones.
        w4, w8, w16, w32 = width * 3 // 2, width * 7 // 2, width * 6, width * 8
        self.stem = nn.Sequential(Conv(channels, width, 5, 2), Conv(width, w4, 3, 2))
        self.stage4 = Residual(w4)
        self.stage8 = nn.Sequential(Conv(w4, w8, 3, 2), Residual(w8))
        self.stage16 = nn.Sequential(Conv(w8, w16, 3, 2), Residual(w16), Residual(w16))
        self.stage32 = nn.Sequential(Conv(w16, w32, 3, 2), Residual(w32), Residual(w32))
        self.from4 = Conv(w4, w8, 3, 2)
        self.from8 = Conv(w8, w8, 1)
        self.from16 = Conv(w16, w8, 1)
        self.from32 = Conv(w32, w8, 1)
        self.mix16 = Conv(w8, w8)
        self.mix8 = Residual(w8)
        self.classes = nn.Sequential(Conv(w8, w8), nn.Conv2d(w8, labels, 1))
        self.edges = nn.Sequential(Conv(w8, w8), nn.Conv2d(w8, 4, 1))
        self.suspicion = nn.Sequential(Conv(w8, w8 // 2, 1), nn.Conv2d(w8 // 2, 1, 1))
        self.specks = nn.Conv2d(w4, 1, 1) if specks else None
        nn.init.constant_(self.classes[-1].bias, -4.0)
        nn.init.constant_(self.edges[-1].bias, 3.2)
        if self.specks is not None:
            nn.init.constant_(self.specks.bias, -4.0)
        self.extent = nn.Conv2d(w8, labels, 1) if extent else None
        if self.extent is not None:
            nn.init.constant_(self.extent.bias, -3.0)

    def levels(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at stride 4, those of all strides fused at stride 8, and at stride 32."""
        x4 = self.stage4(self.stem(image))
        x8 = self.stage8(x4)
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        top = self.mix16(self.from16(x16) + doubled(self.from32(x32)))
        return x4, self.mix8(self.from8(x8) + self.from4(x4) + doubled(top)), x32

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Logits, distances, suspicion and, with those heads, specks and extent."""
        x4, level, _ = self.levels(image)
        edges = torch.exp(self.edges(level).clamp(-1.0, 6.0))
        teaching = ((self.specks, x4), (self.extent, level))
        more = (head(x) for head, x in teaching if head is not None)
        return (self.classes(level), edges, self.suspicion(level), *more)


class Deployed(nn.Module):
    """What is exported: image -> boxes (N, 4), scores, labels, suspicion (N,), heatmap; N = `top`.

    Peaks only (a cell no less than its eight neighbours); overlapping boxes are left to the caller.
    The heatmap, (1, 1, rows, columns) of cells, is the best label's score everywhere. Boxes are
    `box_scale` times as large as the network has learned.
    """

    def __init__(self, net: LesionNet, top: int = 200, box_scale: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.top = top
        self.box_scale = box_scale
        self.labels = int(net.classes[-1].out_channels)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Decode one image (batch of 1)."""
        logits, edges, suspicion = self.net(image)[:3]
        score = torch.sigmoid(logits)
        heatmap = score.amax(dim=1, keepdim=True)
        peak = functional.max_pool2d(score, 3, 1, 1)
        score = torch.where(score >= peak, score, torch.zeros_like(score))
        doubt = torch.sigmoid(suspicion).expand_as(score)
        # Every candidate is a column of one table, padded to have at least `top` of them.
        table = torch.cat([self._corners(edges), score, doubt], dim=0)
        table = functional.pad(table.flatten(1), (0, self.top))
        label = torch.ones_like(score[0]) * self._numbers(score)
        label = functional.pad(label.flatten(), (0, self.top))
        best, index = torch.topk(table[4], self.top)
        boxes = table[:4, index].transpose(0, 1)
        return boxes, best, label[index].to(torch.int64), table[5, index], heatmap

    def _corners(self, edges: Tensor) -> Tensor:
        """Box corners for each label, (4, labels, rows, columns)."""
        x = (torch.arange(edges.shape[3], dtype=edges.dtype) + 0.5) * STRIDE
        y = (torch.arange(edges.shape[2], dtype=edges.dtype)[:, None] + 0.5) * STRIDE
        left, above, right, below = (self.box_scale * edges[0]).unbind(0)
        corners = torch.stack([x - left, y - above, x + right, y + below])
        return corners.unsqueeze(1).expand(-1, self.labels, -1, -1)

    @staticmethod
    def _numbers(score: Tensor) -> Tensor:
        return torch.arange(score.shape[1], dtype=score.dtype)[:, None, None]
