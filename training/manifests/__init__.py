"""The manifests of the packages: one module for each kind of model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.manifests.boxes import detector_manifest
from training.manifests.patches import patches_manifest
from training.manifests.views import density_manifest, landmarks_manifest
from training.task import Task
from training.tasks.density import DensityTask
from training.tasks.detector import DetectorTask
from training.tasks.landmarks import LandmarkTask
from training.tasks.patches import PatchTask
from training.tasks.retina import RetinaTask


def write_manifest(
    name: str, task: Task, model: Path, figures: dict[str, Any], version: str
) -> None:
    """Write model.toml beside `model`."""
    lines = _lines(name, task, model, figures, version)
    (model.parent / "model.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(name: str, task: Task, model: Path, figures: dict[str, Any], version: str) -> list[str]:
    match task:
        case DetectorTask() | RetinaTask():
            return detector_manifest(name, task, model, figures, version)
        case PatchTask():
            return patches_manifest(name, task, model, figures, version)
        case DensityTask():
            return density_manifest(name, task, model, version)
        case LandmarkTask():
            return landmarks_manifest(name, task, model, version)
    raise SystemExit(f"{name}: no family runs this kind of task")
