"""``mammo-node service-files``: write the unit and configuration templates of this version."""

from __future__ import annotations

import argparse
from importlib import resources

_FILES = {
    "systemd": ("mammo-node.service", "mammo-node.sysusers"),
    "conf": ("ae_titles.toml", "mammo_node.toml"),
}


def run(options: argparse.Namespace) -> int:
    """Write into a folder; a file that is there already is never overwritten."""
    options.out.mkdir(parents=True, exist_ok=True)
    kept = 0
    for folder, names in _FILES.items():
        for name in names:
            target = options.out / name
            if target.exists():
                print(f"{target}: is there already, kept")
                kept += 1
                continue
            text = resources.files("mammo_node").joinpath(folder, name).read_text(encoding="utf-8")
            target.write_text(text, encoding="utf-8")
            print(target)
    return 1 if kept else 0
