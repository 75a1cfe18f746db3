"""RetinaNet (Lin et al., 2017) of any size: residual backbone, feature pyramid, two heads.

`blocks = (3, 4, 6, 3)` with `bottleneck` and `width = 64` is ResNet-50; `(1, 1, 1, 1)` without it
and a narrow width is small enough for a processor. The heads are normalised by groups, because
batches are small and batch normalisation is frozen.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import doubled

#: Strides of the pyramid's levels, P3 to P7.
STRIDES = (8, 16, 32, 64, 128)
#: Anchors of a cell: three sizes (in strides) by three shapes.
SIZES = tuple(4.0 * 2 ** (i / 3) for i in range(3))
RATIOS = (0.5, 1.0, 2.0)
ANCHORS = len(SIZES) * len(RATIOS)
#: A head answers this before it has learnt anything.
PRIOR = 0.01


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1 with four times the channels."""

    def __init__(self, inputs: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        if bottleneck:
            steps = [
                *_normed(inputs, width, 1),
                nn.ReLU(inplace=True),
                *_normed(width, width, 3, stride),
                nn.ReLU(inplace=True),
                *_normed(width, outputs, 1),
            ]
        else:
            steps = [
                *_normed(inputs, width, 3, stride),
                nn.ReLU(inplace=True),
                *_normed(width, width, 3),
            ]
        self.body = nn.Sequential(*steps)
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*_normed(inputs, outputs, 1, stride))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's answer at its stride."""
        return functional.relu(self.body(x) + self.shortcut(x))


def _normed(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Backbone(nn.Module):
    """(B, C, H, W) -> features at strides 8, 16 and 32; `sizes` are their channels."""

    def __init__(
        self, channels: int, blocks: tuple[int, ...], width: int, *, bottleneck: bool
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_normed(channels, width, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        self.stages = nn.ModuleList()
        self.sizes: list[int] = []
        inputs = width
        for i, count in enumerate(blocks):
            wide = width * 2**i
            stage = []
            for k in range(count):
                stride = 2 if i > 0 and k == 0 else 1
                stage.append(Block(inputs, wide, stride, bottleneck=bottleneck))
                inputs = wide * 4 if bottleneck else wide
            self.stages.append(nn.Sequential(*stage))
            self.sizes.append(inputs)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of the last three stages."""
        x = self.stem(image)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found[1:]


class BackboneClassifier(nn.Module):
    """Backbone, mean over the patch and one layer: what RetinaNet's first two phases train."""

    def __init__(
        self, channels: int, labels: int, blocks: tuple[int, ...], width: int, bottleneck: bool
    ) -> None:
        super().__init__()
        self.backbone = Backbone(channels, blocks, width, bottleneck=bottleneck)
        self.head = nn.Linear(self.backbone.sizes[-1], labels)

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Logits (B, labels)."""
        return (self.head(self.backbone(image)[-1].mean(dim=(2, 3))),)


class Pyramid(nn.Module):
    """Feature pyramid: P3 to P7 of equal width from strides 8, 16 and 32."""

    def __init__(self, sizes: list[int], width: int) -> None:
        super().__init__()
        self.inner = nn.ModuleList(nn.Conv2d(size, width, 1) for size in sizes)
        self.outer = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in sizes)
        self.p6 = nn.Conv2d(sizes[-1], width, 3, 2, 1)
        self.p7 = nn.Conv2d(width, width, 3, 2, 1)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Five levels."""
        lateral = [inner(x) for inner, x in zip(self.inner, features, strict=True)]
        for i in (1, 0):
            lateral[i] = lateral[i] + doubled(lateral[i + 1])
        levels = [outer(x) for outer, x in zip(self.outer, lateral, strict=True)]
        p6 = self.p6(features[-1])
        return [*levels, p6, self.p7(functional.relu(p6))]


class Head(nn.Module):
    """Convolutions with group normalisation; `outputs` values for each anchor."""

    def __init__(self, width: int, depth: int, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for _ in range(depth):
            steps += [
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.GroupNorm(min(32, width // 2), width),
                nn.ReLU(inplace=True),
            ]
        self.body = nn.Sequential(*steps)
        self.last = nn.Conv2d(width, ANCHORS * outputs, 3, padding=1)
        self.outputs = outputs
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.constant_(self.last.bias, bias)

    def forward(self, level: Tensor) -> Tensor:
        """(B, cells * anchors, outputs), cells row by row."""
        x = self.last(self.body(level))
        batch, _, rows, columns = x.shape
        x = x.view(batch, ANCHORS, self.outputs, rows, columns)
        return x.permute(0, 3, 4, 1, 2).reshape(batch, rows * columns * ANCHORS, self.outputs)


class RetinaNet(nn.Module):
    """(B, C, H, W), sides multiples of 128 -> logits (B, N, labels), offsets (B, N, 4), anchors.

    Anchors are (N, 4): centre x, centre y, width, height in pixels.
    """

    def __init__(
        self,
        channels: int,
        labels: int,
        blocks: tuple[int, ...],
        width: int,
        *,
        bottleneck: bool,
        pyramid: int = 256,
        depth: int = 4,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(channels, blocks, width, bottleneck=bottleneck)
        self.pyramid = Pyramid(self.backbone.sizes[1:], pyramid)
        self.classes = Head(pyramid, depth, labels, -math.log((1 - PRIOR) / PRIOR))
        self.boxes = Head(pyramid, depth, 4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, offsets and anchors of all levels."""
        levels = self.pyramid(self.backbone(image))
        logits = torch.cat([self.classes(level) for level in levels], dim=1)
        offsets = torch.cat([self.boxes(level) for level in levels], dim=1)
        anchors = [anchors_of(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
        return logits, offsets, torch.cat(anchors)


def anchors_of(level: Tensor, stride: int) -> Tensor:
    """Anchors of one level, (rows * columns * 9, 4)."""
    shapes = torch.tensor(
        [(size * ratio**-0.5, size * ratio**0.5) for size in SIZES for ratio in RATIOS],
        dtype=level.dtype,
        device=level.device,
    )
    rows, columns = level.shape[2], level.shape[3]
    y = (torch.arange(rows, dtype=level.dtype, device=level.device) + 0.5) * stride
    x = (torch.arange(columns, dtype=level.dtype, device=level.device) + 0.5) * stride
    one = torch.ones_like(level[0, 0])
    centre = torch.stack([x * one, y[:, None] * one], dim=2).flatten(0, 1)
    cells = centre[:, None, :].expand(-1, ANCHORS, -1)
    sizes = (shapes * stride)[None].expand(centre.shape[0], -1, -1)
    return torch.cat([cells, sizes], dim=2).flatten(0, 1)


def decode_boxes(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (..., N, 4) as corners from offsets and anchors."""
    centre = anchors[:, :2] + offsets[..., :2] * anchors[:, 2:]
    size = anchors[:, 2:] * torch.exp(offsets[..., 2:].clamp(-4.0, 4.0))
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def encode_boxes(corners: Tensor, anchors: Tensor) -> Tensor:
    """Offsets that `decode_boxes` turns back into `corners` (N, 4)."""
    centre, size = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    shift = (centre - anchors[:, :2]) / anchors[:, 2:]
    return torch.cat([shift, torch.log(size.clamp(min=1e-3) / anchors[:, 2:])], dim=1)


class DeployedRetina(nn.Module):
    """What is exported: image -> boxes (N, 4), scores (N,), labels (N,); N = `top`."""

    def __init__(self, net: RetinaNet, top: int = 200) -> None:
        super().__init__()
        self.net, self.top = net, top

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decode the best anchors of one image (batch of 1)."""
        logits, offsets, anchors = self.net(image)
        best, label = torch.sigmoid(logits[0]).max(dim=1)
        scores, index = torch.topk(best, self.top)
        boxes = decode_boxes(offsets[0, index], anchors[index])
        return boxes, scores, label[index]
