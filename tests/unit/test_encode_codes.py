"""The table of coded findings: sound, documented, and kept to by the models that are shipped."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import mammo_node
from mammo_node.encode.codes import FINDINGS, processing_summary
from mammo_node.vocabulary import CodedConcept, Outcome

ROOT = Path(__file__).resolve().parents[2]


def test_findings_table_has_unique_codes() -> None:
    """Manifests can rely on the table: codes differ, meanings fit a Code Meaning."""
    triplets = {(c.value, c.scheme) for c in FINDINGS.values()}
    assert len(triplets) == len(FINDINGS)
    assert all(len(c.meaning) <= 64 and len(c.value) <= 16 for c in FINDINGS.values())


def test_findings_table_is_documented() -> None:
    """The reference page has exactly the codes of the table."""
    page = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `([a-z-]+)` \| \((\d+), (\w+), ([^)]+)\) \|$", page, re.MULTILINE)
    assert {label: CodedConcept(*code) for label, *code in found} == dict(FINDINGS)


def test_shipped_models_use_the_table() -> None:
    """Labels of installed model packages carry concepts of the table."""
    manifests = sorted((Path(mammo_node.__file__).parent / "models").glob("*/model.toml"))
    if not manifests:
        pytest.skip("no model package is installed")
    for manifest in manifests:
        # Models of density and landmarks report no findings.
        for label in tomllib.loads(manifest.read_text(encoding="utf-8")).get("label", ()):
            concept = label["concept"]
            code = CodedConcept(concept["value"], concept["scheme"], concept["meaning"])
            assert code in FINDINGS.values(), f"{manifest.parent.name}: {label['name']}"


def test_processing_summary_never_claims_success_for_a_failure() -> None:
    """Only complete answers are 'all algorithms succeeded' (CID 6047)."""
    for outcome in Outcome:
        for with_findings in (False, True):
            meaning = processing_summary(outcome, with_findings=with_findings).meaning
            complete = outcome in (Outcome.FINDINGS, Outcome.NO_FINDINGS)
            assert meaning.startswith("All") == complete
            assert meaning.endswith("with findings") == with_findings
