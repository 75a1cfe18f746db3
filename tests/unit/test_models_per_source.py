"""Which models look at whose studies, and that results cite those and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread

from mammo_node.answers import Answers
from mammo_node.composition import pipeline_settings
from mammo_node.config import (
    AETitles,
    Configuration,
    Models,
    OutputKind,
    Settings,
    Source,
    TrafficLight,
    Worker,
)
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine, narrowed
from mammo_node.errors import ConfigurationError, ModelPackageError
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.pipeline import Pipeline, StudyRequest
from mammo_node.vocabulary import ModelRef, Outcome
from tests.synthetic import breast, mammogram, save
from tests.unit.analyse_graphs import write_package
from tests.unit.journal_cases import Bench

EQUIPMENT = Equipment(software_version="0", device_serial_number="test")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two packages, `blobs` and `spots`; the latter's label is another one."""
    folder = tmp_path_factory.mktemp("models")
    write_package(folder / "blobs")
    changes = (
        ('name = "blobs"', 'name = "spots"'),
        ('name = "mass"', 'name = "asymmetry"'),
        ('label = "mass"', 'label = "asymmetry"'),
    )
    write_package(folder / "spots", changes=changes)
    return folder


def configuration(folder: Path | None = None, **models: object) -> Configuration:
    source = Source(ae_title="ROOM_1", models=("spots",))
    settings = Settings(models=Models(folder=folder, **({"use": ("blobs",)} | models)))
    return Configuration(ae_titles=AETitles(source=(source,)), settings=settings)


def test_a_source_has_models_of_its_own():
    """A source that names packages gets those, all others the general ones; each is loaded once."""
    both = configuration(shadow=("third",))
    assert both.models_for("ROOM_1") == ("spots",)
    assert both.models_for("ROOM_2") == ("blobs",)
    assert both.models_in_use() == ("blobs", "spots")
    assert both.every_model().use == ("blobs", "spots", "third")


def test_the_analysis_process_loads_each_model_once():
    """One process serves all sources: it loads the packages of all of them, and none in shadow."""
    loaded = pipeline_settings(configuration(shadow=("third",)), "serial").models
    assert loaded.use == ("blobs", "spots")


def test_a_model_is_in_use_or_in_shadow():
    """What answers cannot be in shadow as well, and nothing is named twice."""
    with pytest.raises(ValueError, match="'blobs' is in use"):
        Models(use=("blobs",), shadow=("blobs",))
    with pytest.raises(ValueError, match="twice"):
        Models(use=("blobs", "blobs"))


def test_shadow_and_other_sources_do_not_change_identity():
    """The hash in every identity is that of a node without; models stand there by their hashes."""
    plain = Configuration().result_hash()
    assert configuration(shadow=("third",)).result_hash() == plain
    light = Settings(traffic_light=TrafficLight(red={"mass": 0.9}))
    assert Configuration(settings=light).result_hash() != plain


def test_a_request_names_the_models_of_its_source(tmp_path: Path):
    """What is asked of the analysis process are the packages of whoever sent the study."""
    bench = Bench(tmp_path)
    answers = Answers(
        journal=bench.journal,
        spool=bench.spool,
        configuration=configuration(),
        equipment=EQUIPMENT,
        models=tuple,
        clock=lambda: bench.now,
    )
    for sender, expected in (("ROOM_1", ("spots",)), ("ROOM_2", ("blobs",))):
        bench.receive("R", "CC", study=f"1.2.{sender[-1]}", sender=sender)
        assert answers.request(bench.claim()).models == expected


def test_an_answer_without_analysis_cites_the_sources_models(tmp_path: Path):
    """Also of what was not analysed nobody reads that another source's models looked."""
    bench = Bench(tmp_path)
    save(mammogram(SOPInstanceUID="1.2.3"), tmp_path / "image.dcm")
    content = (tmp_path / "image.dcm").read_bytes()
    bench.receive("R", "CC", uid="1.2.3", study="1.2.4", content=content, sender="ROOM_1")
    job = bench.claim()
    bench.journal.record_kill(job, bench.now, 1, "killed")
    loaded = tuple(ModelRef(name, "1.0", "0" * 64) for name in ("blobs", "spots"))
    Answers(
        journal=bench.journal,
        spool=bench.spool,
        configuration=configuration(),
        equipment=EQUIPMENT,
        models=lambda: loaded,
        clock=lambda: bench.now,
    ).answer_without_analysis()
    (study,) = bench.journal.overview()
    assert study.outcome == Outcome.FAILED
    words = [str(dcmread(path)) for path in bench.spool.results.iterdir() if "-sr-" in path.name]
    assert "spots" in words[0]
    assert "blobs" not in words[0]


def test_only_the_models_asked_for_run_and_are_cited(models: Path, tmp_path: Path):
    """One engine, two sources: each study's findings and models are those of its source."""
    both = Models(folder=models, use=("blobs", "spots"))
    pipeline = Pipeline(Engine.start(both, Worker(threads=1)), Policy(), EQUIPMENT, "")
    instance = identify(save(mammogram(breast()), tmp_path / "image.dcm"))
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def answer(*names: str):
        asked = StudyRequest("1.2.4", 1, (instance,), (OutputKind.SR,), when, models=names)
        return pipeline.answer(asked)

    blobs, spots, all_ = answer("blobs"), answer("spots"), answer()
    assert [m.name for m in blobs.result.models] == ["blobs"]
    assert [m.name for m in all_.result.models] == ["blobs", "spots"]
    labels = {f.label for view in spots.result.views for f in view.findings}
    assert labels <= {"asymmetry", "calcification-cluster"}
    uids = {a.files[0].sop_instance_uid for a in (blobs, spots, all_)}
    assert len(uids) == 3
    assert [one.model.name for one in all_.opinions] == ["blobs", "spots"]
    assert all_.opinions[0] == blobs.opinions[0]


def test_a_model_that_is_not_loaded_is_an_error(models: Path):
    """A request can only ask for what the node has loaded."""
    engine = Engine.start(Models(folder=models, use=("blobs",)), Worker(threads=1))
    with pytest.raises(ModelPackageError, match="'spots' is not loaded"):
        engine.only(("spots",))


def test_limits_of_other_models_are_left_out(models: Path):
    """A node's thresholds for one model do not keep another from running by itself."""
    chosen, light = narrowed(
        Models(folder=models, use=("blobs",), thresholds={"mass": 0.7}),
        TrafficLight(red={"mass": 0.9, "asymmetry": 0.8}),
        ("spots",),
    )
    assert (chosen.use, chosen.thresholds, light.red) == (("spots",), {}, {"asymmetry": 0.8})


def test_a_light_for_an_unknown_label_is_a_mistake(models: Path):
    """A limit that could never count is refused by its key."""
    engine = Engine.start(Models(folder=models, use=("blobs",)), Worker(threads=1))
    with pytest.raises(ConfigurationError, match=r"traffic_light\.red\.lump: no model in use"):
        engine.check_traffic_light(TrafficLight(red={"lump": 0.9}))
