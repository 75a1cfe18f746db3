"""Which kinds of nodes have a gradient here, and which pass none on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mammo_node.analyse.relevance import arithmetic, moving, pointwise, reduction, spatial
from mammo_node.analyse.relevance.rule import Rule

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        **pointwise.RULES,
        **arithmetic.RULES,
        **moving.RULES,
        **reduction.RULES,
        **spatial.RULES,
    }
)

#: Their outputs are places, sizes and decisions, which small changes of the input leave alone.
WITHOUT_GRADIENT: Final = frozenset(
    {
        *("Shape", "Size", "ConstantOfShape", "NonZero", "ArgMax", "ArgMin", "NonMaxSuppression"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
        *("Not", "And", "Or", "Xor", "IsNaN", "IsInf", "Floor", "Ceil", "Round", "Sign"),
    }
)
