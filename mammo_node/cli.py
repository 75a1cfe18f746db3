"""The command line: parsing only; what a command does is in ``mammo_node.commands``.

Exit codes: 0 done, 1 something in the work failed (the output says what), 2 the command
line or the configuration is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from mammo_node import __version__, log
from mammo_node.errors import ConfigurationError, MammoNodeError

#: argparse has no public name for what holds the subcommands.
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001

#: Where the service keeps its configuration.
SYSTEM_CONFIGURATION = Path("/etc/mammo-node")

_EXIT_FAILED = 1
_EXIT_USAGE = 2


def parser() -> argparse.ArgumentParser:
    """Build the parser: one subcommand per module of ``mammo_node.commands``."""
    top = argparse.ArgumentParser(
        prog="mammo-node",
        description="DICOM network node for mammography AI. Research use: not a medical device.",
    )
    top.add_argument("--version", action="version", version=f"mammo-node {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument(
        "--config",
        type=Path,
        metavar="DIR",
        help="folder of ae_titles.toml and mammo_node.toml"
        " (default: $MAMMO_NODE_CONFIG, else /etc/mammo-node)",
    )
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="print JSON for scripts")

    commands.add_parser("serve", parents=[configured], help="run the node")

    demo = commands.add_parser("demo", help="a phantom study in, results out, on this machine")
    demo.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR")
    demo.add_argument("--seed", type=int, default=3, help="which phantom")

    check = commands.add_parser(
        "check", parents=[configured, machine], help="validate the configuration and print it"
    )
    check.add_argument("--quiet", action="store_true", help="print mistakes only")

    analyse = commands.add_parser(
        "analyse",
        parents=[configured, machine],
        help="offline: DICOM files in; result objects, JSON and overlays out",
    )
    analyse.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    analyse.add_argument("--out", type=Path, required=True, metavar="DIR")
    analyse.add_argument(
        "--model",
        action="append",
        metavar="PACKAGE",
        help="run this model package instead of [models] use; may be repeated",
    )

    commands.add_parser(
        "read-results",
        parents=[machine],
        help="print the findings of result reports, ours and other vendors'",
    ).add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")

    _add_journal_commands(commands, configured, machine)

    echo = commands.add_parser("echo", parents=[configured], help="C-ECHO a destination")
    echo.add_argument("destination", metavar="DEST")

    probe = commands.add_parser(
        "probe",
        parents=[configured, machine],
        help="whether a destination can be used, as a go-live report",
    )
    probe.add_argument("destination", metavar="DEST")
    probe.add_argument("--out", type=Path, metavar="FILE", help="report to file, .md or .html")

    send = commands.add_parser(
        "send", parents=[configured, machine], help="store files on a destination"
    )
    send.add_argument("destination", metavar="DEST")
    send.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")

    models = commands.add_parser(
        "models", parents=[configured, machine], help="check and list the model packages"
    )
    models.add_argument("--self-test", action="store_true", help="run each on its golden image")
    _add_import(models)

    evaluate = commands.add_parser(
        "evaluate",
        parents=[configured, machine],
        help="a model, or results, against ground truth: report and figures out",
    )
    which = evaluate.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", metavar="PACKAGE", help="name or folder of a model package")
    which.add_argument(
        "--results", type=Path, metavar="PATH", help="folder of result reports (SR), or a CSV file"
    )
    which.add_argument(
        "--export", type=Path, metavar="DIR", help="write the truth there as truth.csv, and stop"
    )
    evaluate.add_argument(
        "--truth", required=True, metavar="WHAT", help="CSV file, data set or phantom:FIRST-LAST"
    )
    evaluate.add_argument("--out", type=Path, metavar="DIR", help="for report.html, figures.json")
    evaluate.add_argument("--data", type=Path, metavar="DIR", help="where the images are")
    evaluate.add_argument("--split", metavar="PART", help="only this part of the data set")
    evaluate.add_argument("--limit", type=int, metavar="N", help="only the first N patients")
    evaluate.add_argument(
        "--skip-missing", action="store_true", help="leave images out that are not there"
    )
    evaluate.add_argument(
        "--threshold",
        action="append",
        metavar="LABEL=SCORE",
        help="from which score a finding counts as one (default: the package's)",
    )
    evaluate.add_argument(
        "--bootstrap", type=int, default=1000, metavar="N", help="samples (default 1000)"
    )
    evaluate.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")
    evaluate.add_argument("--no-bar", action="store_true", help="leave the blob bar out")

    _add_crops(commands, configured)

    files = commands.add_parser(
        "service-files", help="write the systemd unit and configuration templates"
    )
    files.add_argument("--out", type=Path, required=True, metavar="DIR")
    return top


def _add_import(models: argparse.ArgumentParser) -> None:
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    families = actions.add_parser("import", help="make a package of a network from elsewhere")
    family = families.add_subparsers(dest="family", required=True, metavar="FAMILY")
    yolo = family.add_parser("yolo", help="an ONNX file as ultralytics, YOLOv5 or v6 export it")
    retinanet = family.add_parser("retinanet", help="weights of torchvision's RetinaNet")
    for network, file, threshold in ((yolo, "FILE.onnx", 0.25), (retinanet, "WEIGHTS.pth", 0.2)):
        network.add_argument("file", type=Path, metavar=file)
        network.add_argument("--name", required=True, help="name of the package")
        network.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="folder of packages"
        )
        network.add_argument(
            "--label",
            action="append",
            required=True,
            metavar="CLASS=FINDING",
            help="which finding a class is, by its name or number; may be repeated",
        )
        network.add_argument(
            "--threshold",
            type=float,
            default=threshold,
            metavar="SCORE",
            help=f"of every label ({threshold})",
        )
        network.add_argument("--licence", default="unknown", help="licence of the network")
    retinanet.add_argument(
        "--winograd", action="store_true", help="rewrite 3x3 convolutions: faster, the same boxes"
    )
    retinanet.add_argument(
        "--trim", action="store_true", help="analyse the breast's part of the image only"
    )


def _add_crops(commands: Subcommands, configured: argparse.ArgumentParser) -> None:
    crops = commands.add_parser(
        "crops",
        parents=[configured],
        help="cut lesions out of images, with masks and an index, for labelling",
    )
    crops.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders")
    crops.add_argument("--out", type=Path, required=True, metavar="DIR")
    crops.add_argument("--study", metavar="UID", help="a study of this node, or of the PACS")
    crops.add_argument("--pacs", metavar="NAME", help="destination to query and fetch from")
    crops.add_argument("--date", metavar="DATES", help="YYYYMMDD or YYYYMMDD-YYYYMMDD, of the PACS")
    crops.add_argument(
        "--margin-mm", type=float, default=10.0, metavar="MM", help="around a lesion (default 10)"
    )
    crops.add_argument(
        "--size-px", type=int, metavar="N", help="square crops, resampled (default: as it lies)"
    )
    crops.add_argument(
        "--keep-uids", action="store_true", help="name images by UID instead of a pseudonym"
    )


def _add_journal_commands(
    commands: Subcommands, configured: argparse.ArgumentParser, machine: argparse.ArgumentParser
) -> None:
    """Add what looks into the journal, or asks a running node for something by it."""
    studies = commands.add_parser(
        "studies", parents=[configured, machine], help="what became of every study"
    )
    studies.add_argument("--limit", type=int, default=50, help="newest so many (default 50)")

    compare = commands.add_parser(
        "compare",
        parents=[configured, machine],
        help="where two models disagree on the same studies",
    )
    compare.add_argument("model_a", metavar="MODEL_A", help="name of a model package")
    compare.add_argument("model_b", metavar="MODEL_B", help="name of another")
    compare.add_argument("--study", metavar="UID", help="only this Study Instance UID")
    compare.add_argument("--since", metavar="DAY", help="only what was said since then")
    compare.add_argument(
        "--path", nargs="+", type=Path, metavar="PATH", help="run both on these files instead"
    )
    compare.add_argument("--html", type=Path, metavar="FILE", help="write a page, too")
    compare.add_argument(
        "--limit", type=int, default=20, metavar="N", help="worst so many studies (default 20)"
    )

    retry = commands.add_parser(
        "retry", parents=[configured, machine], help="take up parked deliveries again"
    )
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every parked delivery")
    which.add_argument("--destination", metavar="DEST", help="those of one destination")
    which.add_argument("--study", metavar="UID", help="those of one Study Instance UID")

    reanalyse = commands.add_parser(
        "reanalyse", parents=[configured], help="analyse a study anew: failed, or not attempted"
    )
    reanalyse.add_argument("study", metavar="UID", help="Study Instance UID")


def configuration_folder(given: Path | None) -> Path | None:
    """Return the folder to read: as given, by environment, /etc/mammo-node, or None."""
    if given is not None:
        return given
    named = os.environ.get("MAMMO_NODE_CONFIG")
    if named:
        return Path(named)
    return SYSTEM_CONFIGURATION if SYSTEM_CONFIGURATION.is_dir() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    if hasattr(options, "config"):
        options.config = configuration_folder(options.config)
    command = importlib.import_module(f"mammo_node.commands.{options.command.replace('-', '_')}")
    log.configure("warning")
    try:
        return int(command.run(options))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    except MammoNodeError as error:
        print(f"mammo-node {options.command}: {error}", file=sys.stderr)
        return _EXIT_FAILED
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_FAILED
    except OSError as error:
        # A file that was to be written: what else fails is translated where it happens.
        if error.filename is None:
            raise
        print(f"mammo-node {options.command}: {error.filename}: {error.strerror}", file=sys.stderr)
        return _EXIT_FAILED
    except KeyboardInterrupt:
        return 130
