"""The manifests of patch classifiers: windows that slide, and windows that a rule picks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mammo_node.phantom import MASS
from training.manifests.parts import (
    head,
    input_table,
    intended,
    labels,
    outputs_self_test,
    point,
)
from training.nets.findings import CORE, TRIM
from training.tasks.patches import PatchTask

#: Rows of the images in which the two classifiers of single findings look (quantusMM).
HEIGHT = 4096
#: Windows in one run have so many pixels together: 32 of 256 x 256.
_PIXELS = 32 * 256**2
#: Findings are reported from the score of this AI suspicion category on, where it was measured:
#: 95 % of images without any stay below. By windows alone nearly every image would have one.
_RARE = 5


def patches_manifest(
    name: str, task: PatchTask, model: Path, figures: dict[str, Any], version: str
) -> list[str]:
    """Return the lines of model.toml: sliding windows have a pitch, picked ones an image height."""
    if task.pool > 1:
        return _picked(name, task, model, figures, version)
    return _sliding(name, task, model, figures, version)


def _sliding(
    name: str, task: PatchTask, model: Path, figures: dict[str, Any], version: str
) -> list[str]:
    what = f"Compact classifier of {len(task.labels)} findings in windows"
    scale = (f"mm_per_pixel = {task.window_mm / task.size_px:g}",)
    agreement = figures.get("dense_agreement")
    dense = [f"dense_agreement = {agreement}", 'engine = "dense"'] if agreement else []
    return [
        *head(name, version, "sliding-patches", what, model),
        *intended(),
        *input_table("image", task.channels, task.parameters, scale),
        "",
        "[window]",
        f"size_px = {task.size_px}",
        f"stride_px = {task.cell_px}",
        *([f"core_px = {round(CORE * task.size_px)}"] if task.inner else []),
        f"batch = {max(1, _PIXELS // task.size_px**2)}",
        f"dense_safe = {str(task.inner).lower()}",
        *dense,
        *_scores_of(task, model, figures, "window-scores", _map_keys(task)),
    ]


def _map_keys(task: PatchTask) -> tuple[str, ...]:
    trim = TRIM if task.inner else (0, 0)
    stride = f"map_stride = {task.cell_px}"
    return (
        'map = "map"',
        stride,
        f"map_trim = [{trim[0]}, {trim[1]}]",
        'map_pooling = "smooth-max"',
    )


def _picked(
    name: str, task: PatchTask, model: Path, figures: dict[str, Any], version: str
) -> list[str]:
    nodules = task.kinds == (MASS,)
    what = f"Compact classifier of windows with {'nodules' if nodules else 'microcalcifications'}"
    rule = "centre-brightness" if nodules else "bright-pixel"
    return [
        *head(name, version, "candidate-patches", what, model),
        *intended(),
        *input_table("image", task.channels, task.parameters, (f"height = {HEIGHT}",), "none"),
        "",
        "[candidates]",
        f'rule = "{rule}"',
        f"size_px = {task.size_px * task.pool}",
        *_scores_of(task, model, figures, "patch-scores", ('map = "map"',)),
        *_suspicion(figures),
    ]


def _scores_of(
    task: PatchTask, model: Path, figures: dict[str, Any], contract: str, keys: tuple[str, ...]
) -> list[str]:
    """Return output, labels, operating points and self-test."""
    data = f"{figures['patches']} windows of {figures['phantoms']} held-out phantoms: best F1"
    lines = ["", "[output]", f'contract = "{contract}"', 'scores = "scores"', *keys]
    lines += labels(task.labels, task.kinds)
    rare = [limit for limit in figures.get("suspicion", ()) if limit["category"] == _RARE]
    for i, label in enumerate(task.labels):
        for limit in rare:
            where = f"{limit['data']}, by image"
            measured = {"sensitivity": limit["sensitivity"]}
            lines += point("default", label, limit["threshold"], where, measured)
        if task.inner:
            lines += point("default", label, *_rarely(label, figures, data, i))
        measured = {"sensitivity": figures["sensitivity"][i]}
        name = "windows" if rare or task.inner else "default"
        lines += point(name, label, figures["thresholds"][i], data, measured)
    side = task.size_px * task.pool
    inputs = {"image": (len(task.channels), side, side)}
    return [*lines, *outputs_self_test(model, inputs, ("scores",))]


def _rarely(
    label: str, figures: dict[str, Any], data: str, i: int
) -> tuple[float, str, dict[str, Any]]:
    """Threshold, data and sensitivity of what few images, or else windows, reach by mistake."""
    limit = figures["image_thresholds"][i] if "image_thresholds" in figures else None
    if limit is None:
        print(f"{label}: its threshold is by windows, as none was measured by image")
        where = data.replace("best F1", "1 % of those without it reach this")
        measured = {"sensitivity": figures["rare_sensitivity"][i]}
        return figures["rare_thresholds"][i], where, measured
    sensitivity, count = figures["image_sensitivity"][i], figures["images_with"][i]
    where = (
        f"{figures['images']} held-out phantom images, {count} with it:"
        f" {100 * figures['share']:g} % of the others reach this"
    )
    if figures.get("raised", [False] * (i + 1))[i]:
        where += f"; raised above what {figures['ordinary']} real films reach"
    return limit, where, {} if sensitivity is None else {"sensitivity": sensitivity}


def _suspicion(figures: dict[str, Any]) -> list[str]:
    """Return the limits of the image's score, where they were measured."""
    lines: list[str] = []
    for limit in figures.get("suspicion", ()):
        lines += ["", "[[suspicion]]", *(f"{k} = {_toml(v)}" for k, v in limit.items())]
    return lines


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
