"""What an imported RetinaNet's manifest and card say, and the choices that they depend on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mammo_node.adopt.package_folder import Adoption
from mammo_node.adopt.retinanet_network import RetinaNetWeights
from mammo_node.adopt.trial import Trial

IMAGE, LOGITS, DELTAS = "image", "logits", "deltas"
#: Inputs of a graph that is told what trimming cut away.
COLUMN, ROW = "trimmed_column", "trimmed_row"
#: Small, and not square, so that rows and columns cannot change places unseen.
PARITY_SIZE: Final = (96, 160)
#: Of level P7: trimmed in its steps, a level sees each pixel where it saw it in the whole image.
LARGEST_STRIDE: Final = 128
#: Enough tiles for every level, at a small part of the time that the full scale takes.
TRIAL_SIDE: Final = 768
#: Scale of the published detector: longest side 2048, suppression at 0.3 (shown from 0.2 on).
_LONGEST_SIDE: Final = 2048
_NMS_IOU: Final = 0.3
#: As torchvision pads.
PADDED_TO: Final = 32


@dataclass(frozen=True, slots=True)
class Quicker:
    """What may be done for speed.

    ``winograd``: wide 3x3 convolutions are rewritten; boxes stay the same. ``trim``: only the
    breast's part of the image is analysed, and group norm told what was cut away.
    """

    winograd: bool = False
    trim: bool = False


def trimmed_inputs(weights: RetinaNetWeights, quicker: Quicker) -> tuple[str, str] | None:
    """Return the inputs that say what trimming cut away; only group norm has use for them."""
    return (COLUMN, ROW) if quicker.trim and weights.group_norm else None


def input_and_output(weights: RetinaNetWeights, quicker: Quicker) -> str:
    """Return the manifest's [input] and [output]."""
    told = trimmed_inputs(weights, quicker)
    trimming = f'trim = "breast"\ntrim_grid = {LARGEST_STRIDE}' if quicker.trim else 'trim = "none"'
    if told is not None:
        trimming += f'\ntrimmed_inputs = ["{told[0]}", "{told[1]}"]'
    return f"""
[input]
name = "{IMAGE}"
channels = ["zscore", "zscore", "zscore"]
longest_side = {_LONGEST_SIDE}
crop = "none"
mirror = "none"
pad_multiple = {PADDED_TO}
{trimming}
interpolation = "bilinear"
voi = "none"

[output]
contract = "retinanet"
logits = "{LOGITS}"
deltas = "{DELTAS}"
classes = {weights.classes}
nms_iou = {_NMS_IOU}
"""


def card(source: Path, adoption: Adoption, weights: RetinaNetWeights, difference: float) -> str:
    """Return the card of what was imported as it was."""
    return (
        f"# {adoption.name}\n\n{weights.description}, imported from `{source.name}`.\n\n"
        f"ONNX Runtime and plain numpy on the same weights and a random image of"
        f" {PARITY_SIZE[0]} x {PARITY_SIZE[1]}\npixels differ by {difference:.1e} of the"
        " largest value.\n\nNot measured here: what it was trained on, and what it finds at which"
        " threshold, is for\nwhoever imported it to write down. Input is expected as the published"
        " detector has it:\nlongest side 2048, bilinear, (image - mean) / deviation on three"
        " channels.\n"
    )


def quicker_words(quicker: Quicker, trial: Trial | None) -> str:
    """Return what the card says of what was done for speed."""
    words = ""
    if trial is not None:
        words += (
            "\nWide 3x3 convolutions are computed by Winograd's F(4x4, 3x3). On a phantom"
            f" mammogram\nof {TRIAL_SIDE} pixels the outputs differ by {trial.difference:.1e} of"
            " the largest value.\n"
        )
    if quicker.trim:
        words += (
            "\nOnly the breast's part of the image is analysed. Group norm, where the heads have"
            " it, takes\nthe statistics of the whole image: a column and a row of what was cut away"
            " are run along.\n"
        )
    return words
