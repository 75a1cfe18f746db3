"""One image under examination: rendered once for all models that want it the same way."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mammo_node.image.preprocess import Prepared, prepare
from mammo_node.image.presentation import render
from mammo_node.vocabulary import InputSpec, MammoImage, VoiKind


@dataclass(frozen=True, slots=True)
class Subject:
    """An image, and what has been made of it so far."""

    image: MammoImage
    _rendered: dict[VoiKind, npt.NDArray[np.float32]] = field(default_factory=dict)

    def pixels(self, voi: VoiKind) -> npt.NDArray[np.float32]:
        """Return MONOCHROME2 grey levels, (rows, columns) float32 as stored; not to be changed."""
        if voi not in self._rendered:
            self._rendered[voi] = render(self.image, voi)
        return self._rendered[voi]

    def prepared(self, spec: InputSpec) -> Prepared:
        """Return the input that a model asks for.

        Raises
        ------
        NoBreastFound
            If the breast is to be cropped and there is none.
        """
        image = self.image
        spacing_mm = (image.spacing.row_mm, image.spacing.column_mm)
        return prepare(
            self.pixels(spec.voi), spacing_mm, image.orientation, spec, padding=image.padding
        )
