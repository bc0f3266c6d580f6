"""Answers that are kept for a while, so that a call with a key is done once.

Note [An answer commits with its effect]: who answers under a key opens one
transaction, claims the key in it, does the work, keeps the answer, and commits. So
there is never an effect without its answer, nor an answer without its effect, whoever
is killed when. The claim is an advisory lock of that transaction: it ends with it,
and after what it wrote can be seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connection

from punchcard.kernel import sql
from punchcard.kernel.locks import holding_one_of
from punchcard.kernel.transactions import refuse_transaction, require_transaction

KEPT = timedelta(hours=24)
"""How long an answer is kept, at least."""

SWEPT_WITH_EACH = 10
"""How many expired answers each new one takes away."""

SWEPT_AT_ONCE = 1_000

_SWEEP = """
    DELETE FROM kernel_kept_answer WHERE scope IN (
        SELECT scope FROM kernel_kept_answer
        WHERE expires_at <= %(now)s AND scope <> %(scope)s
        ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
_KEEP = f"""
    WITH swept AS ({_SWEEP})
    INSERT INTO kernel_kept_answer
        (scope, program_id, fingerprint, status, headers, body, created_at, expires_at)
    VALUES (%(scope)s, %(program)s, %(fingerprint)s, %(status)s, %(headers)s::jsonb,
        %(body)s, %(now)s, %(expires)s)
    ON CONFLICT (scope) DO UPDATE SET
        fingerprint = excluded.fingerprint, status = excluded.status,
        headers = excluded.headers, body = excluded.body,
        created_at = excluded.created_at, expires_at = excluded.expires_at
"""


class AnswerUnderWay(Exception):
    """Another call with this key has not ended yet."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was given."""

    fingerprint: bytes | None
    """SHA-256 of what was asked; None: withheld, as it named somebody erased."""
    status: int
    headers: dict[str, str]
    body: str


def answer_scope(*, program: UUID, credential: str, key: str) -> bytes:
    """Return what a key is unique in, hashed: a caller's key may name a person."""
    return hashlib.sha256(
        b"\0".join((program.bytes, credential.encode(), key.encode()))
    ).digest()


def claim_answer(*, scope: bytes, now: datetime) -> Kept | None:
    """Claim a key until the end of the transaction; return the answer if there is one.

    Two statements, as the second must see what was committed before the lock was had.

    Raises:
        TransactionError: no transaction is open.
        AnswerUnderWay: somebody else has claimed it.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(scope)])
        if not cursor.fetchone()[0]:
            raise AnswerUnderWay
    return _read(scope, now)


@contextmanager
def claimed_answer(*, scope: bytes, now: datetime) -> Iterator[Kept | None]:
    """Claim a key for work of several transactions; yield the answer if there is one.

    The claim is a transaction's of its own: whoever is killed has it no longer.

    Raises:
        TransactionError: a transaction is open.
        AnswerUnderWay: somebody else has claimed it.
        psycopg.OperationalError: the database cannot be reached.
    """
    refuse_transaction()
    with holding_one_of([_number(scope)]) as held:
        if not held:
            raise AnswerUnderWay
        yield _read(scope, now)


def keep_answer(
    *,
    scope: bytes,
    program: UUID,
    fingerprint: bytes,
    status: int,
    headers: Mapping[str, str],
    body: str,
    now: datetime,
) -> None:
    """Keep an answer for 24 hours, and forget a few that are older; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "scope": scope,
                "program": program,
                "fingerprint": fingerprint,
                "status": status,
                "headers": msgspec.json.encode(headers).decode(),
                "body": body,
                "now": now,
                "expires": now + KEPT,
                "most": SWEPT_WITH_EACH,
            },
        )


def forget_expired_answers(*, now: datetime) -> int:
    """Take away answers that are kept no longer, up to 1,000; return how many.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    with connection.cursor() as cursor:
        # No answer has an empty scope: none is spared.
        cursor.execute(_SWEEP, {"now": now, "scope": b"", "most": SWEPT_AT_ONCE})
        swept: int = cursor.rowcount
        return swept


def withhold_answers(
    *, program: UUID, naming: Sequence[str], steps: Sequence[str] = ()
) -> int:
    """Empty those answers of a program that name one of these; return how many.

    `naming` is looked for as a whole string of JSON, in its quotes, `steps` as they
    stand in an address. The key stays used: a late retry must not make anew what was
    erased.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    names = [msgspec.json.encode(name).decode() for name in naming]
    for step in steps:
        text = msgspec.json.encode(step).decode()[1:-1]
        names += [f"{text}{end}" for end in ('"', "/", "@")]
    cursor = sql.cursor()
    cursor.execute(
        "UPDATE kernel_kept_answer SET fingerprint = NULL, body = '', headers = '{}'"
        " WHERE program_id = %s AND EXISTS ("
        "SELECT FROM unnest(%s) AS named (text)"
        " WHERE position(named.text IN body) > 0)",
        [program, sql.Texts(names)],
    )
    return cursor.rowcount


def _number(scope: bytes) -> int:
    return int.from_bytes(scope[:8], "big", signed=True)


def _read(scope: bytes, now: datetime) -> Kept | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, status, headers::text, body FROM kernel_kept_answer"
            " WHERE scope = %s AND expires_at > %s",
            [scope, now],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Kept(
        fingerprint=None if row[0] is None else bytes(row[0]),
        status=row[1],
        headers=msgspec.json.decode(row[2], type=dict[str, str]),
        body=row[3],
    )
