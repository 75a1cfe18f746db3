"""A package of candidate windows on a mammogram: findings where they lie, and the image's score."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.config import Models, Worker
from mammo_node.engine import Engine
from mammo_node.examination import Examined, Subject, examine
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import MammoImage
from tests.synthetic import REF, breast, mammogram, save
from tests.unit.patch_graphs import write_patch_package

#: x_min, y_min, x_max, y_max of the lesion in the stored image, which has the chest wall right.
LESION = (100, 100, 140, 140)


def _examined(tmp_path: Path, *changes: tuple[str, str], lesion: bool = True) -> Examined:
    pixels = breast(240, 160)
    if lesion:
        pixels[100:140, 100:140] = 4000
    tmp_path.mkdir(exist_ok=True)
    image = read_mammogram(save(mammogram(pixels), tmp_path / "image.dcm"), REF, Policy())
    assert isinstance(image, MammoImage)
    write_patch_package(tmp_path / "models" / "patches", changes=changes)
    models = Models(folder=tmp_path / "models", use=("patches",))
    engine = Engine.start(models, Worker(threads=1))
    return examine(Subject(image), engine.loaded[0])


def test_a_lesion_is_found_in_the_stored_image(tmp_path: Path):
    """With a map its box is the lesion's, though the model saw the image mirrored."""
    examined = _examined(tmp_path, ('scores = "scores"', 'scores = "scores"\nmap = "map"'))
    (finding,) = examined.findings
    box = finding.box_px
    assert (box.x_min, box.y_min, box.x_max, box.y_max) == pytest.approx(LESION)
    assert finding.label == "mass"
    assert finding.long_axis_mm == pytest.approx(4.0)
    assert examined.heatmap is not None
    heat = examined.heatmap.stored((240, 160))
    assert heat[120, 120] == pytest.approx(1.0, abs=1e-3)
    assert heat[30, 30] < 0.3


def test_every_image_has_a_score_and_a_category(tmp_path: Path):
    """An image without findings has them as well."""
    (score,) = _examined(tmp_path / "a").scores
    assert (score.label, score.category, score.model.name) == ("mass", 6, "patches")
    assert score.score == pytest.approx(1.0, abs=1e-3)
    # The noise of a breast without contrast is spread over all grey levels: its mean is a half.
    above = (("threshold = 0.5", "threshold = 0.9"), ("threshold = 0.5", "threshold = 0.7"))
    none = _examined(tmp_path / "b", *above, lesion=False)
    assert none.findings == ()
    assert [one.category for one in none.scores] == [1]


def test_without_limits_there_is_a_score_but_no_category(tmp_path: Path):
    """A package whose operating points were not measured says so by giving no category."""
    limits = 'category = {}\nthreshold = {}\ndata = "nothing"\n'
    tables = [f"[[suspicion]]\n{limits.format(*pair)}" for pair in ((1, 0.0), (4, 0.5), (6, 0.8))]
    (score,) = _examined(tmp_path, *((table, "") for table in tables)).scores
    assert score.category is None
