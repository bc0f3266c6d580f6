"""One process of a race or a crash test: posts a random load and logs every answer.

`python -m tests.races.worker plan.json number`. A process that comes after a killed one
reads its log first, and asks again, with the same keys, what was not answered.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import django
import msgspec
from django.conf import settings


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
    plan_file, number = Path(sys.argv[1]), int(sys.argv[2])
    plan = msgspec.convert(json.loads(plan_file.read_text()), Plan)
    settings.DATABASES["default"]["NAME"] = plan.database
    django.setup()
    Worker(plan, number).run()


class Worker:
    """The loop of one process."""

    def __init__(self, plan: Plan, number: int) -> None:
        from tests.races import history
        from tests.races.load import Load

        self.plan, self.number = plan, number
        self.calls = history.read(plan.log(number))
        self.load = Load(f"{plan.seed}-{number}-{len(self.calls)}")
        _cut_to_whole_records(plan.log(number))
        self.file = os.open(
            plan.log(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )

    def run(self) -> None:
        """Ask again what was not answered, then go on until the time is over."""
        from tests.races.history import Asked

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
            count += 1
            commands, atomic = self.load.batch(self.plan.rounds[stage])
            if self.plan.survives:
                atomic = False
            now, began = self.plan.now(self.number), time.monotonic()
            self.ask(Asked(count, began, now, atomic, commands))
            if self.number == 0 and count % 5 == 0:
                self.sweep()

    def connect(self) -> None:
        """Connect before the start, where there is a server to connect to."""
        from django.db import connection
        from django.db.utils import OperationalError

        with suppress(OperationalError):
            connection.ensure_connection()

    def ask(self, asked: object) -> None:
        """Post the commands until they are answered; log what is asked and answered."""
        from tests.races.history import Answered, Asked

        assert isinstance(asked, Asked)
        while True:
            asked.now = self.plan.now(self.number)
            self.write(asked)
            outcomes = self.post(asked)
            if outcomes is not None:
                break
        self.write(Answered(asked.number, time.monotonic(), outcomes))
        self.load.learn(outcomes)

    def post(self, asked: object) -> list | None:
        """Post once: through the journey, or by hand to tell how far it came."""
        from django.db import DatabaseError, InterfaceError, connection
        from psycopg import Error

        from punchcard.journeys.post_commands import OutcomeUnknown, post_commands
        from punchcard.kernel.transactions import transaction
        from punchcard.ledger.operations import post
        from tests.races.history import Asked, Lost

        assert isinstance(asked, Asked)
        said = {"commands": asked.commands, "now": asked.now, "atomic": asked.atomic}
        committing = False
        try:
            if self.plan.survives and self.number % 2:
                return post_commands(**said)
            with transaction():
                outcomes = post(**said)
                committing = True
        except (DatabaseError, InterfaceError, Error, OutcomeUnknown) as error:
            if not self.plan.survives:
                raise
            connection.close()
            self.write(Lost(asked.number, committing, f"{type(error)} {error}"))
            time.sleep(0.05)
            return None
        return outcomes

    def sweep(self) -> None:
        """Write what fell due, as the nightly job would."""
        from django.db import DatabaseError, connection
        from psycopg import Error

        from punchcard.ledger.operations import settle_due

        try:
            settle_due(now=self.plan.now(), program=self.plan.program, batch=3)
        except (DatabaseError, Error):
            if not self.plan.survives:
                raise
            connection.close()

    def write(self, record: object) -> None:
        """Append a record: one system call, so that a kill leaves it whole or cut."""
        os.write(self.file, pickle.dumps(record))


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
