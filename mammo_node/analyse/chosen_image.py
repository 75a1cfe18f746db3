"""Which of several images of one view stands for it: pure."""

from __future__ import annotations

from collections.abc import Sequence

from mammo_node.vocabulary import Laterality, View, ViewResult


def chosen(
    views: Sequence[ViewResult], laterality: Laterality, wanted: Sequence[View]
) -> int | None:
    """Return which image stands for a breast's view, by index; None where there is none.

    Parameters
    ----------
    wanted : sequence of View
        The views that will do, the best first. Of images of one view the one that shows the larger
        area is taken, then the one with the higher SOP Instance UID: arrival does not matter.
    """
    fit = [
        i
        for i, view in enumerate(views)
        if view.refusal is None and view.laterality == laterality and view.view in wanted
    ]

    def rank(i: int) -> tuple[int, float, str]:
        view = views[i]
        assert view.view is not None  # noqa: S101 - it is among the wanted
        spacing = view.spacing
        pixel_mm2 = spacing.row_mm * spacing.column_mm if spacing is not None else 0.0
        area_mm2 = view.rows * view.columns * pixel_mm2
        return -wanted.index(view.view), area_mm2, view.ref.sop_instance_uid

    return max(fit, key=rank, default=None)
