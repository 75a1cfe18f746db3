"""What runners of the families that report findings have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.runs import Runs


@dataclass(frozen=True, slots=True)
class Reporter:
    """A model whose labels count from a threshold on, and the thresholds in force.

    Parameters
    ----------
    package : ModelPackage
        Names the tensors and the labels, and what its family needs besides.
    session : Runs
        Runs the package's graph.
    overrides : mapping of str to float
        Thresholds by label name that replace the package's operating points.
    """

    package: ModelPackage
    session: Runs
    overrides: Mapping[str, float] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, float]:
        """Thresholds in force, by label name."""
        return self.package.thresholds(self.overrides)
