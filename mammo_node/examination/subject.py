"""One image under examination: what models want alike of it is made once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mammo_node.image.greys import StoredGreys
from mammo_node.image.preprocess import Prepared, prepare_greys
from mammo_node.vocabulary import InputSpec, MammoImage, VoiKind


@dataclass(frozen=True, slots=True)
class Subject:
    """An image, and what has been made of it so far."""

    image: MammoImage
    _greys: dict[VoiKind, StoredGreys] = field(default_factory=dict)

    def greys(self, voi: VoiKind) -> StoredGreys:
        """Return the grey levels, with what was looked up of them so far and the breast."""
        if voi not in self._greys:
            self._greys[voi] = StoredGreys(self.image, voi)
        return self._greys[voi]

    def pixels(self, voi: VoiKind) -> npt.NDArray[np.float32]:
        """Return all of them, (rows, columns) float32 as stored; not to be changed."""
        rows, columns = self.image.shape
        return self.greys(voi).part((0, 0, columns, rows))

    def prepared(self, spec: InputSpec) -> Prepared:
        """Return the input that a model asks for.

        Raises
        ------
        NoBreastFound
            If the breast is to be cropped and there is none.
        """
        spacing = self.image.spacing
        return prepare_greys(
            self.greys(spec.voi),
            (spacing.row_mm, spacing.column_mm),
            self.image.orientation,
            spec,
        )
