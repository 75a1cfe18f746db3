"""``mammo-node evaluate``: a model or its results against ground truth; a report and JSON out."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mammo_node import __version__
from mammo_node.composition import policy
from mammo_node.config import Configuration, load_folder
from mammo_node.errors import ConfigurationError
from mammo_node.evaluate import export
from mammo_node.evaluate.figures import figures
from mammo_node.evaluate.labels import known_as
from mammo_node.evaluate.report import report
from mammo_node.evaluate.results import Results
from mammo_node.evaluate.run import Judged, Runner
from mammo_node.evaluate.samples import Truth
from mammo_node.evaluate.settings import Section, Settings
from mammo_node.evaluate.sr_results import read_reports
from mammo_node.evaluate.table_results import read_answers, write_answers
from mammo_node.evaluate.truth import open_truth
from mammo_node.image.policy import Policy

REPORT = "report.html"
FIGURES = "figures.json"
ANSWERS = "answers.csv"


def run(options: argparse.Namespace) -> int:
    """Evaluate, or with --export write the truth down; 1 if no image could be judged."""
    _check_numbers(options)
    configuration = load_folder(options.config)
    with Console(stderr=True).status("reading the truth"):
        truth = open_truth(
            options.truth,
            data=options.data,
            split=options.split,
            limit=options.limit,
            skip_missing=options.skip_missing,
        )
    if options.export is not None:
        for path in export.write(truth, options.export):
            print(path)
        return 0
    if options.out is None:
        raise ConfigurationError("--out DIR is needed: the report and the figures go there")
    document = _evaluate(options, configuration, truth)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1) + "\n"
    (options.out / FIGURES).write_text(text, encoding="utf-8")
    (options.out / REPORT).write_text(report(document), encoding="utf-8")
    print(text if options.json else _summary(document, options.out), end="")
    return 0 if document["data"]["analysed"] else 1


def _evaluate(options: argparse.Namespace, configuration: Configuration, truth: Truth) -> Section:
    settings = Settings(rounds=options.bootstrap, seed=options.seed)
    settings = replace(settings, thresholds=dict(map(_threshold, options.threshold or ())))
    about: Section = {"software": f"mammo_node {__version__}", "truth": truth.name}
    # Digitised film comes as Secondary Capture; whoever evaluates on it wants it read.
    reading = replace(policy(configuration.settings.suitability), secondary_capture=True)
    if options.results is not None:
        path = options.results
        results = read_answers(path) if path.suffix.lower() == ".csv" else read_reports(path)
        return _of_results(results, truth, reading, about, settings)
    models, worker = configuration.settings.models, configuration.settings.worker
    runner = Runner.start(options.model, models, worker)
    _check_labels(settings.thresholds, runner.labels)
    about |= {"what": f"{runner.model.name} {runner.model.version}", "sha256": runner.model.sha256}
    # A folder that cannot be made is better known before hours of work than after them.
    options.out.mkdir(parents=True, exist_ok=True)
    judged = _watched(runner.judge(truth, reading, bar=not options.no_bar), truth)
    # Hours of work, perhaps: with this they need not be done again for another question.
    write_answers((one.prediction for one in judged), options.out / ANSWERS)
    thresholds = {**runner.thresholds, **settings.thresholds}
    return figures(judged, runner.labels, about, replace(settings, thresholds=thresholds))


def _of_results(
    results: Results, truth: Truth, reading: Policy, about: Section, settings: Settings
) -> Section:
    for line in results.unread:
        print(f"not read: {line}", file=sys.stderr)
    judged = _watched(results.judge(truth, reading), truth)
    told = results.labels
    if told is None:
        told = tuple(name for one in judged for name in sorted(one.record.annotated))
    labels = tuple(dict.fromkeys((*told, *settings.thresholds)))
    thresholds = {**dict.fromkeys(labels, results.threshold), **settings.thresholds}
    about |= {"what": ", ".join(results.models) or "reports", "documents": results.documents}
    return figures(judged, labels, about, replace(settings, thresholds=thresholds))


def _check_numbers(options: argparse.Namespace) -> None:
    given = (("bootstrap", 1), ("seed", 0), ("limit", 1))
    for name, least in given:
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigurationError(f"--{name} {value}: {least} or more is needed")


def _check_labels(given: Iterable[str], known: Sequence[str]) -> None:
    for label in given:
        if label not in known:
            raise ConfigurationError(
                f"--threshold {label}: the model has no such label (known: {', '.join(known)})"
            )


def _threshold(words: str) -> tuple[str, float]:
    label, _, score = words.partition("=")
    try:
        threshold = float(score)
    except ValueError:
        threshold = math.nan
    if not 0 <= threshold <= 1:  # nor nan
        raise ConfigurationError(
            f"--threshold {words}: LABEL=SCORE is needed, 0 to 1, for example mass=0.3"
        )
    return known_as(label), threshold


def _watched(judged: Iterable[Judged], truth: Truth) -> list[Judged]:
    done = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        work = progress.add_task("images", total=len(truth))
        for one in judged:
            done.append(one)
            progress.advance(work)
    return done


def _summary(document: Section, folder: Path) -> str:
    lines = []
    data = document["data"]
    lines.append(f"{data['analysed']} of {data['images']} images, {data['patients']} patients")
    for label, section in document["detection"].items():
        if section is None:
            lines.append(f"{label}: no lesion with a box to find")
            continue
        found = section["froc"]["iou"]
        cells = zip(found["rates"], found["sensitivity"], strict=True)
        shown = "  ".join(f"{value:.2f} at {rate:g}" for rate, value in cells)
        lines.append(f"{label}: sensitivity (false positives per image) {shown}")
    lines.append(str(folder / REPORT))
    return "\n".join(lines) + "\n"
