"""What receivers get does not change by accident."""

from __future__ import annotations

import json

import pytest

from tests.golden import regenerate


@pytest.mark.parametrize("name", regenerate.CASES)
def test_object_is_as_the_golden_file_has_it(name: str) -> None:
    """Each kind of object is, element by element, what the golden DICOM JSON says.

    After a wanted change: ``python -m tests.golden.regenerate``, and read the difference.
    """
    expected = json.loads(regenerate.path(name).read_text(encoding="utf-8"))
    found = json.loads(json.dumps(regenerate.golden_json(name)))
    assert found == expected
