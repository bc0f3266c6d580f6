"""Numbers that cost a scan to know: read now and then, kept, and told with their age.

Note [What costs a scan is not read when asked]: who watches us asks every few seconds.
What only a look at all accounts can tell is written down by the work that looks at
them anyway, with the instant; the one who watches judges whether that is too old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from django.db import connection

from punchcard.kernel.transactions import require_transaction

_KEEP = """
    WITH gone AS (
        DELETE FROM kernel_reading
        WHERE name = %(name)s AND NOT subject = ANY(%(subjects)s::text[]))
    INSERT INTO kernel_reading (name, subject, value, read_at)
    SELECT %(name)s, s.subject, s.value, %(now)s
    FROM unnest(%(subjects)s::text[], %(values)s::bigint[]) AS s (subject, value)
    ON CONFLICT (name, subject) DO UPDATE
        SET value = excluded.value, read_at = excluded.read_at
        WHERE kernel_reading.read_at <= excluded.read_at
"""


class Reading(msgspec.Struct, frozen=True):
    """A number, of what, and when it was so."""

    name: str
    subject: str
    value: int
    read_at: datetime


def keep_readings(*, name: str, values: Mapping[str, int], now: datetime) -> None:
    """Keep the values of a name by subject, in place of its earlier ones.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "name": name,
                "subjects": list(values),
                "values": list(values.values()),
                "now": now,
            },
        )


def last_read(*, name: str) -> datetime | None:
    """Return when a name was read last; None: it never was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(read_at) FROM kernel_reading WHERE name = %s", [name]
        )
        row = cursor.fetchone()
    return None if row is None else row[0]


def list_readings() -> list[Reading]:
    """Return every reading, by name and subject."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, subject, value, read_at FROM kernel_reading"
            " ORDER BY name, subject"
        )
        return [Reading(*row) for row in cursor.fetchall()]
