"""How a study was taken: one recipe, drawn from a seed, for all that is not anatomy.

The recipe holds what all views of a study share; what differs from view to view (where a label
lies) is drawn when the view is finished, at the rates that the recipe gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.vendors import DIGITAL, FILM, VENDORS, Vendor

#: Shares of film and of the makers within each family, in the order of `VENDORS`.
FILM_SHARE = 0.55
_DIGITAL_WEIGHTS = (0.26, 0.26, 0.16, 0.1, 0.08, 0.14)
_FILM_WEIGHTS = (0.5, 0.38, 0.12)
_CLIPPED, _PADDLE_EDGE, _LOSSY = 0.06, 0.12, 0.05

BLACK, WHITE, GREY = "black", "white", "grey"


@dataclass(frozen=True, slots=True)
class FilmSheet:
    """What lies on a film and what its digitiser adds; counts are means per view.

    `frame_mm` is the width of the clear (bright) or dark border, 0 for none; `canvas` pads the
    sheet to a square of that shade, None leaves it as it is; `levels` is the number of grey levels.
    """

    labels: float
    tape: float
    scratches: float
    streaks: float
    streak_depth: float
    frame_mm: float
    frame_shade: str
    canvas: str | None
    levels: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A spot compression view: paddle, and how much nearer to the source the breast stood."""

    magnification: float
    round_paddle: bool
    paddle_mm: float


@dataclass(frozen=True, slots=True)
class Look:
    """One way of taking and storing mammograms; everything but the vendor's fixed attributes.

    Attributes
    ----------
    vendor
        Key of `VENDORS`.
    bits_stored, photometric, voi
        Of the stored values, see `Vendor`.
    beam
        Anode and filter material.
    film
        Of digitised film; None for digital.
    letters
        Chance that a view has lead letters.
    paddle_edge
        Chance that the edge of the compression paddle is seen at the chest wall.
    clipped
        Chance that the field cuts the nipple off; small breasts always fit.
    lossy_ratio
        Ratio of lossy JPEG 2000 compression that the pixels went through, None for none.
    for_processing
        Detector values instead of an image for presentation.
    spot
        A spot compression or magnification view, None for the whole breast.
    """

    vendor: str
    bits_stored: int
    photometric: str
    voi: str
    beam: tuple[str, str]
    film: FilmSheet | None
    letters: float
    paddle_edge: float
    clipped: float
    lossy_ratio: float | None
    for_processing: bool = False
    spot: Spot | None = None

    @property
    def maker(self) -> Vendor:
        """The vendor's fixed attributes."""
        return VENDORS[self.vendor]

    @property
    def family(self) -> str:
        """`FILM` or `DIGITAL`."""
        return self.maker.family


def draw_look(rng: np.random.Generator, name: str | None = None) -> Look:
    """Draw a look.

    Parameters
    ----------
    rng
        Source of all choices.
    name
        "film", "digital" or a vendor's key, or None for a draw among all.

    Raises
    ------
    ValueError
        If there is no such look.
    """
    drawn = FILM if rng.uniform() < FILM_SHARE else DIGITAL
    vendor = VENDORS.get(_vendor_key(rng, name or drawn))
    if vendor is None:
        known = ", ".join((FILM, DIGITAL, *VENDORS))
        raise ValueError(f"no such look: {name}; there are {known}")
    film = vendor.family == FILM
    return Look(
        vendor=vendor.key,
        bits_stored=int(rng.choice(vendor.bits_stored)),
        photometric=str(rng.choice(vendor.photometric)),
        voi=str(rng.choice(vendor.voi)),
        beam=vendor.beams[int(rng.integers(len(vendor.beams)))],
        film=_draw_sheet(rng, vendor) if film else None,
        letters=0.97 if film else 0.5,
        paddle_edge=_PADDLE_EDGE,
        clipped=_CLIPPED,
        lossy_ratio=float(rng.uniform(8.0, 30.0)) if rng.uniform() < _LOSSY else None,
    )


def draw_spot(rng: np.random.Generator) -> Spot:
    """Draw a spot compression view, magnified in two of three."""
    magnified = rng.uniform() < 0.67
    return Spot(
        magnification=float(rng.choice((1.5, 1.8))) if magnified else 1.0,
        round_paddle=bool(rng.uniform() < 0.6),
        paddle_mm=float(rng.uniform(60.0, 95.0)),
    )


def _vendor_key(rng: np.random.Generator, name: str) -> str:
    weights = {FILM: _FILM_WEIGHTS, DIGITAL: _DIGITAL_WEIGHTS}.get(name)
    if weights is None:
        return name
    keys = [key for key, vendor in VENDORS.items() if vendor.family == name]
    return str(rng.choice(keys, p=weights))


def _draw_sheet(rng: np.random.Generator, vendor: Vendor) -> FilmSheet:
    eight_bit = vendor.bits_stored == (8,)
    framed = rng.uniform() < 0.3
    return FilmSheet(
        labels=float(rng.uniform(0.0, 0.5)),
        tape=float(rng.uniform(0.0, 0.25)),
        scratches=float(rng.uniform(0.5, 4.0)),
        streaks=float(rng.uniform(0.0, 3.0)) if rng.uniform() < 0.4 else 0.0,
        streak_depth=float(rng.uniform(0.004, 0.03)),
        frame_mm=float(rng.uniform(0.8, 7.0)) if framed else 0.0,
        frame_shade=str(rng.choice((WHITE, BLACK), p=(0.7, 0.3))),
        canvas=str(rng.choice((BLACK, WHITE, GREY), p=(0.7, 0.2, 0.1))) if eight_bit else None,
        levels=256 if eight_bit else 4096,
    )
