"""From a detector's boxes in model pixels to findings on the stored image: pure."""

from __future__ import annotations

from mammo_node.analyse.package import ModelPackage
from mammo_node.image.geometry import ViewTransform
from mammo_node.vocabulary import Box, Detections, Finding, Spacing


def findings_from(
    detections: Detections,
    transform: ViewTransform,
    package: ModelPackage,
    spacing: Spacing,
    shape: tuple[int, int],
) -> list[Finding]:
    """Map detections back to the image they were found in.

    Parameters
    ----------
    detections : Detections
        Boxes in model pixels.
    transform : ViewTransform
        How the image became the model's input.
    package : ModelPackage
        Names the labels and their concepts.
    spacing : Spacing
        Of the stored image, mm.
    shape : (rows, columns)
        Of the stored image; boxes are cut to it, and one wholly outside is dropped.

    Returns
    -------
    list of Finding
        In the detections' order. The long axis is the longer side of the box in mm.
    """
    found = []
    looks = detections.suspicion
    suspicions = [None] * len(detections.boxes) if looks is None else looks.tolist()
    rows = zip(detections.boxes, detections.scores, detections.labels, suspicions, strict=True)
    for edges, score, label, suspicion in rows:
        box = _within(transform.box_to_original(Box(*(float(e) for e in edges))), shape)
        if box is None:
            continue
        name = package.labels[int(label)]
        found.append(
            Finding(
                label=name,
                concept=package.concepts[name],
                score=float(score),
                box_px=box,
                outline_px=None,
                long_axis_mm=max(box.width * spacing.column_mm, box.height * spacing.row_mm),
                model=package.ref,
                suspicion=suspicion,
            )
        )
    return found


def _within(box: Box, shape: tuple[int, int]) -> Box | None:
    rows, columns = shape
    cut = Box(
        max(box.x_min, 0.0),
        max(box.y_min, 0.0),
        min(box.x_max, float(columns)),
        min(box.y_max, float(rows)),
    )
    return cut if cut.width > 0 and cut.height > 0 else None
