"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.errors import CropsError


def write_text(path: Path, text: str) -> None:
    """Write a text file in place of an older one.

    Raises
    ------
    CropsError
        If it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in place of an older one. Raises as :func:`write_text`."""
    aside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise CropsError(f"{path}: cannot be written: {error.strerror}") from error


def write_png(path: Path, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> None:
    """Write a grey picture of 8 or 16 bits. Raises as :func:`write_text`."""
    done, content = cv2.imencode(".png", pixels)
    assert done, "PNG takes any grey picture"  # noqa: S101
    write_bytes(path, content.tobytes())
