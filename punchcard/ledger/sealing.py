"""The heads of all accounts, to be kept elsewhere; and whether they are still there.

The chain of hashes shows a change of what came before a head. Whoever may rewrite every
row can make all hashes anew, or cut the last entries off together with the account's
row: that shows only beside heads that were kept where he could not reach them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.transactions import snapshot

CHUNK = 5_000

_SEALED = sql.load(Path(__file__).parent / "sql" / "sealed_heads.sql")


class Head(msgspec.Struct, frozen=True):
    """The last entry of an account, and its hash; 0 and zeros where there is none."""

    account: UUID
    sequence: int
    hash: bytes


@dataclass(frozen=True)
class Heads:
    """All heads of one moment, with their numbers."""

    accounts: int
    entries: int
    rows: Iterator[Head]
    """By account, once."""


class Broken(msgspec.Struct, frozen=True):
    """A sealed head that the ledger does not have any more."""

    account: UUID
    sequence: int
    what: str


@contextmanager
def open_heads(*, using: str = "default") -> Iterator[Heads]:
    """Open all heads, of one snapshot; memory stays flat.

    Raises:
        TransactionError: a transaction is open already.
    """
    with snapshot(using=using):
        cursor = sql.cursor(using=using)
        cursor.execute(
            "SELECT count(*), coalesce(sum(last_sequence), 0)::bigint"
            " FROM ledger_account"
        )
        accounts, entries = cursor.fetchone() or (0, 0)
        yield Heads(accounts=accounts, entries=entries, rows=_rows(using))


def _rows(using: str) -> Iterator[Head]:
    cursor = sql.cursor(using=using)
    cursor.execute(
        "DECLARE account_head NO SCROLL CURSOR FOR"
        " SELECT id, last_sequence, hash FROM ledger_account ORDER BY id",
        prepare=False,
    )
    while rows := cursor.execute(f"FETCH {CHUNK} FROM account_head").fetchall():
        for account, sequence, head in rows:
            yield Head(account, sequence, head)


def find_broken(*, heads: Iterable[Head], using: str = "default") -> Iterator[Broken]:
    """Yield the sealed heads that the ledger does not have any more; in one snapshot.

    An account may have gone on since: the sealed entry must be there, with its hash.

    Raises:
        TransactionError: a transaction is open already.
    """
    with snapshot(using=using):
        cursor = sql.cursor(using=using)
        left = iter(heads)
        while chunk := list(islice(left, CHUNK)):
            cursor.execute(
                _SEALED,
                {
                    "accounts": sql.Uuids([head.account for head in chunk]),
                    "sequences": sql.Int8s([head.sequence for head in chunk]),
                    "hashes": sql.Byteas([head.hash for head in chunk]),
                },
                prepare=True,
            )
            for account, sequence, what in cursor.fetchall():
                yield Broken(account, sequence, what)
