"""What a site wants analysed beyond plain mammograms for presentation."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_node.vocabulary import View

#: Projections of the whole breast; axillary tail and cleavage views are not among them.
FULL_VIEWS = frozenset(set(View) - {View.AT, View.CV})


@dataclass(frozen=True, slots=True)
class Policy:
    """What is analysed beyond plain mammograms for presentation."""

    secondary_capture: bool = False
    """Secondary Capture that says laterality and view, for example digitised film."""
    implants: bool = False
    """Views with an implant that is not displaced."""
    generated_2d: bool = False
    """2D images calculated from tomosynthesis."""
    views: frozenset[View] = FULL_VIEWS
    max_pixels: int = 100_000_000
    """Largest Rows x Columns that is decoded."""
