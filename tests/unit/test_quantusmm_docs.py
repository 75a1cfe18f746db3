"""The pages on quantusMM and on the AI suspicion category show what works."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest

from mammo_node.analyse.fit import recipe_mistakes
from mammo_node.analyse.manifest import BrightPixel, CandidatePatchesManifest, CentreBrightness
from mammo_node.analyse.suspicion import category_of
from mammo_node.image.recipes import RECIPES

_DOCS = Path(__file__).resolve().parents[2] / "docs"


def _blocks(page: str, language: str) -> list[str]:
    text = (_DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _manifests() -> list[CandidatePatchesManifest]:
    blocks = _blocks("howto/quantusmm.md", "toml")
    return [CandidatePatchesManifest.model_validate(tomllib.loads(block)) for block in blocks]


def test_both_modules_are_as_published():
    """Height, equalisation, windows, parts and limits are the publication's numbers."""
    nodules, specks = _manifests()
    for manifest in (nodules, specks):
        assert manifest.input.height == 4096
        assert set(manifest.input.channels) == {"clahe"}
        assert recipe_mistakes(manifest, RECIPES) == []
        assert manifest.output.best_windows == 1
    rule = nodules.candidates
    assert isinstance(rule, CentreBrightness)
    assert (rule.size_px, rule.stride_px, rule.parts, rule.per_part) == (800, 40, 3, 3)
    assert rule.distance_px == 250
    rule = specks.candidates
    assert isinstance(rule, BrightPixel)
    assert (rule.size_px, rule.stride_px, rule.level) == (400, 200, 0.9)


def test_the_defaults_are_the_publications():
    """A manifest that leaves the rule's numbers out gets those."""
    nodules, specks = _manifests()
    assert CentreBrightness(rule="centre-brightness") == nodules.candidates
    assert BrightPixel(rule="bright-pixel") == specks.candidates


def test_derived_limits_are_a_manifests_tables():
    """What the page's example prints can be put into the page's manifest, with the same limits."""
    (example,) = _blocks("suspicion-category.md", "python")
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(example, names)  # noqa: S102 - the page's own example
    text = _blocks("howto/quantusmm.md", "toml")[0] + printed.getvalue()
    limits = CandidatePatchesManifest.model_validate(tomllib.loads(text)).suspicion_limits["mass"]
    assert [category for category, _ in limits] == [limit.category for limit in names["limits"]]
    for score, truth in zip(names["scores"], names["truth"], strict=True):
        assert category_of(score, limits) == (6 if truth else 1)


@pytest.mark.parametrize("page", ["suspicion-category.md", "howto/quantusmm.md"])
def test_pages_say_that_this_is_research_software(page: str):
    """Both pages speak of lesions, so both say what the software is not."""
    text = " ".join((_DOCS / page).read_text(encoding="utf-8").split())
    assert "research software, not a medical device" in text
