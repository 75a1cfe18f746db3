"""torchvision's RetinaNet written down with PyTorch's functions: what its weights mean."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - its common name

Weights = dict[str, torch.Tensor]


def forward(w: Weights, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (anchors, classes) and deltas (anchors, 4) of an image (1, 3, H, W)."""
    with torch.no_grad():
        levels = _pyramid(w, _body(w, torch.from_numpy(image)))
        logits = [_head(w, "classification_head", "cls_logits", x) for x in levels]
        deltas = [_head(w, "regression_head", "bbox_reg", x) for x in levels]
    classes = logits[0].shape[1] // 9
    return _flat(logits, classes), _flat(deltas, 4)


def _flat(levels: list[torch.Tensor], numbers: int) -> np.ndarray:
    rows = []
    for level in levels:
        n, _, h, w = level.shape
        split = level.view(n, -1, numbers, h, w).permute(0, 3, 4, 1, 2)
        rows.append(split.reshape(n, -1, numbers))
    return torch.cat(rows, dim=1)[0].numpy()


def _bn(w: Weights, x: torch.Tensor, name: str) -> torch.Tensor:
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-5)


def _body(w: Weights, x: torch.Tensor) -> list[torch.Tensor]:
    b = "backbone.body"
    x = F.relu(_bn(w, F.conv2d(x, w[f"{b}.conv1.weight"], stride=2, padding=3), f"{b}.bn1"))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    found = []
    for layer in (1, 2, 3, 4):
        block = 0
        while f"{b}.layer{layer}.{block}.conv1.weight" in w:
            name = f"{b}.layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = F.relu(_bn(w, F.conv2d(x, w[f"{name}.conv1.weight"]), f"{name}.bn1"))
            y = F.conv2d(y, w[f"{name}.conv2.weight"], stride=stride, padding=1)
            y = F.relu(_bn(w, y, f"{name}.bn2"))
            y = _bn(w, F.conv2d(y, w[f"{name}.conv3.weight"]), f"{name}.bn3")
            if block == 0:
                x = F.conv2d(x, w[f"{name}.downsample.0.weight"], stride=stride)
                x = _bn(w, x, f"{name}.downsample.1")
            x = F.relu(x + y)
            block += 1
        found.append(x)
    return found[1:]


def _pyramid(w: Weights, body: list[torch.Tensor]) -> list[torch.Tensor]:
    nested = ".0" if "backbone.fpn.inner_blocks.0.0.weight" in w else ""

    def conv(x: torch.Tensor, kind: str, level: int, padding: int) -> torch.Tensor:
        name = f"backbone.fpn.{kind}.{level}{nested}"
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=padding)

    last = conv(body[2], "inner_blocks", 2, 0)
    levels = [conv(last, "layer_blocks", 2, 1)]
    for level in (1, 0):
        lateral = conv(body[level], "inner_blocks", level, 0)
        last = lateral + F.interpolate(last, size=lateral.shape[-2:], mode="nearest")
        levels.insert(0, conv(last, "layer_blocks", level, 1))
    p6, p7 = "backbone.fpn.extra_blocks.p6", "backbone.fpn.extra_blocks.p7"
    # torchvision: from P5 when the channels in and out are as many.
    source = levels[-1] if w[f"{p6}.weight"].shape[0] == w[f"{p6}.weight"].shape[1] else body[-1]
    x6 = F.conv2d(source, w[f"{p6}.weight"], w[f"{p6}.bias"], stride=2, padding=1)
    x7 = F.conv2d(F.relu(x6), w[f"{p7}.weight"], w[f"{p7}.bias"], stride=2, padding=1)
    return [*levels, x6, x7]


def _head(w: Weights, head: str, last: str, x: torch.Tensor) -> torch.Tensor:
    for k in range(4):
        name = f"head.{head}.conv.{k}"
        if f"{name}.1.weight" in w:
            x = F.conv2d(x, w[f"{name}.0.weight"], padding=1)
            x = F.group_norm(x, 32, w[f"{name}.1.weight"], w[f"{name}.1.bias"], eps=1e-5)
        else:
            name = f"head.{head}.conv.{2 * k}"
            x = F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)
        x = F.relu(x)
    name = f"head.{head}.{last}"
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)
