"""The self-test at start-up: a known input must give known detections.

It shows that this file, on this runtime and this processor, still computes what was measured
when the package was made. A package without expectations is at least run once.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.manifest import DetectorManifest, Expectation, OtherManifest, SelfTest
from mammo_node.analyse.manifest.base import OutputsSelfTest
from mammo_node.analyse.package import MANIFEST_NAME, ModelPackage
from mammo_node.analyse.runs import Runs
from mammo_node.errors import InferenceError, ModelPackageError
from mammo_node.vocabulary import Detections

_SMOKE_TILES = 4
#: A blob's standard deviation as a part of the shorter side.
_BLOB_SIGMA = 1 / 16


def self_test(package: ModelPackage, session: Runs) -> None:
    """Run the package's self-test at its own operating points.

    Raises
    ------
    ModelPackageError
        Naming the package, the expectation and what was found instead.
    """
    manifest = package.manifest
    try:
        if not isinstance(manifest, DetectorManifest):
            _test_outputs(package, manifest, session)
            return
        found = Detector(package, session).run(input_tensor(package, manifest))
    except InferenceError as error:
        raise _failed(package, str(error)) from error
    if manifest.self_test is not None:
        _compare(package, manifest.self_test, found)


def _test_outputs(package: ModelPackage, manifest: OtherManifest, session: Runs) -> None:
    """Run a blob through the graph and compare the numbers that come out."""
    test, channels = manifest.self_test or OutputsSelfTest(), len(manifest.input.channels)
    inputs = {
        name: _blob(channels, *sides) * np.float32(test.scale) + np.float32(test.offset)
        for name, sides in manifest.inputs.items()
    }
    names = tuple(manifest.outputs)
    made = dict(zip(names, session.run(inputs, names), strict=True))
    for name, values in made.items():
        if not np.isfinite(values).all():
            raise _failed(package, f"output {name} holds numbers that are not finite")
    for number, expected in enumerate(test.expect):
        key = f"self_test.expect[{number}]"
        if expected.output not in made:
            raise _failed(package, f"{key}: there is no output {expected.output!r}")
        found = made[expected.output].ravel()[: len(expected.values)]
        wanted = np.asarray(expected.values)
        if found.shape != wanted.shape or (np.abs(found - wanted) > test.tolerance).any():
            raise _failed(
                package,
                f"{key}: {expected.output} holds {_numbers(found)}, not {_numbers(wanted)}",
            )


def _numbers(values: npt.NDArray[np.floating]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def input_tensor(package: ModelPackage, manifest: DetectorManifest) -> npt.NDArray[np.float32]:
    """Return the input of a detector's self-test, (1, channels, rows, columns) float32.

    Raises
    ------
    ModelPackageError
        If the file cannot be read or has another shape.
    """
    test, channels = manifest.self_test, len(manifest.input.channels)
    if test is None:
        side = _SMOKE_TILES * manifest.input.pad_multiple
        return _blob(channels, *(manifest.input.size or (side, side)))
    if test.size is not None:
        return _scaled(_blob(channels, *test.size), test)
    array = _stored(package, str(test.input))
    if array.ndim != 3 or len(array) != channels:
        raise _failed(package, f"{test.input} has shape {array.shape}, not ({channels}, rows, ...)")
    return _scaled(array[np.newaxis], test)


def _stored(package: ModelPackage, name: str) -> npt.NDArray[np.generic]:
    try:
        array = np.load(package.folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _failed(package, f"{name} cannot be read: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise _failed(package, f"{name} is not a .npy file of numbers")
    return array


def _scaled(array: npt.NDArray[np.generic], test: SelfTest) -> npt.NDArray[np.float32]:
    return array.astype(np.float32) * np.float32(test.scale) + np.float32(test.offset)


def _blob(channels: int, rows: int, columns: int) -> npt.NDArray[np.float32]:
    y, x = np.mgrid[:rows, :columns] + 0.5
    sigma = _BLOB_SIGMA * min(rows, columns)
    squared = (x - columns / 2) ** 2 + (y - rows / 2) ** 2
    blob = np.exp(-squared / (2 * sigma**2)).astype(np.float32)
    return np.broadcast_to(blob, (1, channels, rows, columns)).copy()


def _compare(package: ModelPackage, test: SelfTest, found: Detections) -> None:
    """Every expectation is found, and nothing better than the least of them is new."""
    agree = [
        [_agrees(package, test, expected, found, i) for i in range(len(found.scores))]
        for expected in test.expect
    ]
    for number, (expected, hits) in enumerate(zip(test.expect, agree, strict=True)):
        if not any(hits):
            key = f"self_test.expect[{number}]"
            what = f"{key}: {_words(expected)} is not among: {_list(package, found)}"
            raise _failed(package, what)
    least = min((expected.score for expected in test.expect), default=-math.inf)
    better = found.scores > least + test.score_tolerance
    known = np.array(agree, dtype=np.bool_).reshape(len(agree), len(better)).any(axis=0)
    new = np.flatnonzero(better & ~known)
    if new.size:
        raise _failed(package, f"self_test.expect: unexpected: {_list(package, found.chosen(new))}")


def _agrees(
    package: ModelPackage, test: SelfTest, expected: Expectation, found: Detections, i: int
) -> bool:
    return (
        package.labels[int(found.labels[i])] == expected.label
        and abs(float(found.scores[i]) - expected.score) <= test.score_tolerance
        and bool(np.abs(found.boxes[i] - expected.box).max() <= test.box_tolerance_px)
    )


def _failed(package: ModelPackage, what: str) -> ModelPackageError:
    return ModelPackageError(f"{package.folder / MANIFEST_NAME}: self-test failed: {what}")


def _words(expected: Expectation) -> str:
    box = ", ".join(f"{edge:.1f}" for edge in expected.box)
    return f"{expected.label} {expected.score:.3f} at ({box})"


def _list(package: ModelPackage, found: Detections) -> str:
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
    words = [
        _words(Expectation.model_construct(label=package.labels[label], box=box, score=score))
        for box, score, label in rows
    ]
    return "; ".join(words[:10]) or "nothing"
