"""What a peer would accept: presentation contexts proposed, and nothing sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pynetdicom.presentation import build_context

from mammo_node.destination import Destination
from mammo_node.dimse.outgoing import associate, end


def accepted_syntaxes(
    destination: Destination, calling_ae_title: str, offered: Iterable[tuple[str, str]]
) -> Mapping[str, tuple[str, ...]]:
    """Propose pairs of SOP class and transfer syntax; return what is accepted, by class.

    Parameters
    ----------
    destination : Destination
        The peer.
    calling_ae_title : str
        Ours.
    offered : iterable of (str, str)
        At most 128 pairs (PS3.8 9.3.2.2).

    Raises
    ------
    DestinationUnreachable, AssociationRejected
        If there is no association.
    """
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in offered]
    association = associate(destination, calling_ae_title, contexts)
    try:
        found: dict[str, tuple[str, ...]] = {}
        for context in association.accepted_contexts:
            name = str(context.abstract_syntax)
            found[name] = (*found.get(name, ()), str(context.transfer_syntax[0]))
        return found
    finally:
        end(association)
