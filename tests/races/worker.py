"""The processes of a race or a crash test: each posts a random load and logs answers.

`python -m tests.races.worker plan.json` forks one for each number that it reads, and
tells its pid: what they import is imported once. A process that comes after a killed
one reads its log first, and asks again, with the same keys, what was not answered.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import time
import traceback
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

import django
import msgspec
from django.conf import settings

if TYPE_CHECKING:
    from tests.races.history import Asked
    from tests.races.load import Wish

IMPORTED = (
    "punchcard.journeys.post_commands",
    "punchcard.kernel.audit",
    "punchcard.ledger.balances",
    "punchcard.ledger.sweeping",
    "tests.races.load",
)
CHANGED = "account.status"
"""What the audit calls a change of status by a process of a race."""


class Plan(msgspec.Struct):
    """What all processes of a run have in common."""

    database: str
    folder: str
    program: UUID
    rounds: list[list[UUID]]
    """Accounts, few at a time: each round goes on to the next ones."""
    round_seconds: float
    seconds: float
    origin: datetime
    """Where the clock of the run starts; it runs `scale` times as fast as ours."""
    scale: float
    skew: float = 0.0
    """Seconds (of the run's clock) between the clocks of two processes."""
    seed: str = "1"
    _starts: float = 0.0
    survives: bool = False
    """Ask again when the connection breaks; otherwise any error ends the process."""

    def log(self, number: int) -> Path:
        """Return the file that the process of this number writes."""
        return Path(self.folder) / f"worker-{number}.log"

    @property
    def starts(self) -> float:
        """When the run started, or endlessly late."""
        if not self._starts:
            try:
                self._starts = float((Path(self.folder) / "start").read_text())
            except (FileNotFoundError, ValueError):
                return float("inf")
        return self._starts

    def now(self, number: int = 0) -> datetime:
        """Return the instant on this process's clock."""
        passed = (time.time() - self.starts) * self.scale
        return self.origin + timedelta(seconds=passed + number * self.skew)


def main() -> None:
    plan = msgspec.convert(json.loads(Path(sys.argv[1]).read_text()), Plan)
    settings.DATABASES["default"]["NAME"] = plan.database
    django.setup()
    for module in IMPORTED:
        import_module(module)
    # Who has ended is gone: nobody here waits for it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            live(plan, int(line))
        print(pid, flush=True)


def live(plan: Plan, number: int) -> NoReturn:
    """Be the process of this number; at the end leave word of how it was."""
    folder, code = Path(plan.folder), 1
    errors = (folder / f"worker-{number}.err").open("ab")
    os.dup2(errors.fileno(), sys.stderr.fileno())
    try:
        Worker(plan, number).run()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        (folder / f"ended-{os.getpid()}").write_text(str(code))
        os._exit(code)


class Worker:
    """The loop of one process."""

    def __init__(self, plan: Plan, number: int) -> None:
        from tests.races import history
        from tests.races.load import Load

        self.plan, self.number = plan, number
        self.calls = history.read(plan.log(number)).calls
        self.load = Load(
            # A process that comes after a killed one wishes for something else.
            f"{plan.seed}-{number}-{_size(plan.log(number))}",
            # Asked again it says nothing of the other accounts.
            several=not plan.survives,
        )
        self.changes = 0
        _cut_to_whole_records(plan.log(number))
        self.file = os.open(
            plan.log(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )

    def run(self) -> None:
        """Ask again what was not answered, then go on until the time is over."""
        self.connect()
        (Path(self.plan.folder) / f"ready-{self.number}").touch()
        while time.time() < self.plan.starts:
            time.sleep(0.005)
        for call in self.calls:
            if call.answered is None:
                self.ask(call.asked)
        count = len(self.calls)
        stop = Path(self.plan.folder) / "stop"
        while (passed := time.time() - self.plan.starts) < self.plan.seconds:
            if stop.exists():
                break
            stage = int(passed / self.plan.round_seconds) % len(self.plan.rounds)
            count += self.fulfil(self.load.next(self.plan.rounds[stage]), count + 1)
            if self.number == 0 and count % 5 == 0:
                self.sweep()

    def fulfil(self, wish: Wish, number: int) -> int:
        """Do what the load wants; return how many calls of `post` that was."""
        from tests.races.history import Asked

        if wish.look is not None:
            self.look(wish.account, self.plan.now(self.number) + wish.look)
        if wish.commands:
            now, began = self.plan.now(self.number), time.monotonic()
            self.ask(Asked(number, began, now, wish.atomic, wish.commands))
        if wish.status is not None:
            while not self.change(wish.account, wish.status):
                time.sleep(0.05)
        return bool(wish.commands)

    def connect(self) -> None:
        """Connect before the start, where there is a server to connect to."""
        from django.db import connection
        from django.db.utils import OperationalError

        with suppress(OperationalError):
            connection.ensure_connection()

    def ask(self, asked: Asked) -> None:
        """Post the commands until they are answered; log what is asked and answered."""
        from tests.races.history import Answered

        while True:
            asked.now = self.plan.now(self.number)
            self.write(asked)
            outcomes = self.post(asked)
            if outcomes is not None:
                break
        self.write(Answered(asked.number, time.monotonic(), outcomes))
        self.load.learn(outcomes)

    def post(self, asked: Asked) -> list | None:
        """Post once: through the journey, or by hand to tell how far it came."""
        from punchcard.journeys.post_commands import OutcomeUnknown, post_commands
        from punchcard.kernel.transactions import transaction
        from punchcard.ledger.operations import post
        from tests.races.history import Lost

        said = {"commands": asked.commands, "now": asked.now, "atomic": asked.atomic}
        committing = False
        try:
            if self.plan.survives and self.number % 2:
                return post_commands(**said)
            with transaction():
                outcomes = post(**said)
                committing = True
        except (*broken(), OutcomeUnknown) as error:
            self.reconnect()
            self.write(Lost(asked.number, committing, f"{type(error)} {error}"))
            time.sleep(0.05)
            return None
        return outcomes

    def change(self, account: UUID, status: str) -> bool:
        """Change a status and tell the audit how; say whether that was answered."""
        from punchcard.kernel.audit import Author, Change, record_changes
        from punchcard.kernel.ids import typed
        from punchcard.kernel.transactions import transaction
        from punchcard.ledger import errors
        from punchcard.ledger.operations import change_status
        from punchcard.ledger.queries import get_account
        from tests.races.history import Changed

        self.changes += 1
        name = f"{self.load.name}-{os.getpid()}-{self.changes}"
        now = self.plan.now(self.number)
        author = Author(actor="system", program=self.plan.program)
        try:
            with transaction():
                before = change_status(account=account, status=status, now=now)
                sequence = get_account(account=account).last_sequence
                changed = Changed(name, account, before, status, sequence, now)
                fields = msgspec.to_builtins(changed)
                change = Change(
                    action=CHANGED, target=typed("acc", account), fields=fields
                )
                record_changes(author=author, changes=[change], now=now)
        except (errors.AccountClosed, errors.AccountNotEmpty):
            return True
        except broken():
            self.reconnect()
            return False
        self.write(changed)
        return True

    def look(self, account: UUID, as_of: datetime) -> None:
        """Read a balance as anybody does, and what others did last, to undo it."""
        from punchcard.ledger.balances import balance_as_of
        from punchcard.ledger.queries import get_account, list_entries
        from tests.races.history import Looked

        try:
            earliest = get_account(account=account).last_sequence
            found = balance_as_of(account=account, as_of=as_of)
            latest = get_account(account=account).last_sequence
            entries = list_entries(account=account, limit=20)
        except broken():
            self.reconnect()
            return
        numbers = (found.available, found.pending, found.reserved, found.lifetime)
        self.write(Looked(account, as_of, earliest, latest, numbers))
        for entry in reversed(entries):
            self.load.learn_entry(entry)

    def sweep(self) -> None:
        """Write what fell due, as the nightly job would."""
        from punchcard.ledger.sweeping import settle_due

        try:
            settle_due(now=self.plan.now(), program=self.plan.program, batch=3)
        except broken():
            self.reconnect()

    def reconnect(self) -> None:
        """Go on with a new connection, where the plan is to survive."""
        from django.db import connection

        if not self.plan.survives:
            raise  # noqa: PLE0704 - called where an error is handled
        connection.close()

    def write(self, record: object) -> None:
        """Append a record: one system call, so that a kill leaves it whole or cut."""
        os.write(self.file, pickle.dumps(record))


def broken() -> tuple[type[Exception], ...]:
    """Return what Django and psycopg raise when the database is lost."""
    from django.db import DatabaseError, InterfaceError
    from psycopg import Error

    return DatabaseError, InterfaceError, Error


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _cut_to_whole_records(log: Path) -> None:
    if not log.exists():
        return
    with log.open("r+b") as file:
        whole = 0
        while True:
            try:
                pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                break
            whole = file.tell()
        file.truncate(whole)


if __name__ == "__main__":
    main()
