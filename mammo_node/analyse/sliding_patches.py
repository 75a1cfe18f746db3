"""The sliding-patches family: an image tensor in, the scores of overlapping windows out.

Two engines give the same result. *Exact* cuts every window that holds enough of the breast and runs
them in batches. *Dense* runs the whole image once and reads each window's score off the map; it is
right only for a graph whose map does not change with what lies around a window, which the manifest
must say (``window.dense_safe``) and prove (``window.dense_agreement``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.analyse.manifest import SlidingPatchesManifest
from mammo_node.analyse.map_pooling import pooled
from mammo_node.analyse.reporter import Reporter
from mammo_node.analyse.runs import Tensor, activated
from mammo_node.analyse.sliding_frame import Bools, Floats, Frame
from mammo_node.errors import InferenceError

#: Dimensions of the output ``scores``: windows, outputs.
_SCORES = 2


@dataclass(frozen=True, slots=True)
class ScoredWindows:
    """What a window classifier says of one image.

    ``scores`` (grid rows, grid columns, outputs) float32 in 0..1, 0 where ``looked_at`` (grid rows,
    grid columns) is False.
    """

    frame: Frame
    looked_at: Bools
    scores: Floats

    def heatmaps(self) -> Floats:
        """Return one map per output, (outputs, rows, columns) on cells of ``frame.cell`` pixels."""
        return self.frame.heatmaps(self.scores, self.looked_at)


@dataclass(frozen=True, slots=True)
class WindowClassifier(Reporter):
    """A window classifier that is ready, and the thresholds in force."""

    @property
    def manifest(self) -> SlidingPatchesManifest:
        """The package's manifest."""
        return self.package.manifest_of(SlidingPatchesManifest)

    def run(self, tensor: Tensor, mask: Bools) -> ScoredWindows:
        """Score the windows of one prepared image by the engine that the manifest names.

        Parameters
        ----------
        tensor : (1, channels, rows, columns) float32
            As the package's input specification asks for.
        mask : (rows, columns) bool
            The breast in it.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        if self.manifest.window.engine == "dense":
            return self.run_dense(tensor, mask)
        return self.run_exact(tensor, mask)

    def run_exact(self, tensor: Tensor, mask: Bools, most: int | None = None) -> ScoredWindows:
        """Score window by window, or only ``most`` of them, evenly spread; see :meth:`run`."""
        window = self.manifest.window
        frame, looked_at = self._frame(mask)
        looked_at = looked_at if most is None else _thinned(looked_at, most)
        views = frame.windows_of(frame.filled(tensor[0], self.manifest.input.pad_value))
        places = np.argwhere(looked_at)
        batches = (places[i : i + window.batch] for i in range(0, len(places), window.batch))
        found = [self._scores_of(np.stack([views[i, j] for i, j in some])) for some in batches]
        scores = np.concatenate(found)
        grid = np.zeros((*frame.grid, scores.shape[1]), dtype=np.float32)
        grid[looked_at] = scores
        return ScoredWindows(frame, looked_at, grid)

    def run_dense(self, tensor: Tensor, mask: Bools) -> ScoredWindows:
        """Read all windows off one map of the part they lie in; see :meth:`run`."""
        frame, looked_at = self._frame(mask)
        part, place = frame.around(looked_at)
        whole = frame.filled(tensor, self.manifest.input.pad_value)
        cells = self._map_of(whole[(..., *part.pixels(place))], part)
        scores = pooled(cells, part, self.manifest.output)
        grid = np.zeros((*frame.grid, scores.shape[2]), dtype=np.float32)
        rows, columns = part.grid
        grid[place[0] : place[0] + rows, place[1] : place[1] + columns] = scores
        return ScoredWindows(frame, looked_at, grid * looked_at[..., None])

    def _frame(self, mask: Bools) -> tuple[Frame, Bools]:
        window, (rows, columns) = self.manifest.window, mask.shape
        sizes = window.size_px, window.stride_px, window.margin, window.core_px or 0
        frame = Frame.over((rows, columns), *sizes)
        return frame, frame.looked_at(mask, window.breast_share)

    def _scores_of(self, windows: Tensor) -> Floats:
        manifest, output = self.manifest, self.manifest.output
        (raw,) = self.session.run({manifest.input.name: windows}, (output.scores,))
        if raw.ndim != _SCORES or len(raw) != len(windows) or raw.shape[1] < self._outputs:
            raise self._broken(f"scores of shape {raw.shape} for {len(windows)} windows")
        return activated(raw, output.activation)

    def _map_of(self, tensor: Tensor, frame: Frame) -> Floats:
        manifest, output = self.manifest, self.manifest.output
        if output.map is None:
            raise self._broken("it has no output.map")
        (raw,) = self.session.run({manifest.input.name: tensor}, (output.map,))
        cells = tuple(side // output.map_stride for side in frame.shape)
        if raw.shape[:1] + raw.shape[2:] != (1, *cells) or raw.shape[1] < self._outputs:
            raise self._broken(f"a map of shape {raw.shape} for {cells} cells")
        cells_of_image: Floats = activated(raw, output.activation)[0]
        return cells_of_image

    @property
    def _outputs(self) -> int:
        """How many outputs the labels' indices need."""
        return max(self.package.labels) + 1

    def _broken(self, what: str) -> InferenceError:
        return InferenceError(f"model {self.package.name} breaks its output contract: {what}")


def _thinned(looked_at: Bools, most: int) -> Bools:
    places = np.flatnonzero(looked_at)
    kept = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    thinned = np.zeros(looked_at.size, dtype=np.bool_)
    thinned[places[kept]] = True
    return thinned.reshape(looked_at.shape)
