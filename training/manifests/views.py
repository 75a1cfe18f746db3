"""The manifests of models that see whole views: density and landmarks."""

from __future__ import annotations

from pathlib import Path

from training.manifests.parts import head, input_table, intended, outputs_self_test
from training.tasks.density import DensityTask
from training.tasks.landmarks import LandmarkTask

#: Below this score of the nipple nothing is located by it.
LEAST_SCORE = 0.3
#: The self-test of a model without a fixed size is so many times its multiple wide and high.
_TILES = 8


def density_manifest(name: str, task: DensityTask, model: Path, version: str) -> list[str]:
    """Return the lines of model.toml."""
    what = "Breast density A to D from a CC and an MLO view"
    size = (len(task.channels), task.rows, task.columns)
    return [
        *head(name, version, "density", what, model, 'mlo = "mlo"'),
        *intended(),
        *input_table(
            "cc", task.channels, task.parameters, (f"size = [{task.rows}, {task.columns}]",)
        ),
        "",
        "[output]",
        'contract = "density"',
        'probabilities = "probabilities"',
        # Trained on the order of the categories: an error of two is worse than two of one.
        'category = "median"',
        *outputs_self_test(model, {"cc": size, "mlo": size}, ("probabilities",)),
    ]


def landmarks_manifest(name: str, task: LandmarkTask, model: Path, version: str) -> list[str]:
    """Return the lines of model.toml."""
    multiple = task.contract.multiple
    side = _TILES * multiple
    what = "Nipple and pectoral muscle of one view"
    scale = (f"mm_per_pixel = {task.mm_per_pixel}", f"pad_multiple = {multiple}")
    return [
        *head(name, version, "landmarks", what, model, f"least_score = {LEAST_SCORE}"),
        *intended(),
        *input_table("image", task.channels, task.parameters, scale),
        "",
        "[output]",
        'contract = "landmarks"',
        'nipple = "nipple"',
        'pectoral = "pectoral"',
        'profile = "profile"',
        *outputs_self_test(
            # A blob has no nipple: where the best of nothing lies may differ between processors.
            model,
            {"image": (len(task.channels), side, side)},
            ("profile", "pectoral"),
        ),
    ]
