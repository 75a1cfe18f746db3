"""Who found it: algorithm identification (PS3.16 TID 4019) as properties."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from mammo_node.encode import codes, items
from mammo_node.encode.cad.tree import Cad
from mammo_node.vocabulary import ModelRef

#: What is written where nobody knows: the rows are mandatory.
_UNKNOWN = "unknown"


def model(ref: ModelRef, parameters: Iterable[str] = ()) -> list[Dataset]:
    """Return TID 4019 for a model: name, version, hash of its file, what else it depends on."""
    return _identification(ref.name, ref.version, [f"sha256={ref.sha256}", *parameters])


def node(cad: Cad, parameters: Iterable[str] = ()) -> list[Dataset]:
    """Return TID 4019 for the node itself: what it concludes from what models found."""
    equipment = cad.common.equipment
    return _identification(equipment.model_name, equipment.software_version, parameters)


def _identification(name: str, version: str, parameters: Iterable[str]) -> list[Dataset]:
    given = [
        (codes.ALGORITHM_NAME, name or _UNKNOWN),
        (codes.ALGORITHM_VERSION, version or _UNKNOWN),
        *((codes.ALGORITHM_PARAMETERS, words) for words in parameters),
    ]
    return [items.text(items.HAS_PROPERTIES, concept, value) for concept, value in given]
