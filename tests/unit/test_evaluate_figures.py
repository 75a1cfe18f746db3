"""A whole evaluation, against figures worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mammo_node.evaluate.figures import figures
from mammo_node.evaluate.predictions import ScoredBox
from mammo_node.evaluate.records import TrueFinding
from mammo_node.evaluate.report import report
from mammo_node.evaluate.settings import Settings
from tests.unit.judged import CLUSTER, MASS, example, judged, record, square

SETTINGS = Settings(rounds=100, rates=(0.0, 0.25, 1.0), thresholds={MASS: 0.45, CLUSTER: 0.2})
ABOUT = {"what": "by hand", "truth": "four women"}


@pytest.fixture(scope="module")
def document():
    """The example's figures."""
    return figures(example(), (MASS, CLUSTER), ABOUT, SETTINGS)


def test_data_counts_what_was_refused(document):
    """Refused images are counted with their reason, and so are the findings lost in them."""
    data = document["data"]
    assert (data["images"], data["analysed"], data["patients"], data["breasts"]) == (5, 4, 4, 5)
    assert data["refused"] == {"pixel-data: broken": 1}
    assert data["findings"] == {MASS: 4, CLUSTER: 1}
    assert data["findings_in_refused_images"] == {MASS: 1, CLUSTER: 0}


def test_detection_by_hand(document):
    """Three masses in four images: 0.9 and 0.5 hit, 0.8 and 0.4 do not."""
    mass = document["detection"][MASS]
    froc = mass["froc"]["iou"]
    assert (mass["lesions"], mass["images"]) == (3, 4)
    assert froc["sensitivity"] == pytest.approx([1 / 3, 2 / 3, 2 / 3], abs=1e-4)
    assert froc["thresholds"] == [0.9, 0.5, 0.4]
    assert froc["reached"] == 0.5
    assert froc["curve"]["rate"] == [0, 0, 0.25, 0.25, 0.5]
    assert mass["operating_point"] == {
        "threshold": 0.45,
        "sensitivity": pytest.approx(2 / 3, abs=1e-4),
        "false_positives_per_image": 0.25,
    }
    assert all(
        low <= value <= high
        for low, value, high in zip(froc["low"], froc["sensitivity"], froc["high"], strict=True)
    )


def test_suspicion_by_hand(document):
    """Of the two masses that have a box, the malignant one looks so more: 0.7 against 0.1."""
    looks = document["suspicion"][MASS]
    assert (looks["auc"], looks["malignant"], looks["benign"]) == (1.0, 1, 1)
    assert document["suspicion"][CLUSTER] is None


def test_a_lesion_looks_as_its_best_box_says():
    """Three benign masses and two malignant ones by hand: four and a half of six pairs are told.

    Boxes beside a lesion, less sure ones on it, lesions without a box, and those of which nobody
    knows what they are, say nothing.
    """

    def image(name, malignant, *boxes):
        lesion = TrueFinding(MASS, "mass", square(0, 0), malignant=malignant)
        return judged(record(name, lesion), *(ScoredBox(MASS, *box) for box in boxes))

    on, beside = square(5, 5), square(400, 400)
    pairs = [
        image("a", True, (0.9, on, 0.8), (0.5, on, 0.0)),
        image("b", True, (0.3, on, 0.4), (0.9, beside, 0.0)),
        image("c", True),
        image("d", False, (0.4, on, 0.4)),
        image("e", False, (0.8, on, 0.1)),
        image("f", False, (0.2, on, 0.6)),
        image("g", None, (0.9, on, 0.9)),
    ]
    looks = figures(pairs, (MASS,), ABOUT, SETTINGS)["suspicion"][MASS]
    assert (looks["malignant"], looks["benign"]) == (2, 3)
    # 0.8 is above all three; 0.4 above one, level with one and below one.
    assert looks["auc"] == pytest.approx(4.5 / 6)
    assert looks["low"] <= looks["auc"] <= looks["high"]


def test_a_faint_box_makes_no_image_malignant():
    """A sure and suspicious box says more than a faint one that looks worse."""
    lesion = TrueFinding(MASS, "mass", square(0, 0), malignant=True)
    pairs = [
        judged(record("a", lesion), ScoredBox(MASS, 0.9, square(0, 0), 0.7)),
        judged(record("b"), ScoredBox(MASS, 0.01, square(0, 0), 0.99)),
    ]
    found = figures(pairs, (MASS,), ABOUT, SETTINGS)["discrimination"]["malignant"]
    assert found["image"]["auc"] == 1.0


def test_breakdowns_by_hand(document):
    """By vendor images are parted; by size the lesions, and the others count neither way."""
    by = document["detection"][MASS]["by"]
    vendors = {name: (part["images"], part["lesions"]) for name, part in by["vendor"].items()}
    assert vendors == {"ACME": (3, 2), "Other": (1, 1)}
    assert by["vendor"]["ACME"]["sensitivity"] == [0.5, 0.5, 0.5]
    assert by["vendor"]["Other"]["sensitivity"] == [0.0, 0.0, 1.0]
    sizes = {name: part["sensitivity"] for name, part in by["size"].items()}
    assert sizes == {
        "under 10 mm": [0.0, 1.0, 1.0],
        "10 to 20 mm": [1.0, 1.0, 1.0],
        "20 mm and over": [0.0, 0.0, 0.0],
    }
    assert {n: p["lesions"] for n, p in by["density"].items()} == {
        "A": 1,
        "B": 1,
        "C": 1,
        "not known": 0,
    }


def test_groups_have_their_own_figures(document):
    """Figures of whole images are told by vendor and density, where a group has both classes."""
    by = document["by"]["vendor"]
    assert {name: part["images"] for name, part in by.items()} == {"ACME": 4, "Other": 1}
    # Of ACME a (0.9) and c (0) have a mass, d (0.4) has none.
    assert by["ACME"]["auc"][MASS] == 0.5
    assert by["Other"]["auc"][MASS] is None
    assert (by["ACME"]["nipple_median_mm"], by["Other"]["nipple_median_mm"]) == (3.0, None)


def test_discrimination_by_hand(document):
    """Scores of images with a mass are 0.9, 0.8 and 0; of the one without 0.4: 2 of 3 pairs."""
    image = document["discrimination"][MASS]["image"]
    assert image["auc"] == pytest.approx(2 / 3, abs=1e-4)
    assert (image["positives"], image["negatives"]) == (3, 1)
    # Malignant are a and c with suspicions 0.7 and 0; b has 0.2, and d its box's score of 0.4.
    assert document["discrimination"]["malignant"]["image"]["auc"] == pytest.approx(0.5)


def test_a_breast_has_its_images_best_score():
    """Two views of a breast are one unit: the lesion may be seen in either."""
    lesion = TrueFinding(MASS, "mass", square(0, 0))
    views = [
        judged(record("cc", lesion, patient="1")),
        judged(record("mlo", lesion, patient="1"), ScoredBox(MASS, 0.6, square(0, 0))),
        judged(record("other", patient="1", side="R"), ScoredBox(MASS, 0.5, square(0, 0))),
    ]
    found = figures(views, (MASS,), ABOUT, SETTINGS)["discrimination"][MASS]
    assert found["breast"]["auc"] == 1.0
    assert (found["breast"]["positives"], found["breast"]["negatives"]) == (1, 1)
    assert found["image"]["auc"] == 0.5


def test_decisions_by_hand(document):
    """At 0.45 a and b are said to have a mass, c is missed; at 0.2 d is wrongly given a cluster."""
    found = document["decisions"]
    assert found["labels"][MASS]["f1"] == pytest.approx(0.8)
    assert found["labels"][MASS]["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["labels"][CLUSTER]["f1"] == 0
    assert found["weighted_f1"] == pytest.approx(0.8 * 3 / 4)


def test_density_and_nipple_by_hand(document):
    """A is told as A, B as D; the nipple is 5 mm off in one image and 1 mm in the other."""
    density = document["density"]
    assert (density["breasts"], density["accuracy"]) == (2, 0.5)
    assert density["confusion"][0][0] == 1
    assert density["confusion"][1][3] == 1
    nipple = document["nipple"]
    assert nipple["errors_mm"] == [1.0, 5.0]
    assert (nipple["median_mm"], nipple["ninetieth_percentile_mm"]) == (3.0, 4.6)


def test_what_a_model_does_not_answer_is_left_out():
    """Without answers on density and nipple there is no section; nothing is made up."""
    plain = [judged(record("a"), ScoredBox(MASS, 0.5, square(0, 0)))]
    document = figures(plain, (MASS,), ABOUT, SETTINGS)
    assert (document["density"], document["nipple"], document["decisions"]) == (None, None, None)
    assert document["detection"] == {MASS: None}
    assert document["discrimination"][MASS]["image"] is None


def test_a_model_that_marks_nothing_says_nothing_of_malignancy():
    """Density or a nipple alone is no score of malignancy: no curve, and none of any group."""
    truth = [record("a", malignant=True), record("b", malignant=False)]
    document = figures([judged(r, density=(1, 0, 0, 0)) for r in truth], (), ABOUT, SETTINGS)
    assert document["discrimination"] == {}
    assert document["by"]["vendor"]["ACME"]["auc"] == {}
    assert "ROC AUC" not in report(document)
    marked = [judged(r, ScoredBox(MASS, 0.5, square(0, 0))) for r in truth]
    told = figures(marked, (), ABOUT, SETTINGS)["discrimination"]
    assert told["malignant"]["image"]["auc"] == 0.5


def test_labels_that_nobody_looked_for_are_not_judged():
    """Detections of a label that the truth does not speak of are not false positives."""
    lesion = TrueFinding(MASS, "mass", square(0, 0))
    only = replace(record("a", lesion), annotated=frozenset({MASS}))
    both = record("b", lesion)
    found = [judged(r, ScoredBox(CLUSTER, 0.9, square(0, 0))) for r in (only, both)]
    document = figures(found, (MASS, CLUSTER), ABOUT, SETTINGS)
    assert document["detection"][MASS]["images"] == 2
    assert document["decisions"]["images"] == 1
    only_masses = figures(found[:1], (MASS, CLUSTER), ABOUT, SETTINGS)
    assert list(only_masses["detection"]) == [MASS]


def test_findings_without_boxes_count_for_images_only():
    """Where only the image is known to have it, no box is wrong; the ROC still counts it."""
    unplaced = TrueFinding(MASS, "mass", None)
    found = [
        judged(record("a", unplaced), ScoredBox(MASS, 0.9, square(0, 0))),
        judged(record("b"), ScoredBox(MASS, 0.2, square(0, 0))),
    ]
    document = figures(found, (MASS,), ABOUT, SETTINGS)
    assert document["detection"][MASS] is None
    assert document["discrimination"][MASS]["image"]["auc"] == 1.0


def test_a_box_on_another_annotated_thing_is_not_judged():
    """What was marked as none of the known findings is neither found nor wrongly found."""
    lesion = TrueFinding(MASS, "mass", square(500, 500))
    odd = TrueFinding("other", "lipoma", square(0, 0))
    found = [judged(record("a", lesion, odd), ScoredBox(MASS, 0.9, square(0, 0)))]
    froc = figures(found, (MASS,), ABOUT, SETTINGS)["detection"][MASS]["froc"]["iou"]
    assert (froc["sensitivity"], froc["reached"]) == ([0.0, 0.0, 0.0], 0.0)


def test_kindred_findings_are_not_held_against_a_detector():
    """A mass marked on an asymmetry is neither hit nor false; on a cluster it is false."""
    lesion = TrueFinding(MASS, "mass", square(500, 500))
    asymmetry = TrueFinding("focal-asymmetry", "asymmetry", square(0, 0))
    cluster = TrueFinding(CLUSTER, "calc", square(900, 0))
    boxes = ScoredBox(MASS, 0.9, square(0, 0)), ScoredBox(MASS, 0.8, square(900, 0))
    found = [judged(record("a", lesion, asymmetry, cluster), *boxes)]
    document = figures(found, (MASS,), ABOUT, SETTINGS)
    assert document["detection"][MASS]["froc"]["iou"]["reached"] == 1.0


def test_scores_of_the_image_itself_come_first():
    """A model's own score of the image counts, not its best box; and it is calibrated."""
    lesion = TrueFinding(MASS, "mass", square(0, 0))
    found = [
        judged(record("a", lesion), image_scores={MASS: 0.9, "malignant": 0.1}),
        judged(record("b"), ScoredBox(MASS, 0.95, square(0, 0)), image_scores={MASS: 0.3}),
    ]
    section = figures(found, (), ABOUT, SETTINGS)["discrimination"][MASS]
    assert section["image"]["auc"] == 1.0
    assert section["calibration"]["ece"] == pytest.approx(0.2)


def test_the_document_is_plain_json(document):
    """Nothing in it is nan or an object of ours: every JSON reader can take it."""
    assert json.loads(json.dumps(document, allow_nan=False)) == json.loads(json.dumps(document))
    assert "not a medical device" in document["statement"]


def test_figures_repeat(document):
    """The same seed gives the same document, intervals included."""
    assert figures(example(), (MASS, CLUSTER), ABOUT, SETTINGS) == document


def test_a_bar_without_an_upper_end_is_not_calibrated():
    """Scores above 1 are no probabilities: no calibration is told of them."""
    lesion = TrueFinding(MASS, "mass", square(0, 0))
    one = judged(record("a", lesion), ScoredBox(MASS, 0.9, square(0, 0)))
    two = judged(record("a", lesion), ScoredBox(MASS, 3.5, square(0, 0)))
    document = figures([replace(one, bar=two.prediction)], (MASS,), ABOUT, SETTINGS)
    assert document["detection"][MASS]["calibration"]["count"] == [1]
    assert document["bar"]["calibration"] == {}
    # Nor has the model's threshold a meaning for the bar's contrasts.
    assert "operating_point" not in document["bar"]
    assert document["bar"]["froc"]["iou"]["sensitivity"] == [1.0, 1.0, 1.0]
