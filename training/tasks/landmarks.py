"""Nipple keypoint, whether it is in profile, and pectoral mask, at 1 mm a pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.contract import Contract
from training.loss import dice_loss
from training.nets.landmark import DeployedLandmarks, LandmarkNet
from training.task import Batch
from training.whole_views import Frame, WholeViewSource, fit_frame


class LandmarkSource(WholeViewSource):
    """Draws whole views with their landmarks."""

    def __init__(self, folder: Path, frame: Frame, sigma_px: float) -> None:
        super().__init__(folder)
        self.frame, self.sigma_px = frame, sigma_px

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One view.

        `image` (C, rows, columns), `heat` and `pectoral` (1, rows, columns), `profile` (1,) and
        `knows` (1,), 0 if the generator gave no muscle where there should be one; float32.
        """
        view = self.any_view(rng)
        framed = fit_frame(self.frame, view, rng)
        heat = _heat(framed.place(view.truth.nipple_mm), self.frame, self.sigma_px)
        muscle = framed.warp(view.pectoral.astype(np.uint8)).astype(np.float32) * framed.mask
        knows = float(view.pectoral.any() or view.truth.view == "CC")
        return {
            "image": framed.image,
            "heat": heat[None],
            "pectoral": muscle[None],
            "profile": np.asarray([view.truth.nipple_in_profile], dtype=np.float32),
            "knows": np.asarray([knows], dtype=np.float32),
        }


def _heat(place: np.ndarray, frame: Frame, sigma_px: float) -> np.ndarray:
    """Gaussian of sum 1 around a point, on the frame."""
    y = np.arange(frame.rows, dtype=np.float32)[:, None] + np.float32(0.5 - place[1])
    x = np.arange(frame.columns, dtype=np.float32)[None, :] + np.float32(0.5 - place[0])
    bump = np.exp(-(x * x + y * y) / np.float32(2 * sigma_px**2))
    return np.asarray(bump / max(float(bump.sum()), 1e-6), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class LandmarkTask:
    """Keys of [task] with kind = "landmarks"; `sigma_px` is the width of the nipple's bump."""

    rows: int = 256
    columns: int = 192
    mm_per_pixel: float = 1.0
    channels: tuple[str, ...] = ("global", "local")
    parameters: dict[str, Any] = field(default_factory=dict)
    width: int = 16
    sigma_px: float = 2.5
    strength: float = 1.0

    @property
    def frame(self) -> Frame:
        """How views are fitted."""
        return Frame(
            self.rows,
            self.columns,
            self.channels,
            self.parameters,
            self.mm_per_pixel,
            strength=self.strength,
            dark_skin=True,
        )

    def source(self, data: Path) -> LandmarkSource:
        """Open a bank."""
        return LandmarkSource(data, self.frame, self.sigma_px)

    def network(self) -> LandmarkNet:
        """Make a network with fresh weights."""
        return LandmarkNet(len(self.channels), self.width)

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy over all places for the nipple; Dice and cross entropy for the muscle."""
        heat, muscle, profile = net(batch["image"])
        place = torch.log_softmax(heat.flatten(1), dim=1)
        wanted, knows = batch["pectoral"], batch["knows"][:, :, None, None]
        each = functional.binary_cross_entropy_with_logits(muscle, wanted, reduction="none")
        seen = functional.binary_cross_entropy_with_logits(profile, batch["profile"])
        return {
            "nipple": -0.3 * (batch["heat"].flatten(1) * place).sum(dim=1).mean(),
            "muscle": (each * knows).mean() + 0.5 * dice_loss(muscle * knows, wanted),
            "profile": 0.1 * seen,
        }

    def deployed(self, net: nn.Module) -> nn.Module:
        """Decode the keypoint in the graph."""
        assert isinstance(net, LandmarkNet)
        return DeployedLandmarks(net)

    @property
    def contract(self) -> Contract:
        """Nipple (x, y, score), pectoral mask, profile."""
        inputs = (("image", len(self.channels), self.rows, self.columns),)
        return Contract(inputs, ("nipple", "pectoral", "profile"), multiple=16)
