"""The data sets that there are readers for, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.datasets import cbis_ddsm, cmmd, inbreast, mini_mias, vindr_mammo
from mammo_node.evaluate.records import ImageRecord


class Reader(Protocol):
    """What each data set's module offers as ``read``."""

    def __call__(self, root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
        """Read the data set at `root`."""
        ...


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "cbis-ddsm": cbis_ddsm.read,
        "cmmd": cmmd.read,
        "inbreast": inbreast.read,
        "mini-mias": mini_mias.read,
        "vindr-mammo": vindr_mammo.read,
    }
)


def load(name: str, root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read a data set.

    Parameters
    ----------
    name : str
        A key of `READERS`.
    root : Path
        Its folder, as it was downloaded and unpacked.
    skip_missing : bool
        Leave images out that are not there, instead of an error.

    Raises
    ------
    GroundTruthError
        Saying which file is missing or wrong.
    """
    if name not in READERS:
        raise GroundTruthError(f"there is no data set {name!r} (known: {', '.join(READERS)})")
    if not root.is_dir():
        raise GroundTruthError(f"{root}: there is no such folder")
    return READERS[name](root, skip_missing=skip_missing)
