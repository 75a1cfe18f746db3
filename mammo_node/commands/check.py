"""``mammo-node check``: validate the configuration, print what is in force."""

from __future__ import annotations

import argparse
import json

from mammo_node.config import AETitles, WebDestination, load_folder
from mammo_node.engine import check_traffic_light, packages_in_use


def run(options: argparse.Namespace) -> int:
    """Load both files and the model packages they name; print the effective configuration."""
    configuration = load_folder(options.config)
    packages = packages_in_use(configuration.every_model())
    check_traffic_light(packages, configuration.settings.traffic_light)
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
        shadow = package.name in configuration.settings.models.shadow
        words = " (in shadow)" if shadow else ""
        print(f"# {package.ref.name} {package.ref.version} sha256 {package.ref.sha256[:12]}{words}")
    for warning in warnings_of(configuration.ae_titles):
        print(f"# warning: {warning}")
    return 0


def warnings_of(ae_titles: AETitles) -> list[str]:
    """Return what is legal, and probably not meant."""
    found = []
    if not ae_titles.destination:
        found.append("no [[destination]]: results stay here")
    if not ae_titles.source and not ae_titles.local.accept_unknown_sources:
        found.append("no [[source]]: nobody may send")
    for web in (d for d in ae_titles.destination if isinstance(d, WebDestination)):
        if web.exposes_secret:
            found.append(f"destination {web.name!r}: its secret crosses the network in the clear")
        if not web.tls_verify:
            found.append(f"destination {web.name!r}: tls_verify is off, anybody can pose as it")
    return found
