"""Building blocks of the compact networks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Conv(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=0.05),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, momentum=0.05),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        return functional.relu(x + self.second(self.first(x)))


def doubled(x: Tensor) -> Tensor:
    """Twice the rows and columns, each value four times."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
