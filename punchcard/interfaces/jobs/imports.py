"""Files that were sent, imported: on from the row where the job stands."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec

from punchcard.interfaces.importing import balances, orders, returns
from punchcard.interfaces.importing.balances import BalanceImport
from punchcard.interfaces.importing.csv_files import CsvFile, read_csv
from punchcard.interfaces.importing.members import MemberImport
from punchcard.interfaces.importing.orders import OrderImport
from punchcard.interfaces.importing.returns import ReturnImport
from punchcard.interfaces.importing.running import Batch, FileImport, Follower
from punchcard.interfaces.importing.tally import Tally
from punchcard.interfaces.jobs.kinds import (
    COLUMNS,
    ImportBalances,
    ImportMembers,
    ImportOrders,
    ImportReturns,
)
from punchcard.interfaces.jobs.wallets import require_wallet
from punchcard.journeys import import_balances, import_members, import_orders
from punchcard.journeys.jobs.work_on_job import complete_job, keep_progress
from punchcard.kernel import job_work
from punchcard.kernel.job_files import Fault, open_file
from punchcard.kernel.jobs import JobView
from punchcard.programs.queries import (
    ProgramView,
    get_program,
    list_wallets,
    program_now,
)

AnyImport = ImportMembers | ImportOrders | ImportReturns | ImportBalances
_REMEDY = 'Say "columns": {{"{}": its name there}}.'
_FAULTS_AT_ONCE = 5_000


def run_import(job: JobView, options: AnyImport) -> None:
    """Import the file of a job.

    Raises:
        BadFile: it cannot be read, or the wallet is not there.
        JobLeft: the job was cancelled, or another one took it up.
        OperationalError: (Django's or psycopg's) the database was lost.
    """
    with open_file(job=job.id, part="input") as raw:
        file = read_csv(
            raw,
            COLUMNS[job.kind],
            options.columns,
            name="The file",
            size=None,
            remedy=_REMEDY,
        )
        program = get_program(program=job.program)
        _importer(job, options, file, program).run(_Keeper(job))
    complete_job(job=job)


def _importer(
    job: JobView, options: AnyImport, file: CsvFile, program: ProgramView
) -> FileImport[Any]:
    def now() -> datetime:
        # A test clock may go forward meanwhile.
        return program_now(get_program(program=job.program))

    if isinstance(options, ImportMembers):
        to = import_members.Terms(author=job.author, program=job.program)
        return MemberImport(file=file, terms=to, clock=now)
    if isinstance(options, ImportReturns):
        return ReturnImport(
            file=file,
            rules=returns.Rules(now=job.asked_at),
            program=job.program,
            author=job.author,
            clock=now,
        )
    wallet = require_wallet(job, options.wallet)
    if isinstance(options, ImportOrders):
        said = options.points_per_unit
        rate = orders.rate_for(program, None if said is None else Fraction(said))
        terms = import_orders.Terms(
            program=job.program,
            wallet=wallet.id,
            rate=rate,
            pending=options.pending,
            validity=options.validity,
            author=job.author,
        )
        return OrderImport(
            file=file,
            # Judged as of when it was asked for: the same file has the same faults.
            rules=orders.Rules(
                rate=rate,
                now=job.asked_at,
                currency=program.currency,
            ),
            open_terms=lambda _: terms,
            clock=now,
        )
    return BalanceImport(
        file=file,
        rules=balances.Rules(
            program=program.slug,
            wallets=frozenset(one.code for one in list_wallets(program=program.id)),
            wallet=wallet.code,
            reason=options.reason,
            at=options.at or job.asked_at,
        ),
        terms=import_balances.Terms(
            author=job.author, program=job.program, at=options.at, enrol=options.enrol
        ),
        clock=now,
    )


class _Keeper(Follower):
    """Writes into the job what became of each batch, in the batch's transaction.

    The same file has the same broken rows: those found while reading are written and
    counted once, and of what is done the rest was good.
    """

    def __init__(self, job: JobView) -> None:
        self._job = job
        self._tally = msgspec.convert(job.tally, Tally)
        self._done = job.rows_done
        self._kept = self._tally
        self._broken = 0
        self._waiting: list[Fault] = []

    def fault(self, fault: Fault) -> None:
        self._broken += 1
        if self._job.rows_total is None:
            self._waiting.append(fault)
            if len(self._waiting) == _FAULTS_AT_ONCE:
                self._write_faults()

    def reading(self, position: int) -> None:
        """Nothing: of a file in pieces nobody knows the size."""

    def posting(self, count: int) -> int:
        if self._job.rows_total is None:
            self._write_faults()
            self._done, self._tally = self._broken, Tally(broken=self._broken)
            keep_progress(
                job=self._job,
                rows_done=self._done,
                rows_total=self._broken + count,
                tally=self._tally,
            )
        return self._done - self._broken

    def keep(self, batch: Batch) -> None:
        kept = job_work.keep_progress(
            job=self._job.id,
            attempt=self._job.attempt,
            rows_before=self._done,
            rows_done=self._done + batch.rows,
            tally=msgspec.to_builtins(self._tally + batch.tally),
            faults=batch.faults,
        )
        # Where a COMMIT was lost and stands, the rows are known by now: the first
        # tally is the true one.
        self._kept = msgspec.convert(kept, Tally)

    def posted(self, batch: Batch) -> None:
        self._tally = self._kept
        self._done += batch.rows

    def _write_faults(self) -> None:
        if self._waiting:
            keep_progress(job=self._job, rows_done=0, faults=self._waiting)
            self._waiting = []
