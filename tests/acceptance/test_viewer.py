"""A study with every kind of result in OHIF, as a radiologist opens it: seen, not only stored."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from PIL import Image

from mammo_node.encode.parse import ReportedFinding, parse_report
from mammo_node.phantom import PhantomStudy, generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.vocabulary import OutputKind
from tests import ohif, truthful
from tests.browser import Browser, chromium
from tests.node_process import wait_until
from tests.orthanc import Orthanc, dicomweb_options

pytestmark = pytest.mark.slow

_SR = "1.2.840.10008.5.1.4.1.1.88.34"
_MG = "1.2.840.10008.5.1.4.1.1.1.2"
_OVERVIEW = "1.2.840.10008.5.1.4.1.1.7"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"

#: What the page shows, by its own services and in its own terms.
_DISPLAY_SETS = """
return services.displaySetService.getActiveDisplaySets().map(one => ({
  id: one.displaySetInstanceUID,
  sop_class: one.SOPClassUID || (one.instances || [{}])[0].SOPClassUID,
  unsupported: !!one.unsupported, description: one.SeriesDescription}))
"""
#: The image on the screen, and the corners of each outline over it in pixels of that image.
_SCREEN = """
const engines = window.cornerstone ? cornerstone.getRenderingEngines() : [];
const views = engines && engines.length ? engines[0].getViewports() : [];
const view = views.find(one => one.getImageData && one.getImageData());
if (!view) return null;
const image = view.getCurrentImageId();
const corners = line => line.getAttribute('points').match(/-?[\\d.]+/g).map(Number)
  .reduce((pairs, n, i) => (i % 2 ? pairs.at(-1).push(n) : pairs.push([n]), pairs), [])
  .map(point => cornerstone.utilities.worldToImageCoords(image, view.canvasToWorld(point)));
return {image, outlines: [...view.element.querySelectorAll('svg polyline')].map(corners)}
"""
_DISMISS = """
for (const one of document.querySelectorAll('button'))
  if (/Skip all|Confirm and hide/.test(one.innerText)) one.click()
"""
#: Every mark that the page holds for a report, in pixels of the image that it belongs to.
_MARKS = """
return cornerstoneTools.annotation.state.getAllAnnotations()
  .filter(one => one.metadata.toolName === 'DICOMSRDisplay')
  .map(one => ({image: one.metadata.referencedImageId,
    outlines: one.data.renderableData.POLYLINE.map(line => line.map(
      point => cornerstone.utilities.worldToImageCoords(one.metadata.referencedImageId, point)))}))
"""
_IN_GRID = """
return [...services.viewportGridService.getState().viewports.values()]
  .some(one => one.displaySetInstanceUIDs.includes(arguments[0]))
"""
_THUMBNAIL = """
return [...document.querySelectorAll('[data-cy^="study-browser-thumbnail"]')]
  .find(one => one.innerText.includes(arguments[0]))
"""


_ATTEMPTS = 5


@dataclass(frozen=True)
class Screen:
    """The image that is shown, and the outlines drawn over it."""

    sop_instance_uid: str
    outlines: list[list[tuple[float, float]]]


class Viewer:
    """OHIF with one study open."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def display_sets(self) -> list[dict[str, Any]]:
        return list(self._browser.run(_DISPLAY_SETS))

    def open(self, sop_class_uid: str) -> None:
        """Double-click the first series of a class, again if the page was not ready for it."""
        found = [one for one in self.display_sets() if one["sop_class"] == sop_class_uid]
        wanted = found[0]
        for _ in range(_ATTEMPTS):
            self._browser.double_click(_THUMBNAIL, wanted["description"])
            if wanted["unsupported"]:
                return  # it is listed, and that is all
            if self.within(10, lambda: bool(self._browser.run(_IN_GRID, wanted["id"]))):
                return
        raise AssertionError(f"not opened: {wanted}")

    def within(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Wait for something that may not come; what stands over the page is closed meanwhile."""

        def holds() -> bool:
            self._browser.run(_DISMISS)
            return condition()

        try:
            return bool(wait_until(holds, "", seconds))
        except AssertionError:
            return False

    def marks(self) -> dict[str, list[list[tuple[float, float]]]]:
        """Return the outlines that the page holds, by SOP Instance UID of their image."""
        marks: dict[str, list[list[tuple[float, float]]]] = {}
        for one in self._browser.run(_MARKS):
            marks.setdefault(_instance(one["image"]), []).extend(_points(one["outlines"]))
        return marks

    def screen(self) -> Screen | None:
        self._browser.run(_DISMISS)
        shown = self._browser.run(_SCREEN)
        if shown is None:
            return None
        return Screen(_instance(shown["image"]), _points(shown["outlines"]))

    def wait(self, seen: Callable[[Screen], bool], what: str) -> Screen:
        """Return the screen as soon as it is as wanted; the page may be slow."""

        def fits() -> Screen | None:
            screen = self.screen()
            return screen if screen is not None and seen(screen) else None

        return wait_until(fits, what, 60)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Return (rows, columns, 3): the viewport's part of a screenshot."""
        picture = Image.open(io.BytesIO(self._browser.screenshot())).convert("RGB")
        whole = np.asarray(picture)
        return whole[whole.shape[0] // 18 :, whole.shape[1] // 5 : -40]

    def text(self) -> str:
        return str(self._browser.run("return document.body.innerText"))


def _instance(image_id: str) -> str:
    return image_id.partition("/instances/")[2].partition("/")[0]


def _points(lines: list[list[list[float]]]) -> list[list[tuple[float, float]]]:
    return [[(float(x), float(y)) for x, y, *_ in line] for line in lines]


@dataclass(frozen=True)
class Opened:
    """The study, its answer and the page that shows both."""

    study: PhantomStudy
    viewer: Viewer
    report: pydicom.Dataset
    overviews: list[str]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("viewer")
    study = generate_study(
        11, pixel_spacing_mm=0.2, masses=2, clusters=0, signs=(), implant="none", look="digital"
    )
    files = write_study(study, folder)
    for file in files:
        _make_linear(file)
    made = truthful.answer(study, files).files
    assert {one.kind for one in made} == set(OutputKind)
    assert [one.held_back for one in made if one.held_back] == []
    with Orthanc(options=dicomweb_options()) as pacs, ohif.served(pacs) as url, chromium() as page:
        for content in (*(file.read_bytes() for file in files), *(one.content for one in made)):
            pacs.post("/instances", content)
        uid = pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
        page.visit(f"{url}/viewer?StudyInstanceUIDs={uid}")
        viewer = Viewer(page)
        viewer.wait(lambda _: True, "OHIF shows an image")
        (report,) = (one for one in made if one.kind is OutputKind.SR)
        overviews = [one.sop_instance_uid for one in made if one.kind is OutputKind.OVERVIEW]
        yield Opened(study, viewer, pydicom.dcmread(io.BytesIO(report.content)), overviews)


def _make_linear(file: Path) -> None:
    """Give an image a plain window: OHIF 3.13.2 shows no image with a sigmoid one."""
    ds = pydicom.dcmread(file)
    ds.pop("VOILUTFunction", None)
    ds.save_as(file)


def test_every_series_is_listed_with_its_description(opened: Opened):
    """Whatever the viewer can do with a result, it names it: none stands there as a bare 'SR'."""
    listed = opened.viewer.display_sets()
    ours = [one for one in listed if one["sop_class"] != _MG]
    assert len(ours) >= len(OutputKind)
    assert all("research use only" in one["description"] for one in ours)
    supported = {one["sop_class"] for one in ours if not one["unsupported"]}
    assert supported >= {_SR, _OVERVIEW, _PDF}


def test_each_box_is_drawn_on_its_lesion(opened: Opened):
    """The page holds an outline for each finding, on its image, where the lesion was put.

    The one that the viewer shows first is followed to the screen.
    """
    findings = parse_report(opened.report).findings
    truth = [lesion.box_px for view in opened.study.views for lesion in view.lesions]
    assert len(findings) == len(truth) > 2
    assert all(any(_close(_edges(finding), box) for box in truth) for finding in findings)
    screen = _first_finding(opened.viewer)
    shown = [f for f in findings if f.sop_instance_uid == screen.sop_instance_uid]
    assert any(_is_drawn(finding, line) for finding in shown for line in screen.outlines), screen
    marks = opened.viewer.marks()
    for finding in findings:
        outlines = marks[finding.sop_instance_uid]
        assert any(_is_drawn(finding, outline) for outline in outlines), finding


def _first_finding(viewer: Viewer) -> Screen:
    """Open the report; while the page is busy OHIF draws nothing before it is opened again."""

    def drawn() -> bool:
        screen = viewer.screen()
        return screen is not None and bool(screen.outlines)

    for _ in range(_ATTEMPTS):
        viewer.open(_SR)
        if viewer.within(15, drawn):
            break
        viewer.open(_MG)
    screen = viewer.screen()
    assert screen is not None
    return screen


def _edges(finding: ReportedFinding) -> tuple[float, float, float, float]:
    box = finding.box_px
    return box.x_min, box.y_min, box.x_max, box.y_max


def _is_drawn(finding: ReportedFinding, outline: list[tuple[float, float]]) -> bool:
    columns, rows = zip(*outline, strict=True)
    # Half a pixel apart: some count from the corner of the first pixel, some from its centre.
    return _close(_edges(finding), (min(columns), min(rows), max(columns), max(rows)))


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= 1.5 for a, b in zip(one, other, strict=True))


def test_the_overview_is_shown_in_colour(opened: Opened):
    """The picture fills the viewport, with its yellow marks and its red light."""
    opened.viewer.open(_OVERVIEW)
    opened.viewer.wait(lambda now: now.sop_instance_uid in opened.overviews, "the overview")

    def drawn() -> bool:
        red, green, blue = np.moveaxis(opened.viewer.pixels().astype(int), -1, 0)
        yellow = (red > 180) & (green > 150) & (blue < 110)
        light = (red > 170) & (green < 90) & (blue < 90)
        return bool(yellow.sum() > 300 and light.sum() > 100)

    wait_until(drawn, "yellow marks and the red light", 60)


def test_the_report_opens(opened: Opened):
    """The PDF stands in the page, a white sheet with the pictures in it."""
    opened.viewer.open(_PDF)
    wait_until(
        lambda: bool((opened.viewer.pixels().min(axis=2) > 240).mean() > 0.1), "a white page", 60
    )


def test_no_result_breaks_the_page(opened: Opened):
    """Whatever was opened, also what OHIF cannot show, the mammogram comes up again after it."""
    for sop_class in dict.fromkeys(one["sop_class"] for one in opened.viewer.display_sets()):
        opened.viewer.open(sop_class)
        opened.viewer.open(_MG)
        screen = opened.viewer.wait(
            lambda now: now.sop_instance_uid not in opened.overviews, "a mammogram"
        )
        assert screen.sop_instance_uid, sop_class
        assert "Mammography AI" in opened.viewer.text(), sop_class
        assert "went wrong" not in opened.viewer.text(), sop_class
