"""Findings beside masses and clusters: which a woman has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry, draw_asymmetry
from mammo_node.phantom.distortion import Distortion, draw_distortion
from mammo_node.phantom.kinds import (
    ASYMMETRY,
    DISTORTION,
    FOCAL_ASYMMETRY,
    GLOBAL_ASYMMETRY,
    SIGNS,
    SKIN_RETRACTION,
    SKIN_THICKENING,
    SUSPICIOUS_NODE,
)
from mammo_node.phantom.retraction import Retraction, draw_retraction
from mammo_node.phantom.skin import SkinThickening, draw_thickening

#: Share of women who have a sign, when none is asked for; each further one is rarer.
_ANY, _ANOTHER = 0.25, 0.15
#: How the signs of `SIGNS` share that, in order.
_WEIGHTS = (0.24, 0.2, 0.14, 0.14, 0.1, 0.08, 0.06, 0.04)
#: Signs are numbered apart from lesions, so that neither depends on how many there are of others.
FIRST_IDENTITY = 101

Detail = Asymmetry | SkinThickening | Distortion | Retraction | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A finding of one breast; `identity` is its number in every view that shows it."""

    kind: str
    identity: int
    malignant_looking: bool
    detail: Detail


def draw_signs(
    rng: np.random.Generator, anatomies: dict[str, Anatomy], wanted: Iterable[str] | None
) -> dict[str, tuple[Sign, ...]]:
    """Draw the signs of a woman, by breast ("L", "R"); `wanted` names them, or None for a draw.

    Raises
    ------
    ValueError
        If a wanted kind is not one of `SIGNS`.
    """
    kinds = _drawn_kinds(rng) if wanted is None else tuple(wanted)
    unknown = sorted(set(kinds) - set(SIGNS))
    if unknown:
        raise ValueError(f"no such sign: {', '.join(unknown)}; there are {', '.join(SIGNS)}")
    made: dict[str, list[Sign]] = {"L": [], "R": []}
    for number, kind in enumerate(kinds):
        side = "L" if rng.uniform() < 0.5 else "R"
        made[side].append(_draw(rng, anatomies[side], kind, FIRST_IDENTITY + number))
    return {side: tuple(signs) for side, signs in made.items()}


def _drawn_kinds(rng: np.random.Generator) -> tuple[str, ...]:
    count = 0
    while count < len(SIGNS) and rng.uniform() < (_ANOTHER if count else _ANY):
        count += 1
    return tuple(str(k) for k in rng.choice(SIGNS, size=count, replace=False, p=_WEIGHTS))


def _draw(rng: np.random.Generator, anatomy: Anatomy, kind: str, identity: int) -> Sign:
    if kind in (ASYMMETRY, FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY):
        asymmetry = draw_asymmetry(rng, anatomy, kind, identity)
        return Sign(kind, identity, asymmetry.malignant_looking, asymmetry)
    if kind == SKIN_THICKENING:
        skin = draw_thickening(rng, anatomy.half_width_mm, identity)
        return Sign(kind, identity, skin.malignant_looking, skin)
    if kind == DISTORTION:
        return Sign(kind, identity, bool(rng.uniform() < 0.75), draw_distortion(rng))
    if kind == SUSPICIOUS_NODE:
        return Sign(kind, identity, True, None)
    suspicious = bool(rng.uniform() < (0.85 if kind == SKIN_RETRACTION else 0.6))
    return Sign(kind, identity, suspicious, draw_retraction(rng, kind, anatomy.half_width_mm))


def growths(signs: Iterable[Sign]) -> tuple[Asymmetry | SkinThickening, ...]:
    """Return the signs that are tissue of the breast."""
    return tuple(s.detail for s in signs if isinstance(s.detail, Asymmetry | SkinThickening))
