"""One vocabulary of findings for every source of truth and every model.

The names are those that the node's own models use; the ten of VinDr-Mammo are among them.
"""

from __future__ import annotations

from types import MappingProxyType

from mammo_node.errors import GroundTruthError

MASS = "mass"
CLUSTER = "calcification-cluster"
"""Suspicious calcifications as a region: a cluster, or calcifications spread over one."""
CALCIFICATION = "calcification"
"""A single calcification, or one that its readers called benign."""
ASYMMETRY = "asymmetry"
FOCAL_ASYMMETRY = "focal-asymmetry"
GLOBAL_ASYMMETRY = "global-asymmetry"
DISTORTION = "architectural-distortion"
SKIN_THICKENING = "skin-thickening"
SKIN_RETRACTION = "skin-retraction"
NIPPLE_RETRACTION = "nipple-retraction"
LYMPH_NODE = "suspicious-lymph-node"
OTHER = "other"
"""A finding that is none of these; never a target, and never a false positive either."""

TEN_FINDINGS = (
    MASS,
    CLUSTER,
    ASYMMETRY,
    FOCAL_ASYMMETRY,
    GLOBAL_ASYMMETRY,
    DISTORTION,
    SKIN_THICKENING,
    SKIN_RETRACTION,
    NIPPLE_RETRACTION,
    LYMPH_NODE,
)
"""What VinDr-Mammo (Nguyen et al., Scientific Data 2023) annotates with boxes."""
FINDINGS = (*TEN_FINDINGS, CALCIFICATION, OTHER)

_SOFT_TISSUE = frozenset(
    {MASS, ASYMMETRY, FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY, DISTORTION, LYMPH_NODE}
)
_CALCIUM = frozenset({CLUSTER, CALCIFICATION})

_ALIASES = MappingProxyType(
    {
        "suspicious-calcification": CLUSTER,
        "calcification-cluster": CLUSTER,
        "cluster": CLUSTER,
        "microcalcification-cluster": CLUSTER,
        "microcalcifications": CLUSTER,
        "calcifications": CALCIFICATION,
        "nodule": MASS,
        "axillary-lymph-node": LYMPH_NODE,
        "distortion": DISTORTION,
    }
)


def kin(label: str) -> frozenset[str]:
    """Return the other labels on whose findings a detection is neither a hit nor false.

    What one reader calls a mass another calls a focal asymmetry; a suspicious node is marked
    rightly even by a detector that has no other word for it. So soft-tissue findings stand in for
    each other in this one respect, and so do calcifications; anything does for `OTHER`.
    """
    alike = next((family for family in (_SOFT_TISSUE, _CALCIUM) if label in family), frozenset())
    return frozenset({OTHER} | alike) - {label}


def canonical(word: str, where: str) -> str:
    """Return the vocabulary's name of a finding.

    Parameters
    ----------
    word : str
        In any case, with spaces, hyphens or underscores.
    where : str
        File and line, for the message.

    Raises
    ------
    GroundTruthError
        If the vocabulary does not have it; the message lists what there is.
    """
    plain = "-".join(word.lower().replace("_", " ").replace("-", " ").split())
    name = _ALIASES.get(plain, plain)
    if name not in FINDINGS:
        raise GroundTruthError(
            f"{where}: unknown label {word!r} (known: {', '.join(FINDINGS)};"
            f" use {OTHER!r} for anything else)"
        )
    return name


def known_as(word: str) -> str:
    """Return the vocabulary's name of a model's label, or the label itself where it has none."""
    try:
        return canonical(word, "")
    except GroundTruthError:
        return word
