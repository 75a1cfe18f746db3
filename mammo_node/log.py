"""Logging with structlog: JSON under systemd, readable on a terminal, one canonical line a job.

No event carries a dataset, a patient name or a patient ID; studies are named by our own id
and by Study Instance UID.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str = "info", style: str = "auto") -> None:
    """Set up structlog for this process; library logging below warning is dropped.

    Parameters
    ----------
    level : str
        debug, info, warning or error.
    style : str
        json, console, or auto: console when standard error is a terminal.
    """
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # Not bound to today's stream: it may be another one by the time something is logged.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _silence_libraries()


def _silence_libraries() -> None:
    # pynetdicom and pydicom log whole datasets at debug level, and odd values, with the
    # value, as warnings: patient data. The level is the handler's, for pydicom gives its
    # own logger a level when it is imported.
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)
    logging.basicConfig(handlers=[handler], format="%(name)s: %(message)s")
    logging.captureWarnings(True)
    # What it says of a peer that is down, we say ourselves, once and with the destination.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose lines say which part speaks."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(part=name))
