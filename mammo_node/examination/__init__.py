"""One model on one image, whatever its family: one module per family."""

from __future__ import annotations

from dataclasses import replace

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.explanation import Explainer
from mammo_node.analyse.landmarks import LandmarkFinder
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.engine import LoadedModel
from mammo_node.errors import ModelPackageError
from mammo_node.examination.candidate_patches import judge_patches
from mammo_node.examination.detection import detect
from mammo_node.examination.examined import Examined, Heatmap
from mammo_node.examination.landmarks import point_out
from mammo_node.examination.sliding_patches import slide
from mammo_node.examination.subject import Subject
from mammo_node.vocabulary import Finding, MammoImage

__all__ = ["Examined", "Heatmap", "Subject", "examine", "find"]


def examine(subject: Subject, model: LoadedModel, *, explain: bool = True) -> Examined:
    """Run one model on one image.

    Parameters
    ----------
    explain : bool
        Make the map of what made it score, too, if the model has one.

    Raises
    ------
    NoBreastFound
        If the model wants the breast cropped and there is none.
    InferenceError
        If the model fails.
    """
    explainer = model.explainer if explain else None
    match model.runner:
        case Detector() as detector:
            return detect(subject, detector, explainer)
        case DensityEstimator() as estimator:
            return Examined(tensor=subject.prepared(estimator.package.input_spec).tensor)
        case LandmarkFinder() as finder:
            return point_out(subject, finder)
        case WindowClassifier() as classifier:
            return _shown(slide(subject, classifier), explainer)
        case CandidatePatches() as classifier:
            return _shown(judge_patches(subject, classifier), explainer)
        case other:
            raise ModelPackageError(f"{model.package.name}: {type(other).__name__} has no examiner")


def _shown(examined: Examined, explainer: Explainer | None) -> Examined:
    """Take away the map that comes of the work of these families, where none is wanted."""
    return examined if explainer is not None else replace(examined, heatmap=None)


def find(image: MammoImage, model: LoadedModel) -> list[Finding]:
    """Return what one model finds in one image."""
    return list(examine(Subject(image), model, explain=False).findings)
