"""Random training crops for the detectors: from banked views to tensors and targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mammo_node.phantom import CLUSTER, MASS
from mammo_node.phantom.dust import add_dust
from mammo_node.phantom.kinds import BENIGN_CALCIFICATION, VASCULAR_CALCIFICATION
from training.grading import regrade
from training.insertion import insert_cluster, scatter_specks
from training.mass_insertion import insert_mass_anywhere
from training.strands import lay_strands
from training.targets import SPECK_STRIDE, Wanted, make_targets, speck_heat
from training.texture import retexture
from training.view import BankedView, BankSource
from training.windows import Window, cut_window, make_channels

#: Masses fainter than this against their surroundings are neither asked for nor counted as wrong.
FAINT_MASS = 0.5
#: Clusters are asked for on views with pixels up to this.
FINE_ENOUGH_MM = 0.12
#: Kinds whose specks are rendered without being listed.
CALCIFIED = (CLUSTER, BENIGN_CALCIFICATION, VASCULAR_CALCIFICATION)
#: A finding's box in mm of the view, label's index, whether it is asked for, malignancy.
_Known = tuple[tuple[float, ...], int | None, bool, bool]
#: Marks of dust on a square decimetre, many times a film's, as a crop is small; and their grey,
#: of the breast's range.
DUST_MARKS, DUST_WHITE = 30.0, (0.9, 1.5)
#: Room for so many lesions in a crop's list of boxes.
MOST_LESIONS = 12


@dataclass(frozen=True, slots=True)
class CropRules:
    """How crops are drawn.

    `channels` and `parameters` are those of the model's manifest; `labels` the kinds it detects,
    by index; other kinds in `ignored` are neither right nor wrong. `on_lesion` is the share of
    crops that show one, `on_muscle` the share of the others that lie on the pectoral muscle where
    there is one, whose bright corner is taken for a mass on film; `inserted` the share that gets a
    fresh lesion of each label (masses and clusters), `scattered` the share that gets single specks,
    `dusty` the share that gets marks as they lie on film, which are no calcifications;
    `scale` the range of zoom, `strength` that of changes of grey levels and texture. `margin_px` is
    cut off after the channels are made, because their neighbourhoods reach beyond the crop.
    With `specks` single calcifications are targets too; with `boxes` the lesions are also given as
    boxes, for networks with anchors.
    """

    labels: tuple[str, ...]
    channels: tuple[str, ...] = ("global", "local")
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    mm_per_pixel: float = 0.3
    size_px: int = 256
    margin_px: int = 32
    on_lesion: float = 0.65
    on_muscle: float = 0.0
    ignored: tuple[str, ...] = ()
    inserted: float = 0.0
    scattered: float = 0.0
    dusty: float = 0.0
    scale: tuple[float, float] = (0.8, 1.25)
    strength: float = 1.0
    specks: bool = False
    boxes: bool = False


class CropSource(BankSource):
    """Draws crops from all views of a bank; the same generator state gives the same crop."""

    def __init__(self, folder: Path, rules: CropRules) -> None:
        super().__init__(folder)
        self.rules = rules

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One crop, `image` (C, size, size) float32, and its targets by name."""
        rules = self.rules
        view = self._view(rng)
        mm = rules.mm_per_pixel / float(np.exp(rng.uniform(*np.log(rules.scale))))
        whole = rules.size_px + 2 * rules.margin_px
        window = cut_window(view, self._corner(rng, view, mm * whole), whole, mm)
        window = lay_strands(rng, retexture(rng, window, rules.strength), rules.strength)
        boxes = [_wanted(f.kind, f.contrast, view, rules.labels) for f in view.truth.findings]
        truth: list[_Known] = [
            (f.box_mm, label, asked, f.malignant)
            for f, (label, asked) in zip(view.truth.findings, boxes, strict=True)
            if label is not None or f.kind in rules.ignored
        ]
        places = np.zeros((0, 2))
        if rng.uniform() < rules.inserted:
            places = self._insert(rng, window, truth)
        if rng.uniform() < rules.scattered:
            places = np.concatenate([places, scatter_specks(rng, window).specks_px])
        if rng.uniform() < rules.dusty:
            _strew_dust(rng, window)
        calcified: list[_Known] = [
            (f.box_mm, None, False, False) for f in view.truth.findings if f.kind in CALCIFIED
        ]
        return self._finish(rng, window, truth, calcified, places)

    def _insert(self, rng: np.random.Generator, window: Window, truth: list[_Known]) -> np.ndarray:
        """Put a fresh lesion of every label that can be made into a window; tell the specks."""
        labels, places = self.rules.labels, np.zeros((0, 2))
        if CLUSTER in labels:
            x, y = rng.uniform(0.25, 0.75, 2) * window.level.shape[0]
            cluster = insert_cluster(rng, window, (float(x), float(y)))
            if cluster is not None and cluster.box_mm is not None:
                truth.append((cluster.box_mm, labels.index(CLUSTER), True, cluster.malignant))
                places = cluster.specks_px
        if MASS in labels:
            mass = insert_mass_anywhere(rng, window, [box for box, *_ in truth])
            if mass is not None:
                truth.append((mass.box_mm, labels.index(MASS), True, mass.malignant))
        return places

    def _finish(
        self,
        rng: np.random.Generator,
        window: Window,
        truth: list[_Known],
        calcified: list[_Known],
        places: np.ndarray,
    ) -> dict[str, np.ndarray]:
        rules, margin = self.rules, self.rules.margin_px
        level = regrade(rng, window.level, window.mask, window.mm_per_pixel, rules.strength)
        window = replace(window, level=level)
        image = make_channels(window, rules.channels, rules.parameters)
        inner = window.without_margin(margin)
        image = image[:, margin : margin + rules.size_px, margin : margin + rules.size_px]
        lesions = _visible(inner, truth, rules.size_px)
        unknown = _visible(inner, calcified, rules.size_px)
        places = places - margin
        if rng.uniform() < 0.5:
            image = image[:, ::-1]
            lesions = [_flipped(lesion, rules.size_px) for lesion in lesions]
            unknown = [_flipped(lesion, rules.size_px) for lesion in unknown]
            places = np.column_stack([places[:, 0], rules.size_px - places[:, 1]])
        targets = make_targets(lesions, rules.size_px, len(rules.labels))
        made = {name: getattr(targets, name) for name in type(targets).__slots__}
        made["image"] = np.ascontiguousarray(image)
        if rules.specks:
            made["specks"] = speck_heat(places, rules.size_px)
            made["speck_care"] = _speck_care(unknown, rules.size_px)
        if rules.boxes:
            made["boxes"], made["classes"] = _listed(lesions)
        return made

    def _view(self, rng: np.random.Generator) -> BankedView:
        names = sorted(self.bank.views)
        return self.bank.views[names[int(rng.integers(len(names)))]]

    def _corner(
        self, rng: np.random.Generator, view: BankedView, side_mm: float
    ) -> tuple[float, float]:
        shown = [f for f in view.truth.findings if f.kind in self.rules.labels]
        inner = side_mm * self.rules.size_px / (self.rules.size_px + 2 * self.rules.margin_px)
        if shown and rng.uniform() < self.rules.on_lesion:
            kinds = sorted({f.kind for f in shown})
            kind = kinds[int(rng.integers(len(kinds)))]
            mine = [f for f in shown if f.kind == kind]
            x0, y0, x1, y1 = mine[int(rng.integers(len(mine)))].box_mm
            centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
            centre += rng.uniform(-0.35, 0.35, 2) * inner
        else:
            places, muscle = view.mask[::8, ::8], view.pectoral[::8, ::8]
            if self.rules.on_muscle and muscle.any() and rng.uniform() < self.rules.on_muscle:
                places = muscle
            rows, columns = np.nonzero(places)
            pick = int(rng.integers(len(rows)))
            centre = np.array([columns[pick], rows[pick]]) * 8.0 * 0.3
        return float(centre[0] - side_mm / 2), float(centre[1] - side_mm / 2)


def _strew_dust(rng: np.random.Generator, window: Window) -> None:
    """Put dust on a window of whatever look, in place; air stays 0."""
    white = float(rng.uniform(*DUST_WHITE))
    add_dust(rng, window.level, window.mm_per_pixel, marks=DUST_MARKS, white=white)
    window.level[~window.mask] = 0.0


def _wanted(
    kind: str, contrast: float, view: BankedView, labels: tuple[str, ...]
) -> tuple[int | None, bool]:
    """Label's index and whether such a finding is asked for."""
    if kind not in labels:
        return None, False
    faint = kind == MASS and contrast < FAINT_MASS
    unseen = kind == CLUSTER and view.truth.pitch_mm > FINE_ENOUGH_MM
    return labels.index(kind), not (faint or unseen)


def _visible(window: Window, truth: list[_Known], size_px: int) -> list[Wanted]:
    """Find what lies in the window; of a lesion that is asked for, at least half must."""
    found = []
    for box_mm, label, asked, malignant in truth:
        box = window.to_window(np.asarray([box_mm]))[0]
        cut = np.clip(box, 0, size_px)
        area = max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-6)
        left = float((cut[2] - cut[0]) * (cut[3] - cut[1]))
        if left > 1.0:
            edges = (float(cut[0]), float(cut[1]), float(cut[2]), float(cut[3]))
            found.append(Wanted(edges, label, asked and left / area > 0.5, malignant))
    return found


def _speck_care(unknown: list[Wanted], size_px: int) -> np.ndarray:
    """0 where calcifications were rendered that are not known one by one."""
    cells = size_px // SPECK_STRIDE
    care = np.ones((1, cells, cells), dtype=np.float32)
    for lesion in unknown:
        x0, y0, x1, y1 = (int(edge / SPECK_STRIDE) for edge in lesion.box)
        care[0, y0 : y1 + 1, x0 : x1 + 1] = 0.0
    return care


def _listed(lesions: list[Wanted]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (MOST, 4) and classes (MOST,): 1 + label, -1 for what does not count, 0 for nothing."""
    boxes = np.zeros((MOST_LESIONS, 4), dtype=np.float32)
    classes = np.zeros(MOST_LESIONS, dtype=np.float32)
    for i, lesion in enumerate(lesions[:MOST_LESIONS]):
        boxes[i] = lesion.box
        classes[i] = -1 if not lesion.asked or lesion.label is None else 1 + lesion.label
    return boxes, classes


def _flipped(lesion: Wanted, size_px: int) -> Wanted:
    x0, y0, x1, y1 = lesion.box
    return Wanted(
        (x0, size_px - y1, x1, size_px - y0), lesion.label, lesion.asked, lesion.malignant
    )
