"""A small U-Net: nipple, whether it is in profile, and the pectoral muscle."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.blocks import Conv, doubled

#: Air that is put to the right of an image and below it, pixels; a multiple of 16. A view that is
#: cut to the breast has the nipple at its edge, where a network that learned whole frames errs.
_AIR_PX = 64
#: A keypoint is the mean of the heat within this distance of its maximum, pixels.
_NEAR_PX = 5.0


class LandmarkNet(nn.Module):
    """(B, C, H, W) float32, sides multiples of 16 -> heat, muscle and profile logits.

    Heat and muscle are (B, 1, H, W); profile is (B, 1).
    """

    def __init__(self, channels: int = 2, width: int = 16) -> None:
        super().__init__()
        sizes = [width // 2, width, width * 3 // 2, width * 2, width * 3]
        self.down = nn.ModuleList()
        inputs = channels
        for level, outputs in enumerate(sizes):
            stride = 1 if level == 0 else 2
            self.down.append(
                nn.Sequential(Conv(inputs, outputs, 3, stride), Conv(outputs, outputs))
            )
            inputs = outputs
        self.up = nn.ModuleList()
        for outputs in reversed(sizes[:-1]):
            self.up.append(nn.Sequential(Conv(inputs + outputs, outputs), Conv(outputs, outputs)))
            inputs = outputs
        self.head = nn.Conv2d(inputs, 2, 1)
        self.profile = nn.Linear(sizes[-1], 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Heat, muscle, profile."""
        kept = []
        x = image
        for stage in self.down:
            x = stage(x)
            kept.append(x)
        profile = self.profile(x.amax(dim=(2, 3)))
        for stage, skip in zip(self.up, reversed(kept[:-1]), strict=True):
            x = stage(torch.cat([doubled(x), skip], dim=1))
        answer = self.head(x)
        return answer[:, :1], answer[:, 1:], profile


class DeployedLandmarks(nn.Module):
    """What is exported: image -> nipple (1, 3) x, y, score; pectoral (1, 1, H, W); profile (1, 1).

    x and y are model pixels, (0, 0) the top-left corner of the top-left pixel; pectoral and profile
    are probabilities. The score is the share of the heat that lies near the maximum.
    """

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decode one image (batch of 1)."""
        heat, muscle, profile = self.net(functional.pad(image, (0, _AIR_PX, 0, _AIR_PX)))
        muscle = muscle[:, :, : image.shape[2], : image.shape[3]]
        share = torch.softmax(heat[0, 0].flatten(), dim=0)
        y, x = self._centres(heat)
        best = torch.argmax(share)
        near = ((x - x[best]) ** 2 + (y - y[best]) ** 2 <= _NEAR_PX**2).to(share.dtype) * share
        total = near.sum()
        point = torch.stack([(near * x).sum() / total, (near * y).sum() / total, total])
        return point[None], torch.sigmoid(muscle), torch.sigmoid(profile)

    @staticmethod
    def _centres(heat: Tensor) -> tuple[Tensor, Tensor]:
        """Row and column positions of all pixels, flat."""
        ones = torch.ones_like(heat[0, 0])
        y = (torch.arange(heat.shape[2], dtype=heat.dtype)[:, None] + 0.5) * ones
        x = (torch.arange(heat.shape[3], dtype=heat.dtype) + 0.5) * ones
        return y.flatten(), x.flatten()
