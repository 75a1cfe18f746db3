"""What a model package finds in the images of a source of truth, by the node's own pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.package import MANIFEST_NAME, load_package
from mammo_node.config import Models, Worker
from mammo_node.engine import Engine, packages_in_use
from mammo_node.errors import InferenceError
from mammo_node.evaluate.answers import prediction_of
from mammo_node.evaluate.bar import find_bar
from mammo_node.evaluate.labels import known_as
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.samples import Truth
from mammo_node.evaluate.two_views import Breasts
from mammo_node.examination import Subject, examine
from mammo_node.image.policy import Policy
from mammo_node.image.preprocess import NoBreastFound
from mammo_node.vocabulary import MammoImage, ModelRef, Refusal, RefusalReason

FLOOR = 0.005
"""Score from which boxes are kept: curves need what lies below the operating point."""

FAILED = "model-failed"
"""Reason of an image on which the model itself failed."""
OTHER_VIEW = "another-view"
"""Reason of an image whose file and truth contradict each other."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One image: the truth, what was found, and what the blob bar found there."""

    record: ImageRecord
    prediction: Prediction
    bar: Prediction | None = None


@dataclass(frozen=True, slots=True)
class Runner:
    """A model that is ready, and what it takes for a finding by default."""

    engine: Engine
    model: ModelRef
    labels: tuple[str, ...]
    thresholds: Mapping[str, float]

    @classmethod
    def start(cls, package: str, models: Models, worker: Worker) -> Self:
        """Load and self-test one package.

        Parameters
        ----------
        package : str
            Its folder, or its name in the configured folder of packages.
        models, worker
            Where packages are by default, and what runs them.

        Raises
        ------
        ModelPackageError, ProviderUnavailable
            Saying what does not fit, or what is missing.
        """
        chosen = _chosen(package, models)
        loaded = packages_in_use(chosen)[0]
        floors = dict.fromkeys(loaded.labels.values(), FLOOR)
        engine = Engine.start(chosen.model_copy(update={"thresholds": floors}), worker)
        labels = {name: known_as(name) for name in loaded.labels.values()}
        operating = {labels[name]: score for name, score in loaded.thresholds().items()}
        return cls(engine, loaded.ref, tuple(labels.values()), operating)

    def judge(self, truth: Truth, policy: Policy, *, bar: bool) -> Iterator[Judged]:
        """Run the model, and the blob bar if wanted, on every image.

        Of a model that judges two views together, a breast's second image has the answer.
        """
        runner = self.engine.loaded[0].runner
        breasts = Breasts(runner) if isinstance(runner, DensityEstimator) else None
        for sample in truth.samples(policy):
            record, image = sample.record, sample.read()
            reason = _not_judged(record, image)
            if reason is not None or isinstance(image, Refusal):
                yield Judged(record, Prediction(record.image_id, refusal=reason))
                continue
            if record.vendor is None and image.manufacturer:
                record = replace(record, vendor=image.manufacturer)
            found = find_bar(image, record.image_id) if bar else None
            yield Judged(record, self._predict(image, record, breasts), found)

    def _predict(
        self, image: MammoImage, record: ImageRecord, breasts: Breasts | None
    ) -> Prediction:
        """Run the model on one image, and on a breast whose views are complete with it."""
        model, image_id = self.engine.loaded[0], record.image_id
        reason = model.package.refusal_of(image.ref.sop_class_uid, image.view, image.manufacturer)
        if reason is not None:
            return Prediction(image_id, refusal=f"{reason.reason}: {reason.detail}")
        try:
            examined = examine(Subject(image), model)
            told = prediction_of(examined, image, image_id)
            if breasts is None or examined.tensor is None:
                return told
            density = breasts.density(record, examined.tensor)
            if density is None:
                return told
            return replace(told, density=density[0], density_category=density[1])
        except NoBreastFound as error:
            return Prediction(image_id, refusal=f"{RefusalReason.NO_BREAST}: {error}")
        except InferenceError as error:
            # One image must not cost the others, which may have taken hours.
            return Prediction(image_id, refusal=f"{FAILED}: {error}")


def _chosen(package: str, models: Models) -> Models:
    folder = Path(package)
    if not (folder / MANIFEST_NAME).is_file():
        return models.model_copy(update={"use": (package,), "thresholds": {}})
    name = load_package(folder).name
    return models.model_copy(
        update={"folder": folder.resolve().parent, "use": (name,), "thresholds": {}}
    )


def _not_judged(record: ImageRecord, image: MammoImage | Refusal) -> str | None:
    """Say why an image enters no figure; one that is another than the truth says is of no use."""
    if isinstance(image, Refusal):
        return f"{image.reason}: {image.detail}"
    said, true = (f"{of.laterality} {of.view}" for of in (image, record))
    return None if said == true else f"{OTHER_VIEW}: the file says {said}, the truth {true}"
