"""How many lesions the rules for candidate windows leave for the classifier to see.

    .venv/bin/python bench/analyse/coverage.py [--studies 15] [--seed 700000]

Phantom studies with masses and clusters, prepared as the published modules want them (height 4096,
CLAHE); a lesion is in a window when its centre is. What no window holds no classifier can find,
so this bounds the sensitivity of the whole.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mammo_node.analyse.manifest import BrightPixel, CentreBrightness
from mammo_node.analyse.patch_rules import candidates
from mammo_node.analyse.patch_windows import at_least, grey_levels
from mammo_node.image.preprocess import prepare
from mammo_node.phantom import CLUSTER, MASS, TextureBank, generate_study
from mammo_node.vocabulary import InputSpec, Orientation

_SPEC = InputSpec(name="image", channels=("clahe",), height=4096, crop="none")
_RULES = {
    MASS: CentreBrightness(rule="centre-brightness"),
    CLUSTER: BrightPixel(rule="bright-pixel"),
}


def main() -> None:
    """Count, study by study, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=15)
    parser.add_argument("--seed", type=int, default=700000)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    texture, seen = TextureBank.from_seed(5), Counter()
    for seed in range(chosen.seed, chosen.seed + chosen.studies):
        study = generate_study(seed, pixel_spacing_mm=0.1, masses=2, clusters=1, bank=texture)
        for view in study.views:
            pitch, right = (view.pixel_spacing_mm,) * 2, view.laterality == "R"
            made = prepare(view.pixels.astype(np.float32), pitch, Orientation(right), _SPEC)
            for kind, rule in _RULES.items():
                size = rule.size_px
                image = at_least(made.tensor[0, 0], size, 0.0)
                corners = candidates(grey_levels(image, at_least(made.mask, size, 0)), rule)
                seen[kind, "images"] += 1
                seen[kind, "windows"] += len(corners)
                for lesion in view.lesions:
                    if lesion.kind == kind:
                        x, y = made.transform.to_model([lesion.centre_px])[0]
                        inside = (corners <= (y, x)) & ((y, x) < corners + size)
                        seen[kind, "lesions"] += 1
                        seen[kind, "in a window"] += bool(inside.all(axis=1).any())
    for kind in _RULES:
        lesions, found = seen[kind, "lesions"], seen[kind, "in a window"]
        windows = seen[kind, "windows"] / seen[kind, "images"]
        print(
            f"{kind}: {found} of {lesions} lesions are in a window; {windows:.1f} windows an image"
        )


if __name__ == "__main__":
    main()
