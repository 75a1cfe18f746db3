"""``mammo-node models``: check and list the model packages in use."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mammo_node.adopt.package_folder import Adoption
from mammo_node.adopt.retinanet import adopt_retinanet
from mammo_node.adopt.retinanet_page import Quicker
from mammo_node.adopt.yolo import adopt_yolo
from mammo_node.analyse.manifest.base import LabelledManifest, OperatingPoint
from mammo_node.analyse.package import ModelPackage
from mammo_node.config import load_folder
from mammo_node.encode.codes import FINDINGS
from mammo_node.engine import Engine, packages_in_use
from mammo_node.errors import ConfigurationError


def run(options: argparse.Namespace) -> int:
    """List the packages; with --self-test run each on its golden image first."""
    if options.action == "import":
        return _adopt(options)
    configuration = load_folder(options.config)
    worker = configuration.settings.worker
    packages = packages_in_use(configuration.every_model())
    tested = None
    if options.self_test:
        engine = Engine.start(configuration.every_model(), worker)
        tested = f"{engine.provider}, ONNX Runtime {engine.runtime_version}"
    documents = [_document(package, tested) for package in packages]
    if options.json:
        print(json.dumps(documents, indent=2))
        return 0
    for document in documents:
        print(f"{document['name']} {document['version']} ({document['licence']})")
        print(f"  {document['description']}")
        print(f"  sha256 {document['sha256']}")
        for point in document["operating_points"]:
            print(
                f"  {point['label']}: threshold {point['threshold']:g}, sensitivity"
                f" {point['sensitivity']}, {point['false_positives_per_image']} false positives"
                f" per image on {point['data']}"
            )
        if tested:
            print(f"  self-test passed on {tested}")
    return 0


def _adopt(options: argparse.Namespace) -> int:
    """Make a package of a network from elsewhere, and say what is left to do."""
    adoption = Adoption(
        name=options.name,
        labels=dict(map(_pair, options.label)),
        concepts=FINDINGS,
        threshold=options.threshold,
        licence=options.licence,
    )
    if options.family == "yolo":
        package = adopt_yolo(options.file, adoption, options.out)
    else:
        quicker = Quicker(winograd=options.winograd, trim=options.trim)
        adopted = adopt_retinanet(options.file, adoption, options.out, quicker)
        package, trial = adopted.package, adopted.trial
        print(
            f"ONNX Runtime and numpy on these weights differ by {adopted.difference:.1e}"
            " of the largest"
        )
        if trial is not None:
            print(
                f"rewritten, on a phantom mammogram: differs by {trial.difference:.1e} of the"
                f" largest, {trial.gain:.2f} times as fast here"
            )
    print(f"{package.folder}: imported, {', '.join(package.labels.values())}")
    print("Thresholds are not measured: read model.toml and README.md through and complete them,")
    print("then mammo-node models --self-test with models.folder and models.use set to it.")
    return 0


def _pair(text: str) -> tuple[str, str]:
    key, separator, finding = text.rpartition("=")
    if not separator or not key or not finding:
        raise ConfigurationError(f"--label {text}: CLASS=FINDING is needed, such as 0=mass")
    return key, finding


def _points(package: ModelPackage) -> tuple[OperatingPoint, ...]:
    manifest = package.manifest
    return manifest.operating_point if isinstance(manifest, LabelledManifest) else ()


def _document(package: ModelPackage, tested: str | None) -> dict[str, Any]:
    manifest = package.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "family": manifest.family,
        "licence": manifest.licence,
        "description": manifest.description,
        "statement": manifest.intended.statement,
        "sha256": manifest.sha256,
        "folder": str(package.folder),
        "operating_points": [point.model_dump() for point in _points(package)],
        "self_test": tested,
    }
