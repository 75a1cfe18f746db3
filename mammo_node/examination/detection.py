"""A detector on one image: prepare, run, and back to the stored image's coordinates."""

from __future__ import annotations

from mammo_node import log
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.explanation import Explainer
from mammo_node.errors import InferenceError
from mammo_node.examination.examined import Examined, Heatmap
from mammo_node.examination.subject import Subject
from mammo_node.findings import findings_from
from mammo_node.image.preprocess import Prepared
from mammo_node.vocabulary import Detections


def detect(subject: Subject, detector: Detector, explainer: Explainer | None = None) -> Examined:
    """Run one detector on one image; its boxes come back in the stored image's coordinates."""
    package, image = detector.package, subject.image
    prepared = subject.prepared(package.input_spec)
    detections = detector.run(prepared.tensor, prepared.trimmed)
    transform = prepared.transform
    return Examined(
        findings=tuple(findings_from(detections, transform, package, image.spacing, image.shape)),
        heatmap=None if explainer is None else _heatmap(explainer, detector, prepared, detections),
    )


def _heatmap(
    explainer: Explainer, detector: Detector, prepared: Prepared, found: Detections
) -> Heatmap | None:
    tensor = prepared.tensor
    try:
        values = explainer.explain(tensor, detector.reported(found), prepared.trimmed)
    except InferenceError as error:
        # Findings without their map are worth more than no findings: it takes more memory.
        log.get("models").warning("no-map", model=detector.package.name, reason=str(error))
        return None
    if values is None:
        return None
    _, _, rows, columns = tensor.shape
    return Heatmap(values, prepared.transform, (rows, columns), explainer.kind)
