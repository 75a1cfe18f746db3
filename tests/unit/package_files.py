"""What packages for tests are written from: a manifest of parts, and its two files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mammo_node.encode.codes import FINDINGS

OPSET = 20

_HEAD = """\
format = 1
name = "{name}"
version = "1.0"
family = "{family}"
licence = "Apache-2.0"
description = "{description}"
sha256 = "{sha256}"
opset = 20
{top}
[intended]
sop_classes = ["1.2.840.10008.5.1.4.1.1.1.2"]
views = ["CC", "MLO"]
statement = "For tests."

"""
_LABEL = """
[[label]]
index = {index}
name = "{name}"
concept = {{ value = "{code.value}", scheme = "{code.scheme}", meaning = "{code.meaning}" }}
"""
_OPERATING_POINT = """
[[operating_point]]
name = "default"
label = "{name}"
threshold = {threshold}
data = "nothing"
"""


def write_files(
    folder: Path,
    model: bytes,
    tables: str,
    *,
    changes: tuple[tuple[str, str], ...] = (),
    **head: str,
) -> Path:
    """Write a package; each change replaces one text of the manifest, which must be there.

    Parameters
    ----------
    folder : Path
        Of the package, made where it is not there.
    model : bytes
        The ONNX file.
    tables : str
        What follows [intended].
    changes : tuples of (old, new)
        Applied in order.
    head : str
        ``name``, ``family`` and ``description``; ``top`` for keys of the family.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    sha256 = hashlib.sha256(model).hexdigest()
    text = _HEAD.format(sha256=sha256, **{"top": "", **head}) + tables
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return folder


def labelled(thresholds: Mapping[str, float]) -> str:
    """Return the tables of labels, in the order of the graph's output, and their thresholds."""
    labels = (
        _LABEL.format(index=index, name=name, code=FINDINGS[name])
        for index, name in enumerate(thresholds)
    )
    points = (_OPERATING_POINT.format(name=n, threshold=t) for n, t in thresholds.items())
    return "".join([*labels, *points])
