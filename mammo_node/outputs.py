"""What a destination can ask for: kinds of result objects, and named profiles of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


class OutputKind(StrEnum):
    """Kinds of result objects a destination can ask for."""

    SR = "sr"
    GSPS = "gsps"
    CAD_SR = "cad-sr"
    KEY_OBJECTS = "key-objects"
    OVERVIEW = "overview"
    PDF = "pdf"
    SEG = "seg"


#: What a kind of receiver can use, by name.
PROFILES: Mapping[str, tuple[OutputKind, ...]] = MappingProxyType(
    {
        "ihe-air": (OutputKind.SR, OutputKind.KEY_OBJECTS, OutputKind.SEG),
        "mammo-workstation": (OutputKind.GSPS, OutputKind.CAD_SR, OutputKind.OVERVIEW),
        "any-viewer": (OutputKind.OVERVIEW, OutputKind.PDF),
        "research": tuple(OutputKind),
    }
)


def expand_outputs(names: Any) -> Any:
    """Return the kinds that kinds and profiles name, each once, in the order of the kinds.

    Parameters
    ----------
    names : list or tuple of str
        Words of :class:`OutputKind` and of :data:`PROFILES`; anything but a list is left
        to whoever validates the result.

    Raises
    ------
    ValueError
        If a name is neither; the message lists those there are.
    """
    if not isinstance(names, list | tuple):
        return names
    wanted = {kind for name in names for kind in _kinds(name)}
    return tuple(kind for kind in OutputKind if kind in wanted)


def _kinds(name: Any) -> tuple[OutputKind, ...]:
    if name in PROFILES:
        return PROFILES[name]
    try:
        return (OutputKind(name),)
    except ValueError:
        kinds, profiles = ", ".join(OutputKind), ", ".join(PROFILES)
        raise ValueError(
            f"there is no output {name!r} (kinds: {kinds}; profiles: {profiles})"
        ) from None


Outputs = Annotated[tuple[OutputKind, ...], BeforeValidator(expand_outputs), Field(min_length=1)]
