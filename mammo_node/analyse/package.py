"""Model packages: a folder with ``model.toml`` and ``model.onnx``, checked before it is used.

A package that loads is whole: the hash, opset, tensors and labels of the file are those that
the manifest names, and nothing outside the folder is needed. Nothing here needs a runtime.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mammo_node.analyse.fit import graph_mistakes, recipe_mistakes
from mammo_node.analyse.manifest import CONTRACTS, FAMILIES, BaseManifest, Manifest
from mammo_node.analyse.onnx_file import OnnxInfo, inspect
from mammo_node.errors import ConfigurationError, ModelPackageError
from mammo_node.vocabulary import (
    CodedConcept,
    InputSpec,
    ModelRef,
    Refusal,
    RefusalReason,
    View,
)

MANIFEST_NAME = "model.toml"
MODEL_NAME = "model.onnx"
Family = TypeVar("Family", bound=BaseManifest)


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A package whose manifest and ONNX file fit each other."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Name by which settings refer to it."""
        return self.manifest.name

    @property
    def ref(self) -> ModelRef:
        """What results cite."""
        manifest = self.manifest
        return ModelRef(
            manifest.name,
            manifest.version,
            manifest.sha256,
            manifest.description,
            tuple(self.labels[index] for index in sorted(self.labels)),
        )

    def manifest_of(self, family: type[Family]) -> Family:
        """Return the manifest, which must be of this family.

        Raises
        ------
        ModelPackageError
            If it is of another: :mod:`mammo_node.engine` gives each its own runner.
        """
        if not isinstance(self.manifest, family):
            raise ModelPackageError(
                f"{self.folder / MANIFEST_NAME}: family = {self.manifest.family!r}:"
                f" cannot be run as {family.__name__}"
            )
        return self.manifest

    @property
    def input_spec(self) -> InputSpec:
        """How images are prepared for it."""
        return self.manifest.input.spec()

    @property
    def labels(self) -> dict[int, str]:
        """Label names by the index in the model's output."""
        return dict(self.manifest.labels)

    @property
    def concepts(self) -> dict[str, CodedConcept]:
        """Coded concepts by label name."""
        return dict(self.manifest.concepts)

    @property
    def operating_points(self) -> tuple[tuple[str, float], ...]:
        """(label, threshold) of every operating point."""
        return tuple(self.manifest.thresholds)

    def thresholds(self, overrides: Mapping[str, float] | None = None) -> dict[str, float]:
        """Thresholds in force by label name: the override, else the first operating point."""
        first = self.manifest.default_thresholds
        return {name: (overrides or {}).get(name, score) for name, score in first.items()}

    def refusal_of(self, sop_class_uid: str, view: View, manufacturer: str) -> Refusal | None:
        """Return why an image is outside the model's intended use, or None."""
        intended = self.manifest.intended
        if sop_class_uid not in intended.sop_classes:
            return self._refusal(f"SOP Class {sop_class_uid}")
        if view not in intended.views:
            return self._refusal(f"view {view}")
        vendor = manufacturer.casefold()
        if intended.vendors and not any(word.casefold() in vendor for word in intended.vendors):
            return self._refusal(f"manufacturer {manufacturer!r}")
        return None

    def _refusal(self, what: str) -> Refusal:
        return Refusal(RefusalReason.MODEL, f"{self.name} is not intended for {what}")

    def model_bytes(self) -> bytes:
        """Read ``model.onnx`` once more, for a session.

        Raises
        ------
        ModelPackageError
            If the file is no longer the one that was checked.
        """
        return _model_bytes(self.folder, self.manifest.sha256)


def load_package(folder: Path, *, recipes: Collection[str] | None = None) -> ModelPackage:
    """Read and check one package.

    Parameters
    ----------
    folder : Path
        Folder with ``model.toml`` and ``model.onnx``.
    recipes : collection of str, optional
        Preprocessing recipes that there are; given, unknown channels are refused.

    Raises
    ------
    ModelPackageError
        Naming file and key, one line per mistake.
    """
    manifest = _manifest(folder / MANIFEST_NAME)
    info = _inspect(folder, _model_bytes(folder, manifest.sha256))
    mistakes = [*recipe_mistakes(manifest, recipes), *graph_mistakes(manifest, info)]
    mistakes += [m for key, name in manifest.files for m in _file_mistakes(folder, key, name)]
    if mistakes:
        path = folder / MANIFEST_NAME
        raise ModelPackageError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return ModelPackage(folder, manifest)


def discover(
    folder: Path | None,
    names: Sequence[str] | None = None,
    *,
    recipes: Collection[str] | None = None,
) -> list[ModelPackage]:
    """Load the packages with these names (None: all) from a folder of packages.

    Parameters
    ----------
    folder : Path or None
        None takes the packages that are installed with this software.

    Raises
    ------
    ModelPackageError
        If a name is missing or there twice, or a package does not fit.
    """
    root = folder if folder is not None else bundled_folder()
    found = _named_folders(root)
    for name in found if names is None else names:
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise ModelPackageError(f"{root}: there is no model package {name!r} (found: {known})")
        if len(found[name]) > 1:
            places = ", ".join(str(path) for path in found[name])
            raise ModelPackageError(f"{places}: name: {name!r} is there twice; rename one")
    wanted = sorted(found) if names is None else names
    return [load_package(found[name][0], recipes=recipes) for name in wanted]


def bundled_folder() -> Path:
    """Return the folder of the packages that are installed with this software."""
    return Path(str(resources.files("mammo_node").joinpath("models")))


def check_thresholds(
    packages: Sequence[ModelPackage],
    overrides: Mapping[str, float],
    key: str = "models.thresholds",
) -> None:
    """Refuse a threshold for a label that no package in use has.

    Raises
    ------
    ConfigurationError
        Naming the label and those there are.
    """
    known = sorted({name for package in packages for name in package.labels.values()})
    for label in overrides:
        if label not in known:
            raise ConfigurationError(
                f"mammo_node.toml: {key}.{label}: no model in use has this label"
                f" (known: {', '.join(known)})"
            )


def _named_folders(root: Path) -> dict[str, list[Path]]:
    """Folders by the name in their manifest; nothing else is checked yet."""
    if not root.is_dir():
        raise ModelPackageError(f"{root}: models.folder: there is no such folder")
    found: dict[str, list[Path]] = {}
    for path in sorted(root.glob(f"*/{MANIFEST_NAME}")):
        name = str(_toml(path).get("name", path.parent.name))
        found.setdefault(name, []).append(path.parent)
    return found


def _manifest(path: Path) -> Manifest:
    values = _toml(path)
    family = values.get("family")
    if not isinstance(family, str) or family not in FAMILIES:
        raise ModelPackageError(
            f"{path}: family = {family!r}: no such model family (known: {', '.join(FAMILIES)})"
        )
    try:
        return FAMILIES[family].model_validate(values)
    except ValidationError as error:
        lines = [_explain(path, dict(mistake)) for mistake in error.errors()]
        raise ModelPackageError("\n".join(lines)) from error


def _explain(path: Path, mistake: dict[str, Any]) -> str:
    # Recipe tables are gathered under "parameters", and a choice of tables is told by its
    # contract: words that the file does not have there.
    loc = mistake["loc"]
    if loc[:1] == ("output",) and loc[1:2] and loc[1] in CONTRACTS:
        loc = ("output", *loc[2:])
    parts = [str(part) for part in loc if part != "parameters"]
    key = ".".join(parts)
    message = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        return f"{path}: {key}: there is no such key"
    if mistake["type"] == "missing":
        return f"{path}: {key}: this key is needed"
    shown = f" = {mistake['input']!r}" if not isinstance(mistake["input"], dict | tuple) else ""
    return f"{path}: {key}{shown}: {message}" if key else f"{path}: {message}"


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelPackageError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelPackageError(f"{path}: not valid TOML: {error}") from error


def _model_bytes(folder: Path, sha256: str) -> bytes:
    path = folder / MODEL_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelPackageError(f"{path}: cannot be read: {error.strerror}") from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ModelPackageError(
            f"{path}: sha256: the file has {actual}, {MANIFEST_NAME} says {sha256}"
        )
    return data


def _inspect(folder: Path, data: bytes) -> OnnxInfo:
    try:
        info = inspect(data)
    except ValueError as error:
        raise ModelPackageError(f"{folder / MODEL_NAME}: not an ONNX model: {error}") from error
    if info.external is not None:
        raise ModelPackageError(
            f"{folder / MODEL_NAME}: {info.external} refers to data outside the file;"
            " export the model as one file"
        )
    return info


def _file_mistakes(folder: Path, key: str, name: str) -> list[str]:
    return [] if (folder / name).is_file() else [f"{key} = {name!r}: there is no such file"]
