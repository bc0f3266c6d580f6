"""Files that are asked for: rows of one moment, as CSV.

An export begins anew where its worker died, since what it reads is of one moment, and
a moment ends with its transaction.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec
from django.db import connection

from punchcard.interfaces.importing.columns import MEMBERS
from punchcard.interfaces.jobs.kinds import (
    ExportBalances,
    ExportEntries,
    ExportMembers,
)
from punchcard.interfaces.jobs.wallets import require_wallet
from punchcard.interfaces.values import show_instant
from punchcard.journeys.jobs.work_on_job import complete_job, keep_progress
from punchcard.journeys.list_balances import list_balances
from punchcard.journeys.list_entries import list_entries
from punchcard.journeys.list_members import list_members
from punchcard.kernel.direct import go_direct
from punchcard.kernel.ids import typed
from punchcard.kernel.jobs import JobView
from punchcard.ledger.balances import Balance
from punchcard.ledger.outcomes import Entry
from punchcard.members.queries import MemberView

AnyExport = ExportMembers | ExportBalances | ExportEntries
Cells = tuple[Any, ...]

BALANCE_COLUMNS = (
    "member",
    "available",
    "pending",
    "reserved",
    "lifetime",
    "next_expiry_points",
    "next_expires_at",
)
ENTRY_COLUMNS = (
    "account",
    "sequence",
    "member",
    "type",
    "source",
    "amount",
    "available",
    "pending",
    "reserved",
    "balance",
    "pending_after",
    "reserved_after",
    "lifetime_after",
    "reference_type",
    "reference_id",
    "relates_to",
    "effective_at",
    "recorded_at",
    "available_at",
    "expires_at",
    "actor",
    "description",
    "metadata",
)
MEMBER_COLUMNS = (*MEMBERS.all, "id", "created_at")
_ROWS_BETWEEN_LOOKS = 20_000
_INSTANTS = {"effective_at", "recorded_at", "available_at", "expires_at"}


def run_export(job: JobView, options: AnyExport) -> None:
    """Make the file of a job.

    Raises:
        BadFile: the wallet is not there.
        JobLeft: the job was cancelled, or another one took it up.
        OperationalError: (Django's or psycopg's) the database was lost.
    """
    columns, found, cells = _rows(job, options)
    with TemporaryFile() as file, closing(found), _beside() as beside:
        count = 0
        for count in _write(file, columns, map(cells, found)):
            if count % _ROWS_BETWEEN_LOOKS == 0:
                beside(job=job, rows_done=count)
        keep_progress(job=job, rows_done=count, rows_total=count)
        complete_job(job=job, result=file)


def balance_cells(row: tuple[str, Balance | None]) -> Cells:
    """Return a row of a file of balances."""
    member, balance = row
    if balance is None:
        return (member, 0, 0, 0, 0, 0, "")
    return (
        member,
        balance.available,
        balance.pending,
        balance.reserved,
        balance.lifetime,
        balance.next_expiry_points,
        show_instant(balance.next_expires_at),
    )


@contextmanager
def _beside() -> Iterator[Any]:
    """Give a way to say how far it is, while our transaction only reads."""
    with ThreadPoolExecutor(max_workers=1, initializer=go_direct) as thread:
        try:
            yield lambda **told: thread.submit(keep_progress, **told).result()
        finally:
            # Each thread has a connection of its own.
            thread.submit(_close).result()


def _close() -> None:
    connection.close()


def _write(
    file: IO[bytes], columns: tuple[str, ...], rows: Iterable[Cells]
) -> Iterator[int]:
    """Write rows; yield how many there are after each."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for count, row in enumerate(rows, 1):
        writer.writerow(row)
        yield count
    text.detach()


def _rows(
    job: JobView, options: AnyExport
) -> tuple[tuple[str, ...], Generator[Any, None, None], Callable[[Any], Cells]]:
    """Return the columns, what is listed, and how a row is made of it."""
    if isinstance(options, ExportMembers):
        return MEMBER_COLUMNS, list_members(program=job.program), _member_cells
    wallet = require_wallet(job, options.wallet).id
    if isinstance(options, ExportBalances):
        balances = list_balances(
            program=job.program, wallet=wallet, as_of=options.as_of or job.asked_at
        )
        return BALANCE_COLUMNS, balances, balance_cells
    entries = list_entries(
        program=job.program,
        wallet=wallet,
        effective_from=options.effective_from,
        effective_to=options.effective_to,
    )
    return ENTRY_COLUMNS, entries, _entry_cells


def _member_cells(member: MemberView) -> Cells:
    """Return a row that `import members` understands."""
    person = msgspec.to_builtins(member.person)
    address = person["address"] or {}
    said = {**person, **address, "external_id": member.external_id}
    said["tags"] = ";".join(person["tags"])
    for name in ("attributes", "consents"):
        said[name] = msgspec.json.encode(person[name]).decode() if person[name] else ""
    cells = [said.get(name) or "" for name in MEMBERS.all]
    return (*cells, typed("mem", member.id), show_instant(member.created_at))


def _entry_cells(row: tuple[str | None, Entry]) -> Cells:
    member, entry = row
    said = msgspec.structs.asdict(entry)
    said |= {name: show_instant(said[name]) for name in _INSTANTS}
    said |= {"account": typed("acc", entry.account), "member": member}
    return tuple("" if said[name] is None else said[name] for name in ENTRY_COLUMNS)
