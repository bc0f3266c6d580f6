"""Sweeps that are under way, and how to stop them in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.worker.place import Place, Running


def sweeps(worker: Running) -> int:
    """Return how many sweeps a worker has under way."""
    begun = re.findall(r"settle_due_points\[(\S+)\] received", worker.said)
    ended = re.findall(
        r"settle_due_points\[(\S+)\] (?:succeeded|raised|retry)", worker.said
    )
    # Nobody had time for it while it was good.
    void = re.findall(
        r"revoked task: punchcard.settle_due_points\[(\S+)\]", worker.said
    )
    return len({*begun} - {*ended} - {*void})


@contextmanager
def nobody_writes(place: Place) -> Iterator[None]:
    """Let every sweep come to a stop in the middle of its batch."""
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute("LOCK TABLE ledger_entry IN EXCLUSIVE MODE")
        yield
        connection.rollback()


def stopped(place: Place) -> int:
    """Return how many wait until somebody may write again."""
    ((count,),) = place.rows(
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
        " AND relation = 'ledger_entry'::regclass"
    )
    return int(count)
