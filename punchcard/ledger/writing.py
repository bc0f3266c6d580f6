"""What `post` writes: all rows of a batch in one statement, in their final state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from msgspec.structs import astuple

from punchcard.kernel import sql
from punchcard.kernel.log_context import request_id
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.state import Account

_PARTS: dict[str, str] = dict(
    re.findall(
        r"^-- part: (\w_) .*\n((?:(?!-- part:).*\n)+)",
        sql.load(Path(__file__).parent / "sql" / "write.sql"),
        re.MULTILINE,
    )
)
"""prefix of its parameters -> statement, in the order of writing"""

Columns = Sequence[tuple[str, type[sql.Array]]]

_KINDS: dict[str, type[sql.Array]] = {
    "UUID": sql.Uuids,
    "int": sql.Int8s,
    "str": sql.Texts,
    "bytes": sql.Byteas,
    "datetime": sql.Instants,
}
_ENTRY: Columns = [
    (name, _KINDS[str(kind).partition(" ")[0]])
    for name, kind in Entry.__annotations__.items()
]
_ACCOUNT: Columns = [
    ("id", sql.Uuids),
    ("available", sql.Int8s),
    ("pending", sql.Int8s),
    ("reserved", sql.Int8s),
    ("lifetime", sql.Int8s),
    ("last_sequence", sql.Int8s),
    ("effective_at", sql.Instants),
    ("hash", sql.Byteas),
    ("next_due_at", sql.Instants),
    ("active_at", sql.Instants),
]
_OPENED: Columns = [
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
    ("n", sql.Int8s),
    ("root", sql.Int8s),
    ("credited", sql.Int8s),
    ("validity", sql.Texts),
    ("available_at", sql.Instants),
    ("expires_at", sql.Instants),
    ("activated_by", sql.Int8s),
    ("remaining", sql.Int8s),
    ("lapsed", sql.Int8s),
    ("state", sql.Texts),
]
_CHANGED: Columns = [
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
    ("n", sql.Int8s),
    ("remaining", sql.Int8s),
    ("lapsed", sql.Int8s),
    ("state", sql.Texts),
]
_DATED: Columns = [
    *_CHANGED,
    ("available_at", sql.Instants),
    ("expires_at", sql.Instants),
    ("activated_by", sql.Int8s),
]
_MOVED: Columns = [
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
    ("n", sql.Int8s),
    ("lot_sequence", sql.Int8s),
    ("lot_n", sql.Int8s),
    ("points", sql.Int8s),
]
_HOLD: Columns = [
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
    ("resolved_by", sql.Int8s),
]
_RESERVED: Columns = [
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
    ("points", sql.Int8s),
    ("expires_at", sql.Instants),
    ("resolved_by", sql.Int8s),
]
_REFUSAL: Columns = [
    ("account", sql.Uuids),
    ("key", sql.Texts),
    ("fingerprint", sql.Byteas),
    ("code", sql.Texts),
    ("details", sql.Texts),
    ("sequence", sql.Int8s),
    ("decided_at", sql.Instants),
]
_OUTBOX: Columns = [
    ("account", sql.Uuids),
    ("first", sql.Int8s),
    ("last", sql.Int8s),
    ("recorded_at", sql.Instants),
    ("request_id", sql.Texts),
]

_json = msgspec.json.Encoder(order="sorted").encode


def write_accounts(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    accounts: Iterable[Account],
    recorded_at: datetime,
) -> None:
    """Write what was decided on these accounts; nothing where nothing changed."""
    touched = [account for account in accounts if account.touched or account.refusals]
    if not touched:
        return
    parameters: dict[str, sql.Array] = {}
    written = []
    for prefix, columns, rows in (
        ("a_", _ACCOUNT, [_account_row(a) for a in touched if a.touched]),
        ("m_", _CHANGED, _changed_rows(touched)),
        ("d_", _DATED, _dated_rows(touched)),
        ("l_", _OPENED, _opened_rows(touched)),
        ("t_", _MOVED, _moved_rows(touched)),
        ("h_", _HOLD, _hold_rows(touched)),
        ("s_", _RESERVED, _reserved_rows(touched)),
        ("r_", _REFUSAL, _refusal_rows(touched)),
        ("o_", _OUTBOX, _outbox_rows(touched, recorded_at)),
        ("e_", _ENTRY, [astuple(e) for a in touched for e in a.entries]),
    ):
        if not rows:
            continue
        written.append(prefix)
        for (name, kind), column in zip(columns, zip(*rows, strict=True), strict=True):
            parameters[prefix + name] = kind(column)
    text, names = _statement(tuple(written))
    values = [parameters[name] for name in names]
    sql.raw_cursor(cursor).execute(text, values, prepare=True)


@cache
def _statement(prefixes: tuple[str, ...]) -> tuple[bytes, list[str]]:
    """Return the one statement that writes these parts, and its parameters' names.

    A single command has rows for half of them; starting the others costs it more
    than its own rows.
    """
    *first, last = prefixes
    named = [f"{prefix}part AS (\n{_PARTS[prefix]})" for prefix in first]
    head = "WITH " + ", ".join(named) + "\n" if named else ""
    return sql.numbered(head + _PARTS[last])


Rows = list[tuple[Any, ...]]


def _account_row(account: Account) -> tuple[Any, ...]:
    return (
        account.id,
        account.available,
        account.pending,
        account.reserved,
        account.lifetime,
        account.last_sequence,
        account.effective_at,
        account.hash,
        account.next_due_at,
        account.active_at,
    )


def _opened_rows(touched: Sequence[Account]) -> Rows:
    return [
        (
            account.id,
            lot.sequence,
            lot.n,
            lot.root,
            lot.credited,
            lot.validity,
            lot.available_at,
            lot.expires_at,
            lot.activated_by,
            lot.remaining,
            lot.lapsed,
            lot.state,
        )
        for account in touched
        for lot in account.lots.values()
        if lot.opened_here
    ]


def _changed_rows(touched: Sequence[Account]) -> Rows:
    return [
        (account.id, lot.sequence, lot.n, lot.remaining, lot.lapsed, lot.state)
        for account in touched
        for lot in account.lots.values()
        if lot.changed and not lot.opened_here and not lot.activated_here
    ]


def _dated_rows(touched: Sequence[Account]) -> Rows:
    return [
        (
            account.id,
            lot.sequence,
            lot.n,
            lot.remaining,
            lot.lapsed,
            lot.state,
            lot.available_at,
            lot.expires_at,
            lot.activated_by,
        )
        for account in touched
        for lot in account.lots.values()
        if lot.activated_here and not lot.opened_here
    ]


def _moved_rows(touched: Sequence[Account]) -> Rows:
    return [
        (account.id, move.sequence, move.n, move.lot_sequence, move.lot_n, move.points)
        for account in touched
        for move in account.allocations
    ]


def _hold_rows(touched: Sequence[Account]) -> Rows:
    return [
        (account.id, hold.sequence, hold.resolved_by)
        for account in touched
        for hold in account.holds.values()
        if hold.changed and not hold.opened_here
    ]


def _reserved_rows(touched: Sequence[Account]) -> Rows:
    return [
        (account.id, hold.sequence, hold.points, hold.expires_at, hold.resolved_by)
        for account in touched
        for hold in account.holds.values()
        if hold.opened_here
    ]


def _refusal_rows(touched: Sequence[Account]) -> Rows:
    return [
        (
            account.id,
            row.key,
            row.fingerprint,
            row.code,
            _json(row.details).decode(),
            row.sequence,
            row.decided_at,
        )
        for account in touched
        for row in account.refusals
    ]


def _outbox_rows(touched: Sequence[Account], recorded_at: datetime) -> Rows:
    # See Note [A request's id goes along].
    part_of = request_id() or None
    return [
        (
            account.id,
            account.entries[0].sequence,
            account.entries[-1].sequence,
            recorded_at,
            part_of,
        )
        for account in touched
        if account.entries
    ]
