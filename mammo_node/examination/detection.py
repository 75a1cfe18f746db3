"""A detector on one image: prepare, run, and back to the stored image's coordinates."""

from __future__ import annotations

from mammo_node.analyse.detector import Detector
from mammo_node.examination.examined import Examined, Heatmap
from mammo_node.examination.subject import Subject
from mammo_node.findings import findings_from


def detect(subject: Subject, detector: Detector) -> Examined:
    """Run one detector on one image; its boxes come back in the stored image's coordinates."""
    package, image = detector.package, subject.image
    prepared = subject.prepared(package.input_spec)
    detections = detector.run(prepared.tensor)
    transform, values = prepared.transform, detections.heatmap
    _, _, rows, columns = prepared.tensor.shape
    return Examined(
        findings=tuple(findings_from(detections, transform, package, image.spacing, image.shape)),
        heatmap=None if values is None else Heatmap(values, transform, (rows, columns)),
    )
