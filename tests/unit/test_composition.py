"""Values that several parts are built from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mammo_node.composition import installation_id


def test_an_installation_keeps_its_id(tmp_path: Path):
    """The id is drawn once for a storage folder, and another folder has another."""
    first = installation_id(tmp_path)
    assert installation_id(tmp_path) == first
    (tmp_path / "other").mkdir()
    assert installation_id(tmp_path / "other") != first


def test_a_crash_leaves_no_half_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Dying before the id is on disk leaves none: the next start draws a whole one."""

    def die(_descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(os, "fsync", die)
        with pytest.raises(KeyboardInterrupt):
            installation_id(tmp_path)
    assert len(installation_id(tmp_path)) == 32
