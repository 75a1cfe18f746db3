"""What every section of a configuration file is made of: strict, frozen, with shared types."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_AE_TITLE_LENGTH = 16


def _ae_title(value: str) -> str:
    """PS3.5 6.2, VR AE: up to 16 characters of the default repertoire, not only spaces."""
    legal = all(0x20 <= ord(character) < 0x7F and character != "\\" for character in value)
    if not legal or value != value.strip() or not 1 <= len(value) <= _AE_TITLE_LENGTH:
        raise ValueError("an AE title is 1 to 16 ASCII characters, no backslash or outer spaces")
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of a configuration file: an unknown key is a mistake, a value never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
