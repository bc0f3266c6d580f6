"""Whether the database has our tables, and bringing them up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from punchcard.interfaces.console.failures import Stop
from punchcard.kernel.direct import direct_alias

_LOCK = 0x70756E6368  # "punch"


def migrate() -> int:
    """Bring the tables up to date; return how many migrations that took.

    Two who come at once do it one after the other.
    """
    with _alone():
        missing = _count_missing()
        if missing:
            sys.stderr.write("Preparing the database's tables …\n")
            call_command("migrate", verbosity=0, interactive=False)
    return missing


def require_schema() -> None:
    """Refuse to go on where the tables are not there, or not up to date.

    Raises:
        Stop: says what to run.
    """
    if _count_missing():
        raise Stop(
            "The database's tables are missing or older than this version: run "
            "`punchcard migrate` (or `punchcard up`) first."
        )


def _count_missing() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _alone() -> Iterator[None]:
    # The session's own, as each migration is a transaction.
    with connections[direct_alias()].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
