"""Fresh clusters of calcifications in real mammograms: what real fine detail does to a detector.

Films of 0.25 mm are too coarse for them, so they are put into the DICOM mammograms, of which there
are few; what is marked elsewhere counts as wrong, also where there is calcium.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from mammo_node.image.preprocess import prepare
from mammo_node.phantom import CLUSTER
from mammo_node.vocabulary import InputSpec, Orientation
from training.insertion import insert_cluster
from training.raw import RawView
from training.realism.real import Mammogram
from training.realism.view import chest_wall_right
from training.windows import Window

PITCH_MM = 0.1
#: How deep inside the skin the middle of a cluster lies at least.
_DEPTH_MM = 12.0
#: Places that are tried for one cluster.
_TRIES = 10
#: Stored values of the darkest and of the range of the breast.
_STORED_LOW, _STORED_RANGE = 700.0, 3000.0


def mammograms_with_clusters(images: Iterable[Mammogram], draws: int) -> Iterator[RawView]:
    """Every mammogram `draws` times with one cluster; the same images give the same clusters."""
    spec = InputSpec(name="image", channels=("global",), mm_per_pixel=PITCH_MM)
    for image in images:
        spacing = (image.pitch_mm, image.pitch_mm)
        turned = Orientation(chest_wall_right(image.grey > np.percentile(image.grey, 50)))
        made = prepare(image.grey, spacing, turned, spec)
        for number in range(draws):
            rng = np.random.default_rng([number, *image.name.encode()])
            window = Window(made.tensor[0, 0].copy(), made.mask, PITCH_MM, (0.0, 0.0))
            view = _with_cluster(rng, image, window)
            if view is not None:
                yield view


def _with_cluster(rng: np.random.Generator, image: Mammogram, window: Window) -> RawView | None:
    breast = np.pad(window.mask.astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(breast, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth * PITCH_MM > _DEPTH_MM)
    for _ in range(_TRIES):
        pick = int(rng.integers(len(rows)))
        put = insert_cluster(rng, window, (float(columns[pick]), float(rows[pick])))
        if put is not None and put.box_mm is not None:
            break
    else:
        return None
    stored = np.clip(_STORED_LOW + _STORED_RANGE * window.level, 0, 65535) * window.mask
    box = tuple(edge / PITCH_MM for edge in put.box_mm)
    return RawView(
        name=image.name,
        patient=image.name,
        pixels=stored.astype(np.uint16),
        pitch_mm=PITCH_MM,
        laterality="L",
        view="MLO",
        look=image.look,
        density=0.0,
        findings=((CLUSTER, put.malignant, box),),
    )
