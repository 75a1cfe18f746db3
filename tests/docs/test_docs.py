"""The documentation matches the code: generated pages are current, nothing is undocumented."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from mammo_node import cli, reference
from mammo_node.config import load
from mammo_node.evaluate import labels, table, table_results
from mammo_node.evaluate.datasets import READERS
from mammo_node.evaluate.figures import figures
from mammo_node.evaluate.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])


def _commands() -> list[str]:
    actions = cli.parser()._subparsers._group_actions  # argparse has no public way
    return sorted(next(a for a in actions if isinstance(a, argparse._SubParsersAction)).choices)


@pytest.mark.parametrize("path", reference.generated(ROOT), ids=lambda path: path.name)
def test_generated_files_are_current(path: Path):
    """Pages and templates are what the code would write: `make docs` renews them."""
    assert path.read_text(encoding="utf-8") == reference.generated(ROOT)[path]


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_documented(command: str):
    """The command reference has a heading for every subcommand, and no other."""
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert f"## {command}\n" in page


@pytest.mark.parametrize("command", _commands())
def test_every_option_is_documented(command: str):
    """Each option of a subcommand stands under its heading."""
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    section = page.partition(f"## {command}\n")[2].partition("\n## ")[0]
    for option in _options(_subcommands(cli.parser())[command]):
        assert f"`{option}" in section, f"{command} {option}"


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    groups = parser._subparsers._group_actions if parser._subparsers else []
    found = [a.choices for a in groups if isinstance(a, argparse._SubParsersAction)]
    return {name: child for choices in found for name, child in choices.items()}


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options of a parser and of the actions below it."""
    own = {option for action in parser._actions for option in action.option_strings}
    below = (_options(child) for child in _subcommands(parser).values())
    return {o for o in own.union(*below) if o.startswith("--") and o != "--help"}


def test_templates_are_valid_configuration(tmp_path: Path):
    """The templates that are installed load as they are, and say only defaults."""
    ae_titles, settings = tmp_path / "ae_titles.toml", tmp_path / "mammo_node.toml"
    ae_titles.write_text(reference.ae_titles_template())
    settings.write_text(reference.settings_template())
    assert load(ae_titles, settings) == load(None, None)


def test_commented_defaults_are_valid_configuration(tmp_path: Path):
    """Removing the comment signs of the settings template gives a configuration that loads."""
    lines = reference.settings_template().splitlines()
    real = [re.sub(r"^# (?=\w+ = )", "", line) for line in lines if "(unset)" not in line]
    settings = tmp_path / "mammo_node.toml"
    settings.write_text("\n".join(real))
    assert load(None, settings) == load(None, None)


def test_commented_examples_are_valid_configuration(tmp_path: Path):
    """Removing the comment signs of the examples in ae_titles.toml gives one that loads."""
    lines = reference.ae_titles_template().splitlines()
    ae_titles = tmp_path / "ae_titles.toml"
    ae_titles.write_text("\n".join(re.sub(r"^# (?=\[\[|\w+ = )", "", line) for line in lines))
    loaded = load(ae_titles, None).ae_titles
    assert [d.kind for d in loaded.destination] == ["dimse", "dicomweb"]
    assert (len(loaded.source), len(loaded.route)) == (1, 1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    """Every relative link in the documentation points to a file that is there."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_evaluation_says_all_that_truth_may_say():
    """Every column, label and data set that ground truth may have stands in the how-to."""
    page = (ROOT / "docs" / "howto" / "evaluate.md").read_text(encoding="utf-8")
    for word in (*table.COLUMNS, *table_results.COLUMNS, *labels.FINDINGS, *READERS):
        assert f"`{word}`" in page, word


def test_evaluation_lists_the_figures():
    """Every part of the figures' document stands in the how-to's table."""
    page = (ROOT / "docs" / "howto" / "evaluate.md").read_text(encoding="utf-8")
    document = figures([], (), {}, Settings(rounds=1))
    for key in document.keys() - {"format", "statement"}:
        assert re.search(rf"`{key}[`.]", page), key
