"""What every test starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from mammo_node.phantom import TextureBank


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A test that configures logging, as every command does, leaves no trace for the next."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def texture_bank() -> TextureBank:
    """Tiles for all phantoms: making them costs as much as several small studies."""
    return TextureBank.from_seed(5)
