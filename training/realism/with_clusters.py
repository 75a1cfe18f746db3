"""Fresh clusters of calcifications in real mammograms: what real fine detail does to a detector.

Films of 0.25 mm are too coarse for them, so they are put into the DICOM mammograms, of which there
are few; what is marked elsewhere counts as wrong, also where there is calcium.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from mammo_node.image.preprocess import NoBreastFound
from mammo_node.phantom import CLUSTER
from mammo_node.vocabulary import InputSpec
from training.insertion import insert_cluster
from training.measures.detect import prepared
from training.raw import RawView
from training.realism.real import Mammogram, as_raw
from training.realism.stored import as_stored
from training.windows import Window

PITCH_MM = 0.1
#: How deep inside the skin the middle of a cluster lies at least.
_DEPTH_MM = 12.0
#: Places that are tried for one cluster.
_TRIES = 10


def mammograms_with_clusters(images: Iterable[Mammogram], draws: int) -> Iterator[RawView]:
    """Every mammogram `draws` times with one cluster; the same images give the same clusters."""
    spec = InputSpec(name="image", channels=("global",), mm_per_pixel=PITCH_MM)
    for image in images:
        try:
            made = prepared(as_raw(image), spec)
        except NoBreastFound:
            continue
        places = _deep(made.mask)
        for number in range(draws if len(places) else 0):
            rng = np.random.default_rng([number, *image.name.encode()])
            window = Window(made.tensor[0, 0].copy(), made.mask, PITCH_MM, (0.0, 0.0))
            view = _with_cluster(rng, image, window, places)
            if view is not None:
                yield view


def _deep(mask: np.ndarray) -> np.ndarray:
    """Return where a cluster may be centred, (N, 2) column and row; an image's frame is no skin."""
    breast = np.pad(mask.astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(breast, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.argwhere(depth * PITCH_MM > _DEPTH_MM)[:, ::-1]


def _with_cluster(
    rng: np.random.Generator, image: Mammogram, window: Window, places: np.ndarray
) -> RawView | None:
    for _ in range(_TRIES):
        column, row = places[int(rng.integers(len(places)))]
        put = insert_cluster(rng, window, (float(column), float(row)))
        if put is not None and put.box_mm is not None:
            break
    else:
        return None
    x0, y0, x1, y1 = (edge / PITCH_MM for edge in put.box_mm)
    finding = (CLUSTER, put.malignant, (x0, y0, x1, y1))
    return as_stored(image.name, image.look, window.level, window.mask, PITCH_MM, finding)
