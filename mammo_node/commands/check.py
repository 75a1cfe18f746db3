"""``mammo-node check``: validate the configuration, print what is in force."""

from __future__ import annotations

import argparse
import json

from mammo_node.config import load_folder
from mammo_node.engine import packages_in_use


def run(options: argparse.Namespace) -> int:
    """Load both files and the model packages they name; print the effective configuration."""
    configuration = load_folder(options.config)
    packages = packages_in_use(configuration.settings.models)
    if options.quiet:
        return 0
    document = configuration.model_dump(mode="json")
    if options.json:
        print(json.dumps(document, indent=2))
        return 0
    print(f"# configuration folder: {options.config or 'none, defaults'}")
    for part in document.values():
        for section, values in part.items():
            for table in values if isinstance(values, list) else [values]:
                heading = f"[[{section}]]" if isinstance(values, list) else f"[{section}]"
                print(f"\n{heading}")
                for key, value in table.items():
                    print(f"{key} = {json.dumps(value)}")
    print("\n# model packages")
    for package in packages:
        print(f"# {package.ref.name} {package.ref.version} sha256 {package.ref.sha256[:12]}")
    if not configuration.ae_titles.destination:
        print("# warning: no [[destination]]: results stay here")
    if (
        not configuration.ae_titles.source
        and not configuration.ae_titles.local.accept_unknown_sources
    ):
        print("# warning: no [[source]]: nobody may send")
    return 0
