"""The report: one file, nothing from outside, well formed, and every section where it belongs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from mammo_node.evaluate.figures import figures
from mammo_node.evaluate.report import report
from mammo_node.evaluate.settings import Settings
from mammo_node.evaluate.svg import Axis, Line, plot
from tests.unit.judged import CLUSTER, MASS, example, judged, record

SETTINGS = Settings(rounds=50)
ABOUT = {"what": "by hand", "truth": "<four> & women"}
_VOID = {"meta", "circle", "line", "polyline"}


class Nesting(HTMLParser):
    """Notes elements that are not closed in order, and what would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        self.loads += [f"{tag} {k}" for k, _ in attrs if k in {"src", "href", "srcset", "data"}]
        self.loads += [tag] if tag in {"script", "link", "iframe", "img"} else []
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def page():
    """The example's report."""
    return report(figures(example(), (MASS, CLUSTER), ABOUT, SETTINGS))


def test_the_page_stands_alone_and_is_well_formed(page):
    """Every element is closed, and nothing is loaded from anywhere."""
    nesting = Nesting()
    nesting.feed(page)
    assert (nesting.open, nesting.wrong, nesting.loads) == ([], [], [])
    assert "url(" not in page
    assert "@import" not in page


def test_every_plot_is_an_svg_document(page):
    """Each inline SVG parses as XML and has its title for readers who do not see it."""
    plots = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(plots) >= 5
    for text in plots:
        root = ET.fromstring(text)  # noqa: S314 - our own text
        assert root.find("title").text


def test_every_section_is_there(page):
    """What the figures have is on the page, with the statement of research use."""
    for words in (
        "not a medical device",
        "Boxes: mass",
        "By vendor",
        "By breast density",
        "By lesion size",
        "Scores of images and breasts",
        "Decisions",
        "Breast density",
        "Nipple",
        "Calibration",
        "Images and breasts by vendor",
        "Not analysed, and in no figure below: 1 of 5 images.",
        "pixel-data: broken",
    ):
        assert words in page, words


def test_no_patient_is_named():
    """Neither page nor figures say whose the images are, or what the files are called."""
    truth = record("SECRET-FILE", patient="SECRET^PATIENT")
    found = [judged(truth), *example()]
    document = figures(found, (MASS, CLUSTER), ABOUT, SETTINGS)
    assert "SECRET" not in json.dumps(document) + report(document)


def test_words_are_escaped(page):
    """What comes from file names and headers cannot become markup."""
    assert "<four>" not in page
    assert "&lt;four&gt; &amp; women" in page


def test_sections_without_answers_are_left_out():
    """A model that finds nothing gives a page all the same, without empty sections."""
    page = report(figures([judged(record("a"))], (MASS,), ABOUT, SETTINGS))
    for words in ("Nipple", "Breast density", "Decisions", "Boxes: "):
        assert words not in page


def test_plots_do_not_leave_their_frame():
    """Points beyond the axis are cut off, not drawn along its end."""
    axis = Axis("x", 0, 1, (0, 1))
    svg = plot("t", axis, axis, [Line("l", [(0, 0), (0.5, 2.0), (7, 0.5)])])
    points = re.search(r'points="([^"]+)"', svg)[1].split()
    assert len(points) == 2
    assert all(0 <= float(value) <= 440 for point in points for value in point.split(","))
