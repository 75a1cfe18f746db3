"""Candidate windows of one image: findings, a map, and what is said of the image as a whole."""

from __future__ import annotations

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.patch_findings import CELL_PX
from mammo_node.analyse.suspicion import category_of
from mammo_node.examination.examined import Examined, Heatmap
from mammo_node.examination.subject import Subject
from mammo_node.findings import findings_from
from mammo_node.vocabulary import ImageScore


def judge_patches(subject: Subject, classifier: CandidatePatches) -> Examined:
    """Run a classifier of candidate windows on one image.

    Boxes come back in the stored image's coordinates; every label has its score of the image,
    with the AI suspicion category where the manifest has limits.
    """
    package, image = classifier.package, subject.image
    prepared = subject.prepared(package.input_spec)
    verdict = classifier.run(prepared.tensor, prepared.mask)
    transform, values = prepared.transform, verdict.detections.heatmap
    limits = classifier.manifest.suspicion_limits
    return Examined(
        findings=tuple(
            findings_from(verdict.detections, transform, package, image.spacing, image.shape)
        ),
        heatmap=None
        if values is None
        else Heatmap(values, transform, (values.shape[0] * CELL_PX, values.shape[1] * CELL_PX)),
        scores=tuple(
            ImageScore(label, score, category_of(score, limits.get(label, ())), package.ref)
            for label, score in verdict.image_scores.items()
        ),
    )
