"""Configuration: routes, overrides and identity of what changes results."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.config import (
    AETitles,
    Configuration,
    Destination,
    Models,
    OutputKind,
    Retry,
    Route,
    Settings,
    Source,
    SourceCompletion,
    WebDestination,
    load,
    load_folder,
    validate,
)
from mammo_node.errors import ConfigurationError
from mammo_node.outputs import PROFILES


def destination(name: str, *, default: bool = True) -> Destination:
    return Destination(name=name, ae_title="PACS", host="pacs", port=104, default=default)


TITLES = AETitles(
    source=(
        Source(ae_title="ROOM_1", completion=SourceCompletion(quiet_s=5)),
        Source(ae_title="ROOM_2"),
    ),
    destination=(destination("pacs"), destination("research", default=False)),
    route=(Route(source="ROOM_2", destinations=("research",)),),
)


def test_a_route_decides():
    """A source with a route goes there, and only there."""
    assert [d.name for d in TITLES.destinations_for("ROOM_2")] == ["research"]


def test_the_default_destinations_take_the_rest():
    """A source without a route goes to every destination marked default."""
    assert [d.name for d in TITLES.destinations_for("ROOM_1")] == ["pacs"]


def test_completion_of_a_source():
    """A source's own values replace the general ones, key by key."""
    configuration = Configuration(ae_titles=TITLES)
    assert configuration.completion_for("ROOM_1").quiet_s == 5
    assert configuration.completion_for("ROOM_1").deadline_s == 1800
    assert configuration.completion_for("ROOM_2").quiet_s == 60


def test_the_result_hash_follows_what_changes_results():
    """A threshold changes the hash; a retry delay does not."""
    plain = Configuration().result_hash()
    retry = Configuration(settings=Settings(retry=Retry(first_s=1)))
    threshold = Configuration(settings=Settings(models=Models(thresholds={"mass": 0.5})))
    assert retry.result_hash() == plain
    assert threshold.result_hash() != plain


def test_a_folder_that_is_not_there(tmp_path: Path):
    """A folder that was named must exist."""
    with pytest.raises(ConfigurationError, match="no such configuration folder"):
        load_folder(tmp_path / "nothing")


def test_an_empty_folder_is_all_defaults(tmp_path: Path):
    """Both files are optional."""
    assert load_folder(tmp_path) == Configuration()


def test_every_mistake_is_told_at_once(tmp_path: Path):
    """One run of `check` names all mistakes of a file."""
    (tmp_path / "mammo_node.toml").write_text("[worker]\nthreads = -1\n[log]\nlevel = 'loud'\n")
    with pytest.raises(ConfigurationError) as told:
        load_folder(tmp_path)
    assert "worker.threads = -1" in str(told.value)
    assert "log.level = 'loud'" in str(told.value)


def _destination(**values: object) -> Destination:
    table = {"name": "pacs", "ae_title": "PACS", "host": "pacs", "port": 104, **values}
    (found,) = validate({"destination": [table]}, AETitles, "ae_titles.toml").destination
    return found


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (["ihe-air"], ["sr", "key-objects", "seg"]),
        (["mammo-workstation"], ["gsps", "cad-sr", "overview"]),
        (["any-viewer"], ["overview", "pdf"]),
        (["research"], list(OutputKind)),
        (["pdf", "sr", "any-viewer", "pdf"], ["sr", "overview", "pdf"]),
    ],
)
def test_profiles_are_expanded_once(names: list[str], kinds: list[str]):
    """Kinds and profiles mix in any order, and each kind is there once."""
    assert [kind.value for kind in _destination(outputs=names).outputs] == kinds


def test_a_wrong_output_lists_what_would_be_right():
    """A name that is neither kind nor profile is an error that says which there are."""
    with pytest.raises(ConfigurationError) as caught:
        _destination(outputs=["sr", "everything"])
    words = str(caught.value)
    for name in ("'everything'", *OutputKind, *PROFILES):
        assert name in words


@pytest.mark.parametrize("term", ["ISO_IR 192", "ISO_IR 100", "\\ISO 2022 IR 87", "GB18030"])
def test_a_character_set_of_the_standard_is_taken(term: str):
    """Defined terms, one or several with backslashes as they stand in DICOM, are right."""
    assert _destination(character_set=term).character_set == term


@pytest.mark.parametrize("term", ["latin1", "", "\\", "ISO_IR 100\\nonsense"])
def test_another_character_set_is_a_mistake(term: str):
    """A term that DICOM does not know is told before anything is sent with it."""
    with pytest.raises(ConfigurationError, match="character_set"):
        _destination(character_set=term)


def test_a_transfer_syntax_that_is_not_there_is_a_mistake():
    """The error lists the transfer syntaxes that results can be sent in."""
    with pytest.raises(ConfigurationError, match="'explicit', 'implicit', 'deflated'"):
        _destination(transfer_syntaxes=["jpeg"])


def _web(**values: object) -> WebDestination:
    table = {"name": "web", "kind": "dicomweb", "url": "https://pacs/dicom-web", **values}
    (found,) = validate({"destination": [table]}, AETitles, "ae_titles.toml").destination
    assert isinstance(found, WebDestination)
    return found


def test_both_kinds_of_destinations_stand_in_one_list():
    """A table without a kind is a Storage SCP; names are unique over both kinds."""
    web = {"name": "pacs", "kind": "dicomweb", "url": "https://pacs/dicom-web/"}
    dimse = {"name": "pacs", "ae_title": "PACS", "host": "pacs", "port": 104}
    with pytest.raises(ConfigurationError, match="twice"):
        validate({"destination": [web, dimse]}, AETitles, "ae_titles.toml")
    titles = validate({"destination": [web, {**dimse, "name": "b"}]}, AETitles, "ae_titles.toml")
    assert [type(d) for d in titles.destination] == [WebDestination, Destination]
    assert titles.named_destination("pacs").address == "https://pacs/dicom-web"
    assert AETitles.model_validate_json(titles.model_dump_json()) == titles


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "ftp"}, "'dimse' (the default) or 'dicomweb'"),
        ({"kind": "dicomweb"}, "destination.0.url: this key is needed"),
        ({"kind": "dicomweb", "url": "https://h", "port": 1}, "destination.0.port: there is no"),
        ({"kind": "dicomweb", "url": "pacs/dicom-web"}, "http:// or https://"),
        ({"kind": "dicomweb", "url": "https://h", "username": "u"}, "password_file"),
        ({"kind": "dicomweb", "url": "https://h", "password_env": "P"}, "username"),
        ({"kind": "dicomweb", "url": "https://h", "username": "a:b", "password_env": "P"}, "colon"),
        (
            {"kind": "dicomweb", "url": "https://h", "token_env": "T", "token_file": "/t"},
            "one of token_file, token_env",
        ),
        (
            {"kind": "dicomweb", "url": "https://h", "token_env": "T", "username": "u"},
            "one of token_file, token_env",
        ),
    ],
)
def test_mistakes_of_a_dicomweb_destination_are_named(values: dict[str, object], words: str):
    """What is missing, unknown or contradictory is told with what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        validate({"destination": [{"name": "web", **values}]}, AETitles, "ae_titles.toml")
    assert words in str(caught.value)


@pytest.mark.parametrize("key", ["url", "token", "password"])
def test_a_secret_in_the_file_is_not_repeated(key: str):
    """A password in the URL or under a wrong key is a mistake that does not print it."""
    with pytest.raises(ConfigurationError) as caught:
        _web(**{key: "https://user:hunter2@pacs/dicom-web"})
    assert "hunter2" not in str(caught.value)


def test_a_secret_in_the_clear_is_noticed():
    """Http with a token is a warning, but for this machine."""
    variable = "T"
    assert _web(url="http://pacs/dicom-web", token_env=variable).exposes_secret
    assert not _web(url="http://127.0.0.1/dicom-web", token_env=variable).exposes_secret
    assert not _web(url="https://pacs/dicom-web", token_env=variable).exposes_secret
    assert not _web(url="http://pacs/dicom-web").exposes_secret


def test_there_is_time_to_analyse_before_the_answer_is_due(tmp_path: Path) -> None:
    """An answer deadline that leaves no time for completion and analysis is refused, by name."""
    settings = tmp_path / "mammo_node.toml"
    settings.write_text("[completion]\nanswer_deadline_s = 100")
    with pytest.raises(
        ConfigurationError, match=r"completion\.answer_deadline_s = 100: at least 2400"
    ):
        load(None, settings)


def test_a_source_has_an_answer_deadline_of_its_own(tmp_path: Path) -> None:
    """The setting of a source counts for its studies, and is held to the same rule."""
    ae_titles = tmp_path / "ae_titles.toml"
    table = '[[source]]\nae_title = "ROOM_1"\ncompletion = {{answer_deadline_s = {}}}\n'
    ae_titles.write_text(table.format(3000))
    configuration = load(ae_titles, None)
    assert configuration.waits_s("ROOM_1") == 2400
    assert configuration.waits_s("ROOM_2") == 6600
    ae_titles.write_text(table.format(30))
    with pytest.raises(ConfigurationError, match="source ROOM_1"):
        load(ae_titles, None)
