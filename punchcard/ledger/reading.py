"""What `post` reads: accounts under lock, then keys, named entries, lots and holds.

A fixed number of statements, whatever the batch; each is left out when no command
of the batch can need it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from punchcard.kernel import sql
from punchcard.kernel.calendar import add_duration, parse_duration
from punchcard.kernel.validity import parse_validity
from punchcard.ledger import errors
from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Transfer,
    Void,
)
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.holding import first_taken
from punchcard.ledger.rules.limits import earliest_period
from punchcard.ledger.rules.shape import key_of
from punchcard.ledger.rules.state import (
    Account,
    Hold,
    Lot,
    LotId,
    Named,
    Policy,
    Remembered,
)

Cursor = psycopg.Cursor[tuple[Any, ...]]
Asked = Sequence[tuple[Account, Command]]

_FOREVER = datetime.max.replace(tzinfo=UTC)
_FILES = Path(__file__).parent / "sql"
_LOCK = sql.load(_FILES / "lock.sql")
_LOOK = _LOCK.partition("FOR NO KEY UPDATE")[0].replace(
    "set_config('punchcard.posted', 'yes', TRUE)", "NULL"
)
_KNOWN = sql.load(_FILES / "known.sql")
_NAMED = sql.load(_FILES / "named.sql")
_LOTS = sql.load(_FILES / "lots.sql")
_HOLDS = sql.load(_FILES / "holds.sql")
_LIVE_LOTS = sql.load(_FILES / "live_lots.sql")
_SPENDS = sql.load(_FILES / "spends.sql")


@lru_cache(maxsize=1024)
def policy(
    pending_period: str,
    validity: str | None,
    grace: str,
    debt_policy: str,
    hold_time_max: str,
    idle: str | None,
    per_command: int | None,
    per_day: int | None,
    per_month: int | None,
    time_zone: str,
) -> Policy:
    """Return a wallet's policy with its durations parsed."""
    return Policy(
        pending_period=parse_duration(pending_period),
        validity=None if validity is None else parse_validity(validity),
        grace=parse_duration(grace),
        debt_policy=debt_policy,
        hold_time_max=parse_duration(hold_time_max),
        idle=None if idle is None else parse_duration(idle),
        per_command=per_command,
        per_day=per_day,
        per_month=per_month,
        zone=ZoneInfo(time_zone),
    )


def read_accounts(
    cursor: Cursor, ids: Iterable[UUID], *, lock: bool
) -> dict[UUID, Account]:
    """Read accounts, locked in the order of their ids (or unlocked, for a dry run).

    Raises:
        SecondPost: this transaction has taken the locks before.
    """
    wanted = sql.Uuids(sorted(set(ids)))
    cursor.execute(_LOCK if lock else _LOOK, (wanted,), prepare=True)
    found: dict[UUID, Account] = {}
    for row in cursor.fetchall():
        if lock and row[22]:
            raise errors.SecondPost("one post per transaction: batch the commands")
        found[row[0]] = Account(
            id=row[0],
            wallet=row[1],
            available=row[2],
            pending=row[3],
            reserved=row[4],
            lifetime=row[5],
            last_sequence=row[6],
            status=row[7],
            effective_at=row[8],
            hash=row[9],
            next_due_at=row[10],
            active_at=row[11],
            policy=policy(*row[12:22]),
            horizon=row[10],
        )
    return found


def read_for(
    cursor: Cursor, asked: Asked, accounts: dict[UUID, Account], now: datetime
) -> None:
    """Read onto the accounts whatever the commands can need.

    `asked` pairs each command with the account that it names first.
    """
    _read_known(cursor, asked)
    open_questions = [
        (account, command)
        for account, command in asked
        if (key_of(command) or "") not in account.keys
    ]
    _read_named(cursor, open_questions)
    until = _instants(open_questions, accounts, now)
    _read_spends(cursor, open_questions, now)
    _read_lots(cursor, open_questions, accounts, until, now)


def _instants(
    asked: Asked, accounts: dict[UUID, Account], now: datetime
) -> dict[UUID, datetime]:
    """Return the latest instant at which a command can be decided on each account."""
    until: dict[UUID, datetime] = {}
    received = [
        (accounts[command.to], command)
        for _, command in asked
        if isinstance(command, Transfer)
    ]
    for account, command in [*asked, *received]:
        at = account.instant(getattr(command, "at", None) or now)
        if account.id not in until or at > until[account.id]:
            until[account.id] = at
    if received:
        # A transfer happens at one instant: the later of both accounts'.
        latest = max(until.values())
        until = dict.fromkeys(until, latest)
    return until


def _read_known(cursor: Cursor, asked: Asked) -> None:
    keyed = [(account, key) for account, command in asked if (key := key_of(command))]
    if not keyed:
        return
    cursor.execute(
        _KNOWN,
        {
            "accounts": sql.Uuids([account.id for account, _ in keyed]),
            "keys": sql.Texts([key for _, key in keyed]),
        },
        prepare=True,
    )
    by_id = {account.id: account for account, _ in keyed}
    for row in cursor.fetchall():
        by_id[row[0]].keys[row[1]] = _remembered(row)


def _remembered(row: tuple[Any, ...]) -> Remembered:
    if row[7] is not None:
        entry = Entry(**dict(zip(Entry.__struct_fields__, row[7:], strict=True)))
        return Remembered(fingerprint=entry.fingerprint or b"", entry=entry)
    return Remembered(
        fingerprint=row[2],
        code=row[3],
        details=msgspec.json.decode(row[4]),
        sequence=row[5],
        decided_at=row[6],
    )


def _read_named(cursor: Cursor, asked: Asked) -> None:
    pairs = {
        (account.id, command.entry): account
        for account, command in asked
        if isinstance(command, (Refund, Reverse))
    }
    # A cancelled lot counts as undone of its earn, which the batch may name too.
    pairs |= {
        (account.id, command.lot[0]): account
        for account, command in asked
        if isinstance(command, Cancel)
    }
    if not pairs:
        return
    for account in pairs.values():
        account.names_entries = True
    cursor.execute(
        _NAMED,
        {
            "accounts": sql.Uuids([account for account, _ in pairs]),
            "sequences": sql.Int8s([sequence for _, sequence in pairs]),
        },
        prepare=True,
    )
    for account_id, sequence, kind, amount, undone, lapsed, *taken in cursor.fetchall():
        lots, numbers, points = taken
        parts = zip(
            zip(lots or (), numbers or (), strict=True), points or (), strict=True
        )
        pairs[(account_id, sequence)].named[sequence] = Named(
            type=kind,
            amount=amount,
            undone=undone,
            lapsed_counted=lapsed,
            # Of a capture: what its reserve took, but for what came back.
            taken=first_taken(list(parts), amount),
        )


def _read_spends(cursor: Cursor, asked: Asked, now: datetime) -> None:
    """Read what was spent this day or month, where a wallet's limit counts it."""
    since: dict[UUID, datetime] = {}
    accounts: dict[UUID, Account] = {}
    for account, command in asked:
        if isinstance(command, (Redeem, Reserve, Transfer)):
            if account.policy.counts_spends:
                at = account.instant(command.at or now)
                start = earliest_period(account.policy, at)
                since[account.id] = min(start, since.get(account.id, start))
                accounts[account.id] = account
    if not since:
        return
    cursor.execute(
        _SPENDS,
        (sql.Uuids(list(since)), sql.Instants(list(since.values()))),
        prepare=True,
    )
    for account_id, at, points in cursor.fetchall():
        accounts[account_id].spends.append((at, points))


def _read_lots(
    cursor: Cursor,
    asked: Asked,
    accounts: dict[UUID, Account],
    until: dict[UUID, datetime],
    now: datetime,
) -> None:
    """Read lots and holds for what is due, what is spent, and what is undone."""
    touched = {key: accounts[key] for key in until}
    due = {key for key, account in touched.items() if account.due_by(until[key])}
    idle = {
        key for key, at in _idle_from(asked, touched, now).items() if at <= until[key]
    }
    need = _needs(asked, touched, due, idle)
    named = [
        (account, command)
        for account, command in asked
        if isinstance(command, (Refund, Reverse)) and command.entry in account.named
    ]
    lots = [
        (account.id, command.lot)
        for account, command in asked
        if isinstance(command, (Adjust, Activate, Cancel)) and command.lot is not None
    ]
    # Where nothing is due, what falls due next is what it was: no holds are read.
    settling = [touched[key] for key in due]
    if need or named or lots:
        spends = [pair for pair in named if isinstance(pair[1], Refund)]
        earns = [pair for pair in named if isinstance(pair[1], Reverse)]
        cursor.execute(
            _LOTS,
            {
                "accounts": sql.Uuids(list(need)),
                "until": sql.Instants([until[key] for key in need]),
                "need": sql.Int8s(list(need.values())),
                **_named_columns("spend", spends),
                **_named_columns("earn", earns),
                "lot_accounts": sql.Uuids([account for account, _ in lots]),
                "lots": sql.Int8s([lot[0] for _, lot in lots]),
                "lot_numbers": sql.Int8s([lot[1] for _, lot in lots]),
            },
            prepare=True,
        )
        for account in settling:
            account.horizon = None
        for account_id, *row, was_walked in cursor.fetchall():
            account = touched[account_id]
            lot = _lot(row)
            account.lots.setdefault((lot.sequence, lot.n), lot)
            if was_walked:
                falls_due = (
                    lot.available_at if lot.state == "pending" else lot.expires_at
                )
                _note_horizon(account, falls_due, until[account_id])
    holds = [
        (account, command.hold)
        for account, command in asked
        if isinstance(command, (Capture, Void))
    ]
    _read_holds(cursor, [a for a in settling if a.reserved], until, holds)


def read_live_lots(cursor: Cursor, accounts: Sequence[Account]) -> None:
    """Read every pending or open lot and every open hold: a look into the future."""
    if not accounts:
        return
    ids = sql.Uuids([account.id for account in accounts])
    cursor.execute(_LIVE_LOTS, (ids, ids), prepare=True)
    by_id = {account.id: account for account in accounts}
    for account_id, *row in cursor.fetchall():
        lot = _lot(row)
        by_id[account_id].lots[(lot.sequence, lot.n)] = lot
    for account in accounts:
        account.horizon = None
    holding = [account for account in accounts if account.reserved]
    _read_holds(cursor, holding, {account.id: _FOREVER for account in holding}, [])


def _named_columns(
    prefix: str, named: Sequence[tuple[Account, Refund | Reverse]]
) -> dict[str, Any]:
    pairs = sorted({(account.id, command.entry) for account, command in named})
    return {
        f"{prefix}_accounts": sql.Uuids([account for account, _ in pairs]),
        f"{prefix}s": sql.Int8s([sequence for _, sequence in pairs]),
    }


def _needs(
    asked: Asked,
    accounts: dict[UUID, Account],
    due: set[UUID],
    idle: set[UUID],
) -> dict[UUID, int]:
    """Return, for each account whose lots must be walked, the points to reach.

    A spend that cannot succeed reads nothing: without a credit in the batch and with
    nothing due, available only falls.
    """
    need: dict[UUID, int] = dict.fromkeys(due, 0)
    earned: dict[UUID, int] = {}
    rising = _rising(asked)
    for account, command in asked:
        key = account.id
        if isinstance(command, Earn):
            earned[key] = earned.get(key, 0) + command.points
        elif isinstance(command, (Redeem, Reserve, Transfer)):
            up_to = not isinstance(command, Transfer) and command.up_to
            hopeless = not up_to and command.points > account.available
            if hopeless and key not in rising and key not in due:
                continue
            need[key] = need.get(key, 0) + command.points
        elif isinstance(command, Reverse):
            named = account.named.get(command.entry)
            amount = named.amount if named else earned.get(key, 0)
            need[key] = need.get(key, 0) + (command.points or amount)
        elif isinstance(command, Adjust) and command.points < 0:
            need[key] = need.get(key, 0) - command.points
    for key in need.keys() | idle:
        account = accounts[key]
        # All open lots together never hold more than this.
        most = max(account.available, 0) + account.pending
        need[key] = most if key in idle else min(need[key], most)
    return need


def _idle_from(
    asked: Asked, accounts: dict[UUID, Account], now: datetime
) -> dict[UUID, datetime]:
    """Return when accounts may first become idle: all their open lots lapse then.

    What the batch itself earns or spends counts too: at an instant of the past, or
    before a transfer to an account whose clock was ahead.
    """
    first: dict[UUID, datetime] = {
        key: at for key, account in accounts.items() if (at := account.idles_at)
    }
    for account, command in asked:
        policy = account.policy
        if policy.idle is None or not isinstance(command, (Earn, Redeem, Capture)):
            continue
        active_at = account.instant(command.at or now)
        at = add_duration(active_at, policy.idle, policy.zone)
        first[account.id] = min(at, first.get(account.id, at))
    return first


def _rising(asked: Asked) -> set[UUID]:
    """Return the accounts whose available may rise by a command of the batch."""
    rising = set()
    for account, command in asked:
        if isinstance(command, Transfer):
            rising.add(command.to)
        elif not isinstance(command, (Redeem, Reserve)):
            rising.add(account.id)
    return rising


def _lot(row: Sequence[Any]) -> Lot:
    return Lot(
        sequence=row[0],
        n=row[1],
        root=row[2],
        credited=row[3],
        validity=row[4],
        available_at=row[5],
        expires_at=row[6],
        activated_by=row[7],
        remaining=row[8],
        lapsed=row[9],
        state=row[10],
    )


def _note_horizon(
    account: Account, falls_due: datetime | None, until: datetime
) -> None:
    """Keep a lower bound of what falls due among the rows that were not read.

    The next one was: whatever the batch does to it, those after it are no earlier.
    """
    if falls_due is not None and falls_due > until:
        if account.horizon is None or falls_due < account.horizon:
            account.horizon = falls_due


def _read_holds(
    cursor: Cursor,
    accounts: Sequence[Account],
    until: dict[UUID, datetime],
    named: Sequence[tuple[Account, int]],
) -> None:
    """Read open holds that may time out, and those that a command names."""
    if not accounts and not named:
        return
    cursor.execute(
        _HOLDS,
        {
            "accounts": sql.Uuids([account.id for account in accounts]),
            "until": sql.Instants([until[account.id] for account in accounts]),
            "named_accounts": sql.Uuids([account.id for account, _ in named]),
            "named": sql.Int8s([sequence for _, sequence in named]),
        },
        prepare=True,
    )
    due = {account.id for account in accounts}
    by_id = {account.id: account for account in accounts}
    by_id |= {account.id: account for account, _ in named}
    for account_id, sequence, *facts, taken in cursor.fetchall():
        points, expires_at, resolved_by, _, *lot_row = facts
        account = by_id[account_id]
        hold = account.holds.get(sequence)
        if hold is None:
            hold = Hold(
                sequence=sequence,
                points=points,
                expires_at=expires_at,
                resolved_by=resolved_by,
            )
            account.holds[sequence] = hold
            if account_id in due and resolved_by is None:
                _note_horizon(account, expires_at, until[account_id])
        lot = _lot(lot_row)
        lot_id: LotId = (lot.sequence, lot.n)
        account.lots.setdefault(lot_id, lot)
        hold.taken.append((lot_id, taken))
