"""Counting associations over processes without a lock between them."""

from __future__ import annotations

import mmap
import threading

from mammo_node.dimse.occupancy import Occupancy


def two() -> tuple[Occupancy, Occupancy]:
    memory = mmap.mmap(-1, Occupancy.size(2))
    return Occupancy(memory, 0), Occupancy(memory, 1)


def test_the_limit_holds_over_all_processes() -> None:
    """What one process has open counts for the other."""
    one, other = two()
    assert one.enter(2)
    assert other.enter(2)
    assert not one.enter(2)
    assert one.associations == other.associations == 2
    other.leave()
    assert one.enter(2)


def test_a_process_knows_when_another_has_fewer_connections() -> None:
    """The busier one leaves the next connection to the other."""
    one, other = two()
    one.connected()
    assert (one.surplus, other.surplus) == (1, 0)
    other.connected()
    assert (one.surplus, other.surplus) == (0, 0)
    one.disconnected()
    assert (one.surplus, other.surplus) == (0, 1)


def test_what_a_dead_process_had_open_is_forgotten() -> None:
    """A killed process does not keep places for ever."""
    one, other = two()
    other.enter(5)
    other.connected()
    one.enter(5)
    one.clear(1)
    assert one.associations == 1
    assert other.surplus == 0


def test_threads_do_not_lose_counts() -> None:
    """Associations of one process come and go in many threads."""
    one, _ = two()

    def churn() -> None:
        for _ in range(500):
            if one.enter(3):
                one.leave()

    threads = [threading.Thread(target=churn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.associations == 0
