"""The baseline: points as the usual article builds them, as fast as that can be.

One balance row per user, one ledger row per command, and for each command
BEGIN, SELECT … FOR UPDATE, check, INSERT, UPDATE, COMMIT: six prepared statements,
one round trip each. The baseline runs it with psycopg's cursors, as applications do.
The same text by libpq's own calls and by pgbench shows what the recipe reaches when
the client costs little and next to nothing.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import psycopg
from psycopg.pq import ExecStatus
from psycopg.types.numeric import Int8Dumper

from bench.harness import BASELINE, Bench, Extras
from bench.processes import Ready, fan_out

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

ACCOUNTS = 10_000
POINTS_MAX = 100
EARN_PERCENT = 80
STATEMENTS_PER_COMMAND = 6
# So rich that no redeem of the run is refused: a refusal is cheaper than a command.
OPENING_BALANCE = 1_000_000
# References are <start in seconds><process><sequence>: unique, and ascending within a
# process, which is the order that an index likes best.
REFERENCES_PER_SECOND = 10**9
REFERENCES_PER_PROCESS = 10**7
WARM_UP_COMMANDS = 50

# S608: the numbers put into it are the constants above.
SCHEMA = f"""
DROP SCHEMA IF EXISTS classic CASCADE;
CREATE SCHEMA classic;
CREATE TABLE classic.points_ledger (
    id bigserial PRIMARY KEY,
    user_id bigint NOT NULL,
    type text NOT NULL,
    points bigint NOT NULL,
    source text NOT NULL,
    reference_id text,
    balance_after bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{{}}'
);
CREATE INDEX points_ledger_user_created
    ON classic.points_ledger (user_id, created_at);
CREATE INDEX points_ledger_reference ON classic.points_ledger (reference_id);
CREATE TABLE classic.user_points_balance (
    user_id bigint PRIMARY KEY,
    available bigint NOT NULL,
    pending bigint NOT NULL DEFAULT 0,
    lifetime bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO classic.user_points_balance (user_id, available, lifetime)
SELECT n, {OPENING_BALANCE}, {OPENING_BALANCE} FROM generate_series(1, {ACCOUNTS}) n;
"""

# Parameters are written as pgbench writes them; `_statement` translates.
LOCK = """
SELECT available FROM classic.user_points_balance
WHERE user_id = :user_id FOR UPDATE"""
CHECK = """
SELECT count(*) AS used FROM classic.points_ledger
WHERE reference_id = :reference_id AND user_id = :user_id"""
EARN = """
INSERT INTO classic.points_ledger
    (user_id, type, points, source, reference_id, balance_after, expires_at)
VALUES (:user_id, 'earn', :points, 'purchase', :reference_id, :balance_after,
        now() + interval '365 days')"""
EARN_BALANCE = """
UPDATE classic.user_points_balance
SET available = available + :points, lifetime = lifetime + :points, updated_at = now()
WHERE user_id = :user_id"""
REDEEM = """
INSERT INTO classic.points_ledger
    (user_id, type, points, source, reference_id, balance_after)
VALUES (:user_id, 'redeem', :points, 'redemption', :reference_id, :balance_after)"""
REDEEM_BALANCE = """
UPDATE classic.user_points_balance
SET available = available + :points, updated_at = now()
WHERE user_id = :user_id"""

PGBENCH_SCRIPT = """\
\\set user_id random(1, {accounts})
\\set points {sign}random(1, {points_max})
\\set sequence :sequence + 1
\\set reference_id :base + :client_id * {references_per_process} + :sequence
BEGIN;
{lock} \\gset
{check} \\gset
\\set balance_after :available + :points
\\if :used = 0 and :balance_after >= 0
{insert};
{update};
COMMIT;
\\else
ROLLBACK;
\\endif
"""


class ClassicResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the recipe reached."""

    commands: int
    seconds: float
    ops_per_s: float


def prepare(conninfo: str) -> None:
    """Make the article's tables anew, with their accounts, in schema `classic`."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE classic.user_points_balance")


def run(
    conninfo: str, processes: int = 8, seconds: float = 5.0, *, bare: bool = False
) -> ClassicResult:
    """Earn and redeem for `seconds`, one connection per process.

    With psycopg's cursors, as applications do; `bare` with its wrapper of libpq.
    """
    commands, elapsed = fan_out(
        _work, conninfo, _base(), bare, processes=processes, seconds=seconds
    )
    return ClassicResult(
        commands=commands, seconds=elapsed, ops_per_s=commands / elapsed
    )


def pgbench(
    conninfo: str, seconds: float = 5.0, program: str = "pgbench"
) -> float | None:
    """Return the commands per second of the same SQL under pgbench, 8 connections.

    None when `program` is not installed. pgbench counts whole seconds.

    Raises:
        RuntimeError: pgbench failed, or printed no rate.
    """
    found = shutil.which(program)
    if found is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        earn, redeem = Path(folder, "earn.sql"), Path(folder, "redeem.sql")
        earn.write_text(_script("", EARN, EARN_BALANCE))
        redeem.write_text(_script("-", REDEEM, REDEEM_BALANCE))
        command = [found, "-n", "-M", "prepared", "-c", "8", "-j", "2"]
        command += ["-T", str(max(1, round(seconds)))]
        command += ["-D", "sequence=0", "-D", f"base={_base()}"]
        command += ["-f", f"{earn}@{EARN_PERCENT}"]
        command += ["-f", f"{redeem}@{100 - EARN_PERCENT}"]
        # S603: the program is ours to choose, and there is no shell.
        done = subprocess.run(
            command,
            env=os.environ | _environment(conninfo),
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode or rate is None:
        raise RuntimeError(done.stderr or done.stdout)
    return float(rate[1])


def benches(conninfo: str, seconds: float = 5.0) -> list[Bench]:
    """Return the baseline for the harness, and the same SQL with cheaper clients.

    That is libpq's own calls from Python, and pgbench where it is installed.
    """
    extras: Extras = {"statements_per_op": STATEMENTS_PER_COMMAND}

    def classic(*, bare: bool) -> tuple[int, float, Extras]:
        result = run(conninfo, seconds=seconds, bare=bare)
        return result.commands, result.seconds, extras

    def with_pgbench() -> tuple[float, float, Extras]:
        rate = pgbench(conninfo, seconds)
        assert rate is not None
        whole_seconds = max(1, round(seconds))
        return rate * whole_seconds, whole_seconds, extras

    found = [
        Bench(BASELINE, partial(classic, bare=False)),
        Bench("classic recipe bare libpq", partial(classic, bare=True)),
    ]
    if shutil.which("pgbench"):
        found.append(Bench("classic recipe pgbench", with_pgbench))
    return found


def _base() -> int:
    return int(time.time()) * REFERENCES_PER_SECOND


def _environment(conninfo: str) -> dict[str, str]:
    # By environment, not by argument: other users can read a command line.
    return {
        option.envvar.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.parse(conninfo.encode())
        if option.envvar is not None and option.val is not None
    }


def _script(sign: str, insert: str, update: str) -> str:
    return PGBENCH_SCRIPT.format(
        accounts=ACCOUNTS,
        sign=sign,
        points_max=POINTS_MAX,
        references_per_process=REFERENCES_PER_PROCESS,
        lock=LOCK.strip(),
        check=CHECK.strip(),
        insert=insert.strip(),
        update=update.strip(),
    )


class _Statement(NamedTuple):
    name: bytes
    named: bytes
    """With %(parameters)s, as a cursor takes it."""
    numbered: bytes
    """With $1 parameters, as libpq takes it."""
    parameters: tuple[str, ...]


def _statement(name: str, text: str) -> _Statement:
    parameters = tuple(dict.fromkeys(re.findall(r":(\w+)", text)))
    named = re.sub(r":(\w+)", r"%(\1)s", text)
    numbered = re.sub(
        r":(\w+)", lambda found: f"${parameters.index(found[1]) + 1}", text
    )
    return _Statement(name.encode(), named.encode(), numbered.encode(), parameters)


_LOCK = _statement("lock", LOCK)
_CHECK = _statement("check", CHECK)
_EARN = (_statement("earn", EARN), _statement("earn_balance", EARN_BALANCE))
_REDEEM = (
    _statement("redeem", REDEEM),
    _statement("redeem_balance", REDEEM_BALANCE),
)


class _WithCursor:
    """Statements by way of a cursor: what applications do."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        # One integer type whatever the value, so one prepared statement per text.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.prepare_threshold = 0
        self.cursor = connection.cursor()

    def control(self, command: bytes) -> None:
        self.cursor.execute(command)

    def execute(self, statement: _Statement, values: dict[str, Any]) -> None:
        self.cursor.execute(statement.named, values)

    def number(self, statement: _Statement, values: dict[str, Any]) -> int:
        row = self.cursor.execute(statement.named, values).fetchone()
        assert row is not None
        return int(row[0])


class _Bare:
    """Statements by libpq's own calls: the least that Python can spend on them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.pgconn = connection.pgconn
        for statement in (_LOCK, _CHECK, *_EARN, *_REDEEM):
            self._checked(self.pgconn.prepare(statement.name, statement.numbered))

    def control(self, command: bytes) -> None:
        self._checked(self.pgconn.exec_(command))

    def execute(self, statement: _Statement, values: dict[str, Any]) -> PGresult:
        arguments = [str(values[name]).encode() for name in statement.parameters]
        return self._checked(self.pgconn.exec_prepared(statement.name, arguments))

    def number(self, statement: _Statement, values: dict[str, Any]) -> int:
        return int(self.execute(statement, values).get_value(0, 0) or 0)

    @staticmethod
    def _checked(result: PGresult) -> PGresult:
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise RuntimeError(result.error_message.decode())
        return result


def _work(
    number: int,
    ready: Ready,
    conninfo: str,
    base: int,
    bare: bool,
) -> int:
    first = base + number * REFERENCES_PER_PROCESS
    chance = random.Random(first)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        session = _Bare(connection) if bare else _WithCursor(connection)
        for sequence in range(WARM_UP_COMMANDS):
            _command(session, chance, first + sequence)
        done, sequence = 0, WARM_UP_COMMANDS
        deadline = ready()
        while time.perf_counter() < deadline:
            done += _command(session, chance, first + sequence)
            sequence += 1
    return done


def _command(
    session: _WithCursor | _Bare, chance: random.Random, reference: int
) -> bool:
    """Earn or redeem once; False when it was refused."""
    earns = chance.random() * 100 < EARN_PERCENT
    points = 1 + int(chance.random() * POINTS_MAX)
    values: dict[str, Any] = {
        "user_id": 1 + int(chance.random() * ACCOUNTS),
        "reference_id": str(reference),
        "points": points if earns else -points,
    }
    insert, update = _EARN if earns else _REDEEM
    session.control(b"BEGIN")
    available = session.number(_LOCK, values)
    used = session.number(_CHECK, values)
    values["balance_after"] = available + values["points"]
    if used or values["balance_after"] < 0:
        session.control(b"ROLLBACK")
        return False
    session.execute(insert, values)
    session.execute(update, values)
    session.control(b"COMMIT")
    return True
