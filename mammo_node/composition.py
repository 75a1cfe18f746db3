"""From the configuration to the values that several parts are built from: pure but for one id."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from mammo_node import __version__
from mammo_node.config import Configuration, Suitability
from mammo_node.encode.study import Equipment
from mammo_node.image.suitability import Policy
from mammo_node.pipeline import PipelineSettings

_INSTALLATION = "installation"


def pipeline_settings(configuration: Configuration, device_serial_number: str) -> PipelineSettings:
    """Return everything that the analysis process is built from."""
    settings = configuration.settings
    return PipelineSettings(
        models=settings.models.model_copy(update={"use": configuration.models_in_use()}),
        worker=settings.worker,
        policy=policy(settings.suitability),
        equipment=equipment(configuration, device_serial_number),
        configuration_hash=configuration.result_hash(),
        log=settings.log,
        traffic_light=settings.traffic_light,
        comparison=settings.comparison,
    )


def policy(suitability: Suitability) -> Policy:
    """Return what is analysed."""
    return Policy(
        secondary_capture=suitability.secondary_capture,
        implants=suitability.implants,
        generated_2d=suitability.generated_2d,
    )


def equipment(configuration: Configuration, device_serial_number: str) -> Equipment:
    """Return the device that results name as their maker."""
    return Equipment(
        software_version=__version__,
        device_serial_number=device_serial_number,
        ae_title=configuration.ae_titles.local.ae_title,
    )


def installation_id(storage: Path) -> str:
    """Return the id of this installation: drawn once, kept in the storage folder.

    It is part of every UID that the node makes, so that two nodes never make different
    objects under the same one.
    """
    path = storage / _INSTALLATION
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        drawn = uuid.uuid4().hex
    # In place only when it is whole: a crash must not leave an empty id for good.
    aside = storage / f"{_INSTALLATION}.part"
    with aside.open("w", encoding="ascii") as file:
        file.write(drawn + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return drawn
