"""One C-STORE: the dataset goes to the layer above, piece by piece, and a status comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mammo_node.dimse.command import Status
from mammo_node.dimse.ports import StorageService, Store, StoreRequest
from mammo_node.errors import ReceptionError


def store_dataset(
    service: StorageService, request: StoreRequest, dataset: Iterator[memoryview]
) -> tuple[int, str]:
    """Store a dataset; return the status and the Error Comment to answer.

    A dataset that is refused is read to its end and dropped, so that the peer learns why.
    Whatever happens, also an AssociationFailure while reading, the store is discarded.

    Parameters
    ----------
    service : StorageService
        The layer above.
    request : StoreRequest
        The command.
    dataset : Iterator[memoryview]
        Its dataset's bytes as they come; each view is valid until the next.
    """
    try:
        store = service.begin_store(request)
    except ReceptionError as error:
        drain(dataset)
        return error.dimse_status, str(error)
    try:
        _fill(store, dataset)
        store.commit()
    except ReceptionError as error:
        store.discard()  # before the rest is read: a full disk needs the space
        drain(dataset)
        return error.dimse_status, str(error)
    finally:
        store.discard()
    return Status.SUCCESS, ""


def drain(dataset: Iterable[memoryview]) -> None:
    """Read a dataset to its end without looking."""
    for _ in dataset:
        pass


def _fill(store: Store, dataset: Iterator[memoryview]) -> None:
    for fragment in dataset:
        store.write(fragment)
