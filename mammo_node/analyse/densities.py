"""Breast density from the views of a study: each breast, then the patient.

Rules:

* A breast is judged from one CC and one MLO image. Of several images of a view the one that shows
  the larger area is taken, then the one with the higher UID. A breast without both is not
  judged, and a sentence says so.
* The category is the most probable one or the median, as the model's manifest has it.
* The patient's density is the denser breast's (ACR BI-RADS Atlas, 5th edition: overall
  composition). Of breasts in one category it is the one whose expected category is higher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mammo_node.analyse.chosen_image import chosen
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.runs import Tensor
from mammo_node.vocabulary import Density, DensityCategory, Laterality, View, ViewResult

_CATEGORIES = tuple(DensityCategory)
_BREASTS = (Laterality.RIGHT, Laterality.LEFT)
_NAMES = {Laterality.RIGHT: "right", Laterality.LEFT: "left"}


@dataclass(frozen=True, slots=True)
class JudgedDensity:
    """Densities of the breasts that could be judged and of the patient; why others were not."""

    densities: tuple[Density, ...]
    remarks: tuple[str, ...]


def densities_of(
    views: Sequence[ViewResult],
    tensors: Mapping[tuple[str, str], Tensor],
    estimator: DensityEstimator,
) -> JudgedDensity:
    """Judge the breasts of one study with one model.

    Parameters
    ----------
    views : sequence of ViewResult
        One for each image, refused ones too.
    tensors : mapping
        Prepared inputs by SOP Instance UID and model name; an image without one is not judged.

    Raises
    ------
    InferenceError
        If the model fails.
    """
    prepared = [v for v in views if (v.ref.sop_instance_uid, estimator.package.name) in tensors]
    breasts, remarks = [], []
    for laterality in _BREASTS:
        found = [chosen(prepared, laterality, (view,)) for view in (View.CC, View.MLO)]
        pair = [prepared[index] for index in found if index is not None]
        if len(pair) == len(found):
            breasts.append(_breast(laterality, pair, tensors, estimator))
        elif any(view.laterality == laterality for view in views):
            remarks.append(_remark(laterality, {view.view for view in pair}))
    return JudgedDensity((*breasts, *_patient(breasts)), tuple(remarks))


def _breast(
    laterality: Laterality,
    pair: Sequence[ViewResult],
    tensors: Mapping[tuple[str, str], Tensor],
    estimator: DensityEstimator,
) -> Density:
    uids = tuple(view.ref.sop_instance_uid for view in pair)
    cc, mlo = (tensors[uid, estimator.package.name] for uid in uids)
    probabilities = estimator.run(cc, mlo)
    category = estimator.category(probabilities)
    return Density(laterality, category, probabilities, uids, estimator.package.ref)


def _patient(breasts: Sequence[Density]) -> list[Density]:
    if not breasts:
        return []
    densest = max(breasts, key=lambda d: (_CATEGORIES.index(d.category), _expected(d)))
    uids = tuple(uid for breast in breasts for uid in breast.sop_instance_uids)
    return [replace(densest, laterality=None, sop_instance_uids=uids)]


def _expected(density: Density) -> float:
    return sum(i * share for i, share in enumerate(density.probabilities))


def _remark(laterality: Laterality, there: set[View | None]) -> str:
    missing = " and ".join(view.value for view in (View.CC, View.MLO) if view not in there)
    return (
        f"Density of the {_NAMES[laterality]} breast was not judged:"
        f" no {missing} image that the model can use."
    )
