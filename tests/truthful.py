"""An answer that finds exactly what was put into a phantom: every kind of object, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mammo_node.analyse.fuse import study_result
from mammo_node.encode.codes import FINDINGS
from mammo_node.encode.overview.relief import to_picture
from mammo_node.encode.study import Equipment
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.offline import gather
from mammo_node.phantom import PhantomStudy
from mammo_node.phantom.view import PhantomView
from mammo_node.pipeline import Answer, StudyRequest, encode, picture_for
from mammo_node.vocabulary import (
    Box,
    Finding,
    MammoImage,
    ModelRef,
    OutputKind,
    ViewResult,
)

MODEL = ModelRef("truth", "1.0.0", "e7" * 32, "what was put into the phantom")
EQUIPMENT = Equipment(software_version="0.1.0", device_serial_number="truth", ae_title="MAMMO_AI")
_MASS = "mass"


def answer(study: PhantomStudy, files: Sequence[Path]) -> Answer:
    """Return the answer to a phantom study; ``files`` are its views in its order."""
    ((uid, instances),) = gather(list(files)).studies.items()
    by_path = {instance.path: instance for instance in instances}
    views, pictures = [], {}
    for view, file in zip(study.views, files, strict=True):
        image = read_mammogram(file, by_path[file].ref, Policy())
        assert isinstance(image, MammoImage), image
        findings = tuple(_finding(view, number) for number in range(len(view.lesions)))
        views.append(
            ViewResult(
                ref=image.ref,
                laterality=image.laterality,
                view=image.view,
                rows=image.shape[0],
                columns=image.shape[1],
                spacing=image.spacing,
                findings=findings,
            )
        )
        picture = picture_for(image, tuple(OutputKind), ())
        assert picture is not None
        relevance = np.zeros(image.shape, np.float32)
        heat = np.zeros(picture.grey.shape, np.float32)
        for finding in findings:
            box = finding.box_px
            corners = np.array([(box.x_min, box.y_min), (box.x_max, box.y_max)])
            for grid, ends in ((relevance, corners), (heat, to_picture(corners, picture))):
                (left, top), (right, bottom) = np.sort(ends, axis=0).astype(int)
                grid[top:bottom, left:right] = finding.score
        maps = {"relevance": relevance, "heat": heat}
        pictures[image.ref.sop_instance_uid] = replace(picture, **maps)
    request = StudyRequest(
        study_instance_uid=uid,
        generation=1,
        instances=tuple(instances),
        outputs=tuple(OutputKind),
        content_datetime=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    )
    result = study_result(uid, 1, views, [MODEL], operating_points=[(_MASS, 0.5)])
    return encode(request, result, EQUIPMENT, pictures)


def _finding(view: PhantomView, number: int) -> Finding:
    lesion = view.lesions[number]
    box = Box(*(float(edge) for edge in lesion.box_px))
    return Finding(
        label=_MASS,
        concept=FINDINGS[_MASS],
        score=round(0.9 - 0.1 * number, 2),
        box_px=box,
        outline_px=None,
        long_axis_mm=max(box.width, box.height) * view.pixel_spacing_mm,
        model=MODEL,
    )
