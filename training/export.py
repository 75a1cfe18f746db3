"""Export trained weights to ONNX, and show that ONNX Runtime computes the same.

python -m training.export --weights build/lesion-detector/weights.pt --out model.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from training.bank import LABELS
from training.network import Deployed, LesionNet

OPSET = 18
TOP = 200
#: Largest difference of a box edge (pixels) and of a score that still counts as the same.
PARITY = (0.01, 1e-4)
_SIZES = ((256, 192), (416, 320), (96, 64))


def build(
    weights: Path | dict[str, torch.Tensor], width: int, labels: int | None = None
) -> Deployed:
    """Build the network that is exported, in evaluation mode."""
    state = weights if isinstance(weights, dict) else torch.load(weights, weights_only=True)
    channels = state["stem.0.0.weight"].shape[1]
    net = LesionNet(channels=channels, labels=len(LABELS), width=width)
    net.load_state_dict(state)
    return Deployed(net, TOP, labels).eval()


def export(model: Deployed, path: Path) -> None:
    """Write `path`: input `image` (1, C, H, W), H and W dynamic; outputs boxes, scores, labels."""
    channels = model.net.stem[0][0].in_channels
    example = torch.zeros(1, channels, 256, 192)
    height, width = torch.export.Dim("height32"), torch.export.Dim("width32")
    torch.onnx.export(
        model,
        (example,),
        str(path),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["boxes", "scores", "labels"],
        dynamic_shapes={"image": {2: 32 * height, 3: 32 * width}},
        external_data=False,
        optimize=True,
        verbose=False,
    )
    graph = onnx.load(str(path))
    onnx.checker.check_model(graph, full_check=True)


def parity(model: Deployed, path: Path, seed: int = 0) -> tuple[float, float]:
    """Largest difference of boxes (pixels) and scores between torch and ONNX Runtime.

    Compared over the candidates above a score of 0.001, on inputs of several sizes; raises if they
    differ by more than `PARITY`.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    channels = model.net.stem[0][0].in_channels
    worst_box = worst_score = 0.0
    for rows, columns in _SIZES:
        image = rng.normal(0.3, 0.3, (1, channels, rows, columns)).astype(np.float32)
        with torch.no_grad():
            boxes, scores, labels = (t.numpy() for t in model(torch.from_numpy(image)))
        found = session.run(["boxes", "scores", "labels"], {"image": image})
        worst_score = max(worst_score, float(np.abs(found[1] - scores).max()))
        # Nearly equal scores may come in another order, and the last ones may fall off the end.
        sure = scores > scores[-1] + 10 * PARITY[1]
        for box, label in zip(boxes[sure], labels[sure], strict=True):
            same = found[0][found[2] == label]
            worst_box = max(worst_box, float(np.abs(same - box).max(axis=1).min(initial=np.inf)))
    if worst_box > PARITY[0] or worst_score > PARITY[1]:
        raise SystemExit(f"torch and ONNX Runtime differ: {worst_box} px, {worst_score} in score")
    return worst_box, worst_score


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--labels", type=int, help="ship only the first so many labels")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = build(options.weights, options.width, options.labels)
    export(model, options.out)
    box, score = parity(model, options.out)
    print(
        f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; differs by at most "
        f"{box:.2g} px and {score:.2g} in score"
    )


if __name__ == "__main__":
    main()
