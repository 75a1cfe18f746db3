"""Configuration: two TOML files become frozen, validated values, once, at start.

``ae_titles.toml`` says who may send, where results go and what each destination gets;
``mammo_node.toml`` says everything else, and every key in it has a safe default.
An unknown key, a value out of range or a route to nowhere is a
:class:`~mammo_node.errors.ConfigurationError` that names file, key, value and what is right.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    model_validator,
)

from mammo_node.destination import AnyDestination as AnyDestination  # noqa: PLC0414 - re-exported
from mammo_node.destination import Destination as Destination  # noqa: PLC0414 - re-exported
from mammo_node.destination import DestinationTable
from mammo_node.destination import WebDestination as WebDestination  # noqa: PLC0414 - re-exported
from mammo_node.errors import ConfigurationError
from mammo_node.outputs import OutputKind as OutputKind  # noqa: PLC0414 - re-exported on purpose
from mammo_node.section import AETitle, Seconds, Section


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("an IP address or a network such as 10.1.2.0/24 is needed") from None
    return value


Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=0, le=65535)]
Share = Annotated[float, Field(ge=0, le=1)]
Category = Annotated[int, Field(ge=1, le=6)]


class Local(Section):
    """How this node presents itself on the network."""

    ae_title: AETitle = Field("MAMMO_AI", description="AE title that peers must call.")
    bind: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - modalities call from outside
    port: Port = Field(11112, description="TCP port to listen on; 0 takes a free one.")
    accept_unknown_sources: bool = Field(
        False, description="Take studies from AE titles and addresses that no [[source]] names."
    )


class SourceCompletion(Section):
    """When a source's studies are ready; keys left out come from [completion]."""

    quiet_s: Seconds | None = Field(None, description="As [completion] quiet_s.")
    settle_s: Seconds | None = Field(None, description="As [completion] settle_s.")
    deadline_s: Seconds | None = Field(None, description="As [completion] deadline_s.")
    answer_deadline_s: Seconds | None = Field(
        None, description="As [completion] answer_deadline_s."
    )


class Source(Section):
    """A peer that may send: calling AE title, and where it may come from."""

    ae_title: AETitle = Field(description="Calling AE title.")
    addresses: tuple[Network, ...] = Field(
        (), description="Addresses or networks it may call from; empty: any."
    )
    completion: SourceCompletion = Field(
        default_factory=SourceCompletion, description="Study completion for this source."
    )
    models: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Model packages that analyse its studies; by default those of [models] use.",
    )


class Route(Section):
    """Where one source's results go."""

    source: AETitle = Field(description="Calling AE title.")
    destinations: tuple[str, ...] = Field(min_length=1, description="Names of destinations.")


class AETitles(Section):
    """The whole of ``ae_titles.toml``."""

    local: Local = Field(default_factory=Local)
    source: tuple[Source, ...] = ()
    destination: tuple[DestinationTable, ...] = ()
    route: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _unique("destination", "name", [d.name for d in self.destination])
        _unique("source", "ae_title", [s.ae_title for s in self.source])
        _unique("route", "source", [r.source for r in self.route])
        names = {d.name for d in self.destination}
        for route in self.route:
            for name in route.destinations:
                if name not in names:
                    known = ", ".join(sorted(names)) or "none is defined"
                    raise ValueError(
                        f"route.destinations: no [[destination]] is named {name!r} (known: {known})"
                    )
        return self

    def destinations_for(self, calling_ae_title: str) -> tuple[AnyDestination, ...]:
        """Return where results of a study from this sender go."""
        for route in self.route:
            if route.source == calling_ae_title:
                return tuple(d for d in self.destination if d.name in route.destinations)
        return tuple(d for d in self.destination if d.default)

    def named_destination(self, name: str) -> AnyDestination:
        """Return the destination of that name.

        Raises
        ------
        ConfigurationError
            If there is none; the message lists those there are.
        """
        for destination in self.destination:
            if destination.name == name:
                return destination
        known = ", ".join(d.name for d in self.destination) or "none is defined"
        raise ConfigurationError(f"no destination is named {name!r} in ae_titles.toml ({known})")


def _unique(table: str, key: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{table}.{key}: {value!r} is there twice; each may stand once")


class Storage(Section):
    """Where studies, results and the journal live."""

    folder: Path = Field(
        Path("/var/lib/mammo-node"),
        description="Spool and journal; one local file system, not NFS.",
    )
    min_free_mb: int = Field(
        2048, ge=0, description="Below this much free space associations are turned away."
    )


class Receive(Section):
    """The Storage SCP's processes, deadlines and caps."""

    processes: int = Field(2, ge=1, le=32, description="Receiver processes sharing the port.")
    max_associations: int = Field(32, ge=1, le=4096, description="At one time, over all processes.")
    backlog: int = Field(128, ge=1, le=4096, description="TCP listen backlog.")
    max_pdu_bytes: int = Field(131072, ge=4096, le=4194304, description="PDU length we accept.")
    association_deadline_s: Seconds = Field(
        10.0, description="From TCP connect to a whole A-ASSOCIATE-RQ."
    )
    pdu_deadline_s: Seconds = Field(30.0, description="For the rest of a PDU that has begun.")
    idle_deadline_s: Seconds = Field(300.0, description="Without a message on an open association.")
    max_instance_mb: int = Field(4096, ge=1, description="Largest instance taken.")


class Completion(Section):
    """When a study is ready to be analysed."""

    settle_s: Seconds = Field(
        3.0,
        description="Both views of both breasts are there: wait this long for more,"
        " or until the sender releases its association, whichever comes first.",
    )
    quiet_s: Seconds = Field(
        60.0, description="Views are missing: wait this long after the sender released."
    )
    deadline_s: Seconds = Field(
        1800.0, description="Whatever is missing: ready this long after the first instance."
    )
    answer_deadline_s: Seconds = Field(
        7200.0,
        description="A study has an answer this long after its last image: what cannot be analysed"
        " by then is answered 'not attempted', and analysed later. At least deadline_s and"
        " [worker] job_deadline_s together.",
    )


class Worker(Section):
    """The analysis process."""

    provider: Literal["cpu", "cuda"] = Field("cpu", description="ONNX Runtime execution provider.")
    threads: int = Field(0, ge=0, le=256, description="Threads of one inference; 0: all cores.")
    job_deadline_s: Seconds = Field(600.0, description="A study's analysis is killed after this.")
    recycle_jobs: int = Field(200, ge=1, description="Restart the process after this many studies.")
    recycle_mb: int = Field(6000, ge=256, description="Restart the process above this much memory.")
    max_kills: int = Field(
        3, ge=1, le=20, description="A study that killed the process this often is quarantined."
    )


class Models(Section):
    """Which model packages run."""

    folder: Path | None = Field(
        None, description="Folder of model packages; by default those that are installed with us."
    )
    use: tuple[str, ...] = Field(
        ("lesion-detector",),
        min_length=1,
        description="Packages to run on studies of sources that name none.",
    )
    shadow: tuple[str, ...] = Field(
        (),
        description="Packages in shadow: they run on the same images after the answer, what they"
        " say is recorded for `mammo-node compare`, and none of it is delivered.",
    )
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="Score from which a finding is reported, by label;"
        " by default the package's operating point.",
    )
    explain: Literal["score-map", "relevance", "none"] = Field(
        "score-map",
        description="What overview, report and segmentation show over the images: the model's score"
        " at each place, the relevance of each place for the findings (gradient x input; occlusion"
        " where a model has no gradient), or none.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _unique("models", "use", list(self.use))
        _unique("models", "shadow", list(self.shadow))
        for name in self.shadow:
            if name in self.use:
                raise ValueError(f"shadow: {name!r} is in use: it answers, and cannot be in shadow")
        return self


class TrafficLight(Section):
    """From where on a study's light is amber, or red; green needs the whole study analysed."""

    amber: dict[str, Share] = Field(
        default_factory=dict,
        description="Score from which a finding or an image is amber, by label; by default the"
        " operating point in force, from which findings are reported.",
    )
    red: dict[str, Share] = Field(
        default_factory=dict,
        description="Score from which it is red, by label; by default the model's next higher"
        " operating point, and without one half way between that in force and 1.",
    )
    amber_score: Share | None = Field(
        None,
        description="Fused score of a breast from which it is amber, whatever the labels;"
        " unset: labels alone decide.",
    )
    red_score: Share | None = Field(None, description="As amber_score, for red.")
    amber_category: Category = Field(
        4, description="AI suspicion category of an image from which it is amber."
    )
    red_category: Category = Field(
        5, description="AI suspicion category of an image from which it is red."
    )
    asymmetry: Share = Field(
        0.3, description="Difference of the breasts' fused scores that is amber; 1: hardly ever."
    )
    density_asymmetry: Annotated[float, Field(gt=0, le=4)] = Field(
        1.0,
        description="Difference of the breasts' expected density, A = 0 to D = 3, that is amber;"
        " 4: never.",
    )

    @model_validator(mode="after")
    def _red_above_amber(self) -> Self:
        pairs: list[tuple[str, float | None, float | None]] = [
            (f"red.{key}", self.amber.get(key), red) for key, red in self.red.items()
        ]
        pairs.append(("red_score", self.amber_score, self.red_score))
        pairs.append(("red_category", self.amber_category, self.red_category))
        for key, amber, red in pairs:
            if amber is not None and red is not None and red < amber:
                raise ValueError(f"{key} = {red:g}: is below the limit of amber, {amber:g}")
        return self


class Comparison(Section):
    """Findings of a breast's views are compared, where a model tells where the nipple is."""

    enabled: bool = Field(
        True, description="Match findings of CC and MLO by their distance from the nipple."
    )
    tolerance_mm: float = Field(
        15.0,
        ge=0,
        le=50,
        description="Difference of the distances up to which findings are taken for one lesion;"
        " a quarter of the larger one's length is added.",
    )
    raise_by: Share = Field(
        0.2,
        description="Of a matched finding's score, the largest share of what is left to 1 that"
        " is added; 0: nothing is raised.",
    )
    lower_by: Share = Field(
        0.1,
        description="Share that the score of a finding loses when the other view should show it"
        " and does not; 0: nothing is lowered.",
    )
    candidates: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5,
        description="Boxes of detectors take part from this share of their operating point on;"
        " what is below the operating point after the comparison is dropped.",
    )


class Suitability(Section):
    """Which images are analysed beyond plain For Presentation mammograms."""

    secondary_capture: bool = Field(
        False, description="Analyse Secondary Capture that says laterality and view."
    )
    implants: bool = Field(False, description="Analyse views with an implant not displaced.")
    generated_2d: bool = Field(
        False, description="Analyse 2D images calculated from a tomosynthesis volume."
    )


class Retry(Section):
    """How often a delivery is tried again."""

    first_s: Seconds = Field(5.0, description="Delay after the first failure; doubles each time.")
    max_s: Seconds = Field(3600.0, description="Longest delay.")
    give_up_days: float = Field(7.0, gt=0, description="After this the delivery is parked.")
    jitter: float = Field(0.2, ge=0, le=1, description="Random part of each delay.")


class Retention(Section):
    """How long files of answered studies stay."""

    days: float = Field(
        7.0, gt=0, description="Images and results stay this long after everything was delivered."
    )


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere."
    )


class Settings(Section):
    """The whole of ``mammo_node.toml``."""

    storage: Storage = Field(default_factory=Storage)
    receive: Receive = Field(default_factory=Receive)
    completion: Completion = Field(default_factory=Completion)
    worker: Worker = Field(default_factory=Worker)
    models: Models = Field(default_factory=Models)
    traffic_light: TrafficLight = Field(default_factory=TrafficLight)
    comparison: Comparison = Field(default_factory=Comparison)
    suitability: Suitability = Field(default_factory=Suitability)
    retry: Retry = Field(default_factory=Retry)
    retention: Retention = Field(default_factory=Retention)
    log: Log = Field(default_factory=Log)


class Configuration(Section):
    """Both files."""

    ae_titles: AETitles = Field(default_factory=AETitles)
    settings: Settings = Field(default_factory=Settings)

    def completion_for(self, calling_ae_title: str) -> Completion:
        """Return the completion settings of a sender: its own, then the general ones."""
        general = self.settings.completion
        for source in self.ae_titles.source:
            if source.ae_title == calling_ae_title:
                own = source.completion.model_dump(exclude_none=True)
                return general.model_copy(update=own)
        return general

    def models_for(self, calling_ae_title: str) -> tuple[str, ...]:
        """Return the packages that analyse a sender's studies: its own, else the general ones."""
        for source in self.ae_titles.source:
            if source.ae_title == calling_ae_title and source.models is not None:
                return source.models
        return self.settings.models.use

    def models_in_use(self) -> tuple[str, ...]:
        """Return every package that answers studies of some source, each once."""
        named = (name for source in self.ae_titles.source for name in source.models or ())
        return tuple(dict.fromkeys((*self.settings.models.use, *named)))

    def every_model(self) -> Models:
        """Return the model settings with all packages in use: of all sources, and in shadow."""
        models = self.settings.models
        names = dict.fromkeys((*self.models_in_use(), *models.shadow))
        return models.model_copy(update={"use": tuple(names), "shadow": ()})

    def waits_s(self, calling_ae_title: str) -> float:
        """Return how long after its last image a sender's study may wait for its analysis.

        An analysis that begins by then has ended, or been ended, by the answer deadline.
        """
        answer_deadline_s = self.completion_for(calling_ae_title).answer_deadline_s
        return answer_deadline_s - self.settings.worker.job_deadline_s

    @model_validator(mode="after")
    def _time_to_answer(self) -> Self:
        """Hold that a study which waited as long as it may can still be analysed in time."""
        job_s = self.settings.worker.job_deadline_s
        for ae_title in ("", *(source.ae_title for source in self.ae_titles.source)):
            completion = self.completion_for(ae_title)
            least_s = completion.deadline_s + job_s
            if completion.answer_deadline_s < least_s:
                where = f"source {ae_title}: completion" if ae_title else "completion"
                raise ValueError(
                    f"{where}.answer_deadline_s = {completion.answer_deadline_s:g}: at least"
                    f" {least_s:g} is needed, deadline_s ({completion.deadline_s:g}) and"
                    f" worker.job_deadline_s ({job_s:g}) together"
                )
        return self

    def result_hash(self) -> str:
        """Return a hash of the settings that change results, for deterministic identities."""
        relevant = {
            # Identities have the models that ran themselves, with their hashes.
            "models": self.settings.models.model_dump(
                mode="json", exclude={"folder", "use", "shadow"}
            ),
            "traffic_light": self.settings.traffic_light.model_dump(mode="json"),
            "comparison": self.settings.comparison.model_dump(mode="json"),
            "suitability": self.settings.suitability.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


_SectionType = TypeVar("_SectionType", bound=Section)


def load_folder(folder: Path | None) -> Configuration:
    """Read both files of a folder; a file that is not there leaves its defaults.

    Raises
    ------
    ConfigurationError
        If the folder does not exist, or as :func:`load`.
    """
    if folder is None:
        return Configuration()
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such configuration folder")
    files = (folder / "ae_titles.toml", folder / "mammo_node.toml")
    return load(*(path if path.exists() else None for path in files))


def load(ae_titles: Path | None, settings: Path | None) -> Configuration:
    """Read and validate both files; None takes the defaults of that file.

    Raises
    ------
    ConfigurationError
        Naming the file, the key, the value and what would be right.
    """
    parts = {"ae_titles": _read(ae_titles, AETitles), "settings": _read(settings, Settings)}
    return validate(parts, Configuration, str(settings or ae_titles))


def _read(path: Path | None, section: type[_SectionType]) -> _SectionType:
    if path is None:
        return section()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    return validate(values, section, str(path))


def validate(values: dict[str, Any], section: type[_SectionType], origin: str) -> _SectionType:
    """Build a section from parsed TOML, or explain each mistake.

    Raises
    ------
    ConfigurationError
        One line per mistake: ``file: key = value: what would be right``.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        lines = [_explain(origin, dict(mistake), section) for mistake in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error


def _explain(origin: str, mistake: dict[str, Any], section: type[BaseModel]) -> str:
    sections, key = _walk(section, mistake["loc"])
    message = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        known = ", ".join(sorted({name for s in sections for name in s.model_fields}))
        return f"{origin}: {key}: there is no such key (known here: {known})"
    if mistake["type"] == "missing":
        return f"{origin}: {key}: this key is needed"
    shown = f" = {mistake['input']!r}" if key and _may_be_shown(mistake["input"]) else ""
    return f"{origin}: {key}{shown}: {message}" if key else f"{origin}: {message}"


def _may_be_shown(value: Any) -> bool:
    """Whether a wrong value may be printed: no whole table, and no URL with a password in it."""
    return not isinstance(value, dict) and not (isinstance(value, str) and "@" in value)


def _walk(
    section: type[BaseModel], location: tuple[str | int, ...]
) -> tuple[list[type[BaseModel]], str]:
    """Return the sections that a mistake lies in, and its key without the name of the kind."""
    candidates, found, parts = [section], [section], []
    for part in location:
        named = [s for s in candidates if part in _kind_words(s)]
        if named:
            candidates = named
            continue
        parts.append(str(part))
        found = candidates
        fields = [s.model_fields[part] for s in candidates if part in s.model_fields]
        candidates = [s for f in fields for s in sections_of(f.annotation)] or candidates
    return found, ".".join(parts)


def _kind_words(section: type[BaseModel]) -> tuple[Any, ...]:
    kind = section.model_fields.get("kind")
    return getattr(kind.annotation, "__args__", ()) if kind else ()


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections in an annotation: one, or those of a table that is of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [s for part in getattr(annotation, "__args__", ()) for s in sections_of(part)]
