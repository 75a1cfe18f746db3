"""From a study's files to its answer: read -> analyse -> encode. The page to read first.

Everything here is a pure function of its arguments but for reading the named files and
running the models. It runs in the analysis process, which may be killed at any moment:
nothing is written here, the answer goes back to the parent, which commits it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import pydicom

from mammo_node import log
from mammo_node.analyse.exchange import Prepared as Ready
from mammo_node.analyse.fuse import study_result
from mammo_node.analyse.opinion import Opinion, opinion_of
from mammo_node.config import Comparison, Log, Models, TrafficLight, Worker
from mammo_node.encode.study import Equipment, PriorResult
from mammo_node.engine import Engine, LoadedModel
from mammo_node.errors import ImageError
from mammo_node.examination import Examined, Heatmap, Subject, examine
from mammo_node.header import attributes, summarise
from mammo_node.image.picture import picture_of
from mammo_node.image.preprocess import NoBreastFound
from mammo_node.image.reader import read_header, read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.judgement import Judgement, Tensors, judge, rules_of
from mammo_node.outgoing import ResultFile, Sources, Unmade, make
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    HeaderSummary,
    InstanceRef,
    MammoImage,
    ModelRef,
    OutputKind,
    Refusal,
    RefusalReason,
    StudyResult,
    View,
    ViewPicture,
    ViewResult,
)

#: Outputs that show images, or need what comes with their pictures.
_PICTURED = frozenset({OutputKind.OVERVIEW, OutputKind.PDF, OutputKind.SEG})
_GONE = Refusal(RefusalReason.FILE, "its file is no longer in the spool")


@dataclass(frozen=True, slots=True)
class SpooledInstance:
    """One image of the study and where its file lies, or lay.

    ``summary`` is what the journal knows of it, for the case that the file is gone.
    """

    ref: InstanceRef
    path: Path
    summary: HeaderSummary | None = None


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """One generation of one study, to be answered."""

    study_instance_uid: str
    generation: int
    instances: tuple[SpooledInstance, ...]
    outputs: tuple[OutputKind, ...]
    content_datetime: datetime
    predecessors: tuple[PriorResult, ...] = ()
    models: tuple[str, ...] = ()
    """Names of the packages that analyse it; none: all that are loaded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result and the objects that carry it."""

    result: StudyResult
    files: tuple[ResultFile, ...]
    unmade: tuple[Unmade, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    """What each model says by itself: kept, not sent."""

    @property
    def not_leaving(self) -> tuple[tuple[OutputKind, str], ...]:
        """Kinds of which something is not valid or could not be made, with what is wrong."""
        held = ((f.kind, f.held_back) for f in self.files if f.held_back is not None)
        return (*held, *((one.kind, one.reason) for one in self.unmade))


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking at one image."""

    view: ViewResult
    picture: ViewPicture | None = None
    """Of an analysed image, when an output shows images."""
    tensors: Tensors = field(default_factory=dict)
    """Kept for the models that judge two views together."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Everything that a pipeline is built from; picklable, for the analysis process."""

    models: Models
    worker: Worker
    policy: Policy
    equipment: Equipment
    configuration_hash: str
    log: Log
    traffic_light: TrafficLight = field(default_factory=TrafficLight)
    comparison: Comparison = field(default_factory=Comparison)


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """What a pipeline says of itself when it is ready."""

    models: tuple[ModelRef, ...]
    provider: str
    runtime_version: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What every study is answered with: models, policy, and who we are."""

    engine: Engine
    policy: Policy
    equipment: Equipment
    configuration_hash: str
    traffic_light: TrafficLight = field(default_factory=TrafficLight)
    comparison: Comparison = field(default_factory=Comparison)

    @classmethod
    def start(cls, settings: PipelineSettings) -> Self:
        """Load and self-test the models.

        Raises
        ------
        ModelError, ConfigurationError
            As :meth:`Engine.start`.
        """
        engine = Engine.start(settings.models, settings.worker, settings.comparison)
        if not settings.models.shadow:  # whose labels a limit may be for, too
            engine.check_traffic_light(settings.traffic_light)
        return cls(
            engine,
            settings.policy,
            settings.equipment,
            settings.configuration_hash,
            settings.traffic_light,
            settings.comparison,
        )

    def answer(self, request: StudyRequest) -> Answer:
        """Read, analyse and encode one study.

        Raises
        ------
        MammoNodeError
            InferenceError (retryable) or EncodingError; unreadable images are refusals.
        """
        engine = self.engine.only(request.models)
        looks, judgement = replace(self, engine=engine).judged(request)
        result = study_result(
            request.study_instance_uid,
            request.generation,
            judgement.views,
            models=engine.models,
            configuration_hash=self.configuration_hash,
            operating_points=engine.operating_points,
        )
        result = replace(
            result,
            lesions=judgement.lesions,
            densities=judgement.densities,
            assessments=judgement.assessments,
            remarks=judgement.remarks,
        )
        answer = encode(request, result, self.equipment, pictures_of(looks))
        opinions = (self._opinion(judgement, model) for model in engine.models)
        return replace(answer, opinions=tuple(opinions))

    def opinion(self, request: StudyRequest) -> Opinion:
        """Return what the one model that is asked for says of a study; nothing is encoded.

        Raises
        ------
        InferenceError
            If the model fails.
        """
        engine = self.engine.only(request.models)
        _, judgement = replace(self, engine=engine).judged(request)
        (model,) = engine.models
        return self._opinion(judgement, model)

    def _opinion(self, judgement: Judgement, model: ModelRef) -> Opinion:
        rules = rules_of(self.engine, self.traffic_light)
        return opinion_of(judgement.alone, judgement.densities, model, rules)

    def judged(self, request: StudyRequest) -> tuple[list[Look], Judgement]:
        """Look at every image, then judge the views together."""
        looks = [self.look_at(instance, request.outputs) for instance in request.instances]
        looks.sort(key=lambda look: _hanging_order(look.view))
        tensors = {key: tensor for look in looks for key, tensor in look.tensors.items()}
        views = [look.view for look in looks]
        return looks, judge(views, tensors, self.engine, self.traffic_light, self.comparison)

    def look_at(self, instance: SpooledInstance, outputs: Collection[OutputKind] = ()) -> Look:
        """Read one image and run every model on it, or say why not; draw what outputs need."""
        if not instance.path.is_file():
            return Look(refused(instance, _GONE))
        image = read_mammogram(instance.path, instance.ref, self.policy)
        if isinstance(image, Refusal):
            return Look(refused(instance, image))
        asked = [(model, model.package.refusal_of(*_who(image))) for model in self.engine.loaded]
        if (refusal := _not_looked_at(asked)) is not None:
            return Look(refused(instance, refusal))
        willing = [model for model, reason in asked if reason is None]
        try:
            subject = Subject(image)
            explain = bool(_PICTURED & set(outputs))
            examined = {m.package.name: examine(subject, m, explain=explain) for m in willing}
        except NoBreastFound as error:
            return Look(refused(instance, Refusal(RefusalReason.NO_BREAST, str(error))))
        heatmaps = [one.heatmap for one in examined.values()]
        uid = image.ref.sop_instance_uid
        kept = {(uid, k): one.tensor for k, one in examined.items() if one.tensor is not None}
        return Look(
            _view_result(image, list(examined.values()), [m.package.ref for m in willing]),
            picture_for(image, outputs, heatmaps),
            kept,
        )


def _view_result(
    image: MammoImage, examined: Sequence[Examined], models: Sequence[ModelRef]
) -> ViewResult:
    findings = [finding for one in examined for finding in one.findings]
    rows, columns = image.shape
    return ViewResult(
        ref=image.ref,
        laterality=image.laterality,
        view=image.view,
        rows=rows,
        columns=columns,
        spacing=image.spacing,
        findings=tuple(sorted(findings, key=lambda finding: -finding.score)),
        landmarks=next((one.landmarks for one in examined if one.landmarks is not None), None),
        scores=tuple(score for one in examined for score in one.scores),
        by=tuple(models),
    )


def prepare_pipeline(settings: PipelineSettings) -> Ready[StudyRequest, Answer]:
    """Build the pipeline in the analysis process: the target of ``AnalysisProcess``."""
    log.configure(settings.log.level, settings.log.format)
    pipeline = Pipeline.start(settings)
    engine = pipeline.engine
    report = PipelineReport(engine.models, engine.provider, engine.runtime_version)
    return Ready(pipeline.answer, report)


def picture_for(
    image: MammoImage, outputs: Collection[OutputKind], heatmaps: Sequence[Heatmap | None] = ()
) -> ViewPicture | None:
    """Make the picture that the outputs need, if any of them needs one."""
    if not _PICTURED & set(outputs):
        return None
    picture = picture_of(image, with_breast=OutputKind.SEG in outputs)
    made = [heatmap for heatmap in heatmaps if heatmap is not None]
    if not made:
        return picture
    kinds = tuple(dict.fromkeys(heatmap.kind for heatmap in made))
    # In pairs: np.maximum.reduce would stack the maps, each as large as the image, first.
    heat = reduce(np.maximum, (heatmap.shown(picture) for heatmap in made))
    picture = replace(picture, heat=heat, map_kinds=kinds)
    if OutputKind.SEG not in outputs:
        return picture
    relevance = reduce(np.maximum, (heatmap.stored(image.shape) for heatmap in made))
    return replace(picture, relevance=relevance)


def pictures_of(looks: Sequence[Look]) -> dict[str, ViewPicture]:
    """Return the pictures that were made, by SOP Instance UID."""
    return {k.view.ref.sop_instance_uid: k.picture for k in looks if k.picture is not None}


def _hanging_order(view: ViewResult) -> tuple[int, str]:
    """Order views as they are hung, then by SOP Instance UID: arrival must not matter."""
    standard = {pair: place for place, pair in enumerate(STANDARD_VIEWS)}
    place = standard.get((view.laterality, view.view), len(standard))  # type: ignore[arg-type]
    return place, view.ref.sop_instance_uid


def _not_looked_at(asked: Sequence[tuple[LoadedModel, Refusal | None]]) -> Refusal | None:
    """Return why no model looks for lesions in an image, where some model in use does.

    An image in which only a nipple was found or a density measured has no negative result.
    """
    seekers = [reason for model, reason in asked if model.package.labels]
    reasons = seekers or [reason for _, reason in asked]
    return None if None in reasons else next(iter(reasons), None)


def _who(image: MammoImage) -> tuple[str, View, str]:
    return image.ref.sop_class_uid, image.view, image.manufacturer


def refused(instance: SpooledInstance, refusal: Refusal | None) -> ViewResult:
    """Return the result of an image that no model saw: who it is, and why.

    Without a refusal the reason is that of the whole study: its analysis failed.
    """
    header = header_of(instance) or pydicom.Dataset()
    summary = instance.summary or summarise(header)
    return ViewResult(
        ref=instance.ref,
        laterality=summary.laterality,
        view=summary.view,
        rows=attributes.integer(header, "Rows") or 0,
        columns=attributes.integer(header, "Columns") or 0,
        spacing=None,
        refusal=refusal,
    )


def encode(
    request: StudyRequest,
    result: StudyResult,
    equipment: Equipment,
    pictures: Mapping[str, ViewPicture] = MappingProxyType({}),
) -> Answer:
    """Make the result objects of a study result, also one that was not analysed at all.

    Images without a picture, as all are when the analysis failed, are spoken of in words.
    """
    sources = Sources(
        headers=headers_of(request.instances),
        instances=tuple(instance.ref for instance in request.instances),
        predecessors=request.predecessors,
        pictures=pictures,
    )
    made = make(result, sources, request.outputs, equipment, request.content_datetime)
    return Answer(result, made.files, made.unmade)


def headers_of(instances: Sequence[SpooledInstance]) -> dict[str, pydicom.Dataset]:
    """Read the headers that result objects copy patient and study from, by SOP Instance UID."""
    found = ((i.ref.sop_instance_uid, header_of(i)) for i in instances)
    return {uid: header for uid, header in found if header is not None}


def header_of(instance: SpooledInstance) -> pydicom.Dataset | None:
    """Read one header; None when the file cannot be read, which its refusal tells of."""
    try:
        return read_header(instance.path)
    except (ImageError, OSError):
        return None
