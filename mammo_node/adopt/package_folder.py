"""Write a package whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mammo_node.analyse.package import MANIFEST_NAME, MODEL_NAME, ModelPackage, load_package
from mammo_node.errors import ModelPackageError
from mammo_node.vocabulary import CodedConcept

#: Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film).
_SOP_CLASSES = ["1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7"]
_STATEMENT = "Imported, not measured here: research use only, not a medical device."
_UNMEASURED = "not measured: set when the file was imported"
_CARD_NAME = "README.md"


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the user decides when a network is imported.

    ``labels`` maps a class of the network, by name or number as text, to the name of a
    finding; ``concepts`` holds the code of each finding.
    """

    name: str
    labels: Mapping[str, str]
    concepts: Mapping[str, CodedConcept]
    threshold: float
    licence: str

    def classes(self, names: Mapping[int, str]) -> dict[int, str]:
        """Return the finding of each mapped class.

        Raises
        ------
        ModelPackageError
            If a class or a finding is not known.
        """
        numbers = {name: number for number, name in names.items()}
        numbers |= {str(number): number for number in names}
        found: dict[int, str] = {}
        for key, finding in self.labels.items():
            if key not in numbers:
                known = ", ".join(f"{i} {name}".strip() for i, name in names.items())
                raise ModelPackageError(
                    f"--label {key}={finding}: no such class (the file has: {known})"
                )
            if finding not in self.concepts:
                known = ", ".join(sorted(self.concepts))
                raise ModelPackageError(
                    f"--label {key}={finding}: no such finding (known: {known})"
                )
            found[numbers[key]] = finding
        return dict(sorted(found.items()))


def manifest_text(
    adoption: Adoption,
    classes: Mapping[int, str],
    *,
    model: bytes,
    opset: int,
    description: str,
    tables: str,
) -> str:
    """Return ``model.toml``: ``tables`` are [input] and [output], the rest is common.

    The thresholds are the user's: the manifest says that nobody measured them.
    """
    lines = [
        "format = 1",
        f"name = {json.dumps(adoption.name)}",
        'version = "imported"',
        'family = "detector"',
        f"licence = {json.dumps(adoption.licence)}",
        f"description = {json.dumps(' '.join(description.split()))}",
        f"sha256 = {json.dumps(hashlib.sha256(model).hexdigest())}",
        f"opset = {opset}",
        "",
        "[intended]",
        f"sop_classes = {json.dumps(_SOP_CLASSES)}",
        'views = ["CC", "MLO"]',
        f"statement = {json.dumps(_STATEMENT)}",
        "",
        tables.strip(),
    ]
    for number, finding in classes.items():
        lines += ["", "[[label]]", f"index = {number}", f"name = {json.dumps(finding)}"]
        lines += [f"concept = {_concept(adoption.concepts[finding])}"]
    for finding in classes.values():
        lines += ["", "[[operating_point]]", 'name = "default"', f"label = {json.dumps(finding)}"]
        lines += [f"threshold = {adoption.threshold}", f"data = {json.dumps(_UNMEASURED)}"]
    return "\n".join(lines) + "\n"


def _concept(code: CodedConcept) -> str:
    pairs = {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}
    return "{ " + ", ".join(f"{key} = {json.dumps(text)}" for key, text in pairs.items()) + " }"


def write_package(folder: Path, name: str, model: bytes, manifest: str, card: str) -> ModelPackage:
    """Write a new folder ``folder / name`` and load it as the node would.

    Raises
    ------
    ModelPackageError
        If the folder is there already, or the package does not load: then it is taken away.
    """
    target = folder / name
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise ModelPackageError(f"{target}: is there already; choose another --name") from None
    except OSError as error:
        raise ModelPackageError(f"{target}: cannot be made: {error.strerror}") from error
    try:
        (target / MODEL_NAME).write_bytes(model)
        (target / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
        (target / _CARD_NAME).write_text(card, encoding="utf-8")
        return load_package(target)
    except (ModelPackageError, OSError) as error:
        for file in (MODEL_NAME, MANIFEST_NAME, _CARD_NAME):
            (target / file).unlink(missing_ok=True)
        target.rmdir()
        if isinstance(error, OSError):
            raise ModelPackageError(f"{target}: cannot be written: {error.strerror}") from error
        raise


def read_file(source: Path) -> bytes:
    """Read a file to import.

    Raises
    ------
    ModelPackageError
        If it cannot be read.
    """
    try:
        return source.read_bytes()
    except OSError as error:
        raise ModelPackageError(f"{source}: cannot be read: {error.strerror}") from error
