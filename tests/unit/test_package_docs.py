"""The manual of model packages is complete, and its example is a manifest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from mammo_node.analyse.manifest import FAMILIES, DetectorManifest

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "bring-your-own-model.md"
#: The gathered [input.<channel>] tables: a word of the code, not of the file.
_NOT_A_KEY = "parameters"


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _keys(model: type[BaseModel]) -> set[str]:
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        keys |= {name} if name != _NOT_A_KEY else set()
        for child in _models(field.annotation):
            keys |= _keys(child)
    return keys


@pytest.mark.parametrize("family", FAMILIES)
def test_every_key_of_a_manifest_is_documented(family: str) -> None:
    """A key that the page does not name in code letters cannot be added."""
    page = _PAGE.read_text(encoding="utf-8")
    documented = set(re.findall(r"`\[*([a-z0-9_.]+)\]*`", page))
    assert _keys(FAMILIES[family]) - documented == set()


def test_every_documented_key_exists() -> None:
    """The first column of the tables names nothing that a manifest may not have."""
    page = _PAGE.read_text(encoding="utf-8").split("## Every key")[1]
    named = set(re.findall(r"^\| `([a-z0-9_]+)` \|", page, flags=re.MULTILINE))
    known = {key for family in FAMILIES.values() for key in _keys(family)}
    assert named - known == set()


def test_the_example_is_a_valid_manifest() -> None:
    """What the page shows can be copied."""
    blocks = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    manifest = DetectorManifest.model_validate(tomllib.loads(blocks[1]))
    assert manifest.name == "my-detector"
    assert manifest.self_test is not None
