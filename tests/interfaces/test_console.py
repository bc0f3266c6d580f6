"""The `punchcard` command, as somebody types it: processes, files, exit codes."""

from __future__ import annotations

import csv
import gzip
import lzma
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from punchcard.project.servers.postgres import PostgresServer
from punchcard.project.servers.valkey import ValkeyServer
from tests.oracles import order_replay
from tests.secret import SECRET_KEY
from tests.sizes import SOAK

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("punchcard")
SAMPLE = ROOT / "punchcard/interfaces/console/demo/cdnow_sample.csv.xz"
CDNOW = ROOT.parent / "shared/data/cdnow_purchases.csv.xz"
SOURCE = CDNOW if SOAK and CDNOW.exists() else SAMPLE
MAP = ("--map", "external_id=event_id,occurred_at=ts,member=customer")
TERMS = ("--points-per-unit", "1", "--pending", "P3D", "--validity", "P365D")
HEADER = "event_id,ts,customer,amount_minor,currency\n"


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass
class Console:
    """A home of its own, and maybe a database of its own in it."""

    home: Path
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        return kept | {"PUNCHCARD_HOME": str(self.home)} | self.extra

    def start(self, *words: object, **options: object) -> subprocess.Popen[str]:
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen(
            [COMMAND, *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=self.folder,
            preexec_fn=hear_interrupts,
            **options,  # type: ignore[call-overload]
        )

    def run(self, *words: object, code: int = 0, **options: object) -> Done:
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, (words, process.returncode, out, err)
        assert "Traceback" not in err
        return Done(process.returncode, out, err)

    def balances(self, program: str, as_of: str) -> str:
        words = ("balances", "--csv", "--program", program, "--as-of", as_of)
        return self.run(*words).out

    def write(self, name: str, *lines: str) -> Path:
        path = self.folder / name
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
        return path

    def program(self, slug: str) -> tuple[str, str]:
        self.run("program", "create", slug, "--currency", "USD")
        return "--program", slug

    def database(self, name: str) -> Console:
        """Return the same console over an empty database of this server."""
        address = PostgresServer(self.home).dsn()
        with psycopg.connect(**address, autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        url = f"postgresql://{address['user']}@/{name}?host={address['host']}"
        return Console(self.home, self.folder, outside(url))


def hear_interrupts() -> None:
    """Undo what a shell does to whatever it starts in the background.

    Such a process ignores Ctrl-C, as do all that it starts: the tests' own too.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def outside(url: str) -> dict[str, str]:
    """Return the settings of a database that is not the embedded one."""
    return {
        "DATABASE_URL": url,
        "PUNCHCARD_SECRET_KEY": SECRET_KEY,
        "PUNCHCARD_ALLOWED_HOSTS": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def console(migrated: Path) -> Iterator[Console]:
    with tempfile.TemporaryDirectory(prefix="punchcard-console-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        made = Console(Path(folder) / "home", work)
        shutil.copytree(migrated, made.home, symlinks=True)
        PostgresServer(made.home).ensure()
        yield made
        assert made.run("verify").out.endswith("Clean.\n")
        made.run("down")


def test_what_only_reads_makes_no_tables_and_says_what_to_run() -> None:
    with tempfile.TemporaryDirectory(prefix="punchcard-console-") as folder:
        new = Console(Path(folder) / "home", Path(folder))
        for _ in range(2):
            assert "`punchcard migrate`" in new.run("balances", code=1).err
        new.run("down")


def oracle(path: Path, as_of: str) -> str:
    module = "tests.oracles.order_replay"
    done = subprocess.run(
        [sys.executable, "-m", module, path, as_of],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout


def count_entries(console: Console, program: str) -> int:
    with psycopg.connect(**PostgresServer(console.home).dsn()) as session:
        row = session.execute(
            """
            SELECT count(*) FROM ledger_entry e JOIN ledger_account a
                ON a.id = e.account_id
            WHERE e.type = 'earn' AND a.wallet_id IN (
                SELECT w.id FROM programs_wallet w JOIN programs_program p
                    ON p.id = w.program_id
                WHERE p.slug = %s)
            """,
            (program,),
        ).fetchone()
    assert row is not None
    return int(row[0])


# ------------------------------------------------------------------------- import


def test_an_import_equals_the_oracle_and_again_changes_nothing(
    console: Console,
) -> None:
    orders = list(order_replay.read(SOURCE))
    words = ("import", "orders", SOURCE, *MAP, *TERMS)
    first = console.run(*words)
    assert f"{len(orders):,} rows for the new program `default`" in first.out
    assert f"{len({order.member for order in orders}):,} new members" in first.out
    assert console.balances("default", "1997-03-01") == oracle(SOURCE, "1997-03-01")
    again = console.run(*words)
    assert "0 applied" in again.out
    assert again.out.endswith("Nothing changed.\n")
    for as_of in ("1997-03-01", "1998-03-01T12:00:00Z"):
        assert console.balances("default", as_of) == oracle(SOURCE, as_of)
    table = console.run("balances", "--as-of", "1998-03-01").out
    assert re.search(r"and [0-9,]+ more: --csv prints them all", table)
    assert max(map(len, table.splitlines())) <= 80


def test_standard_input_and_gzip_import_the_same(console: Console) -> None:
    program = console.program("packed")
    packed = gzip.compress(lzma.open(SAMPLE).read())
    path = console.folder / "orders.gz"
    path.write_bytes(packed)
    with path.open("rb") as file:
        words = ("import", "orders", "-", *MAP, *TERMS, *program)
        assert "standard input: 2,296 rows" in console.run(*words, stdin=file).out
    assert (
        "Nothing changed."
        in console.run("import", "orders", path, *MAP, *TERMS, *program).out
    )
    assert console.balances("packed", "1998-03-01") == oracle(SAMPLE, "1998-03-01")


def test_broken_rows_go_to_a_file_and_the_rest_goes_on(console: Console) -> None:
    program = console.program("broken")
    path = console.write(
        "some.csv",
        "a,2025-01-01,anna,1000,USD",
        "b,soon,anna,1000,USD",
        "c,2025-01-03,anna,1.5,USD",
        "d,2025-01-04,anna,1000,EUR",
        "a,2025-01-01,anna,1000,USD",
        "a,2025-01-01,anna,2000,USD",
        "e,2025-01-05,bo,99,USD",
        "f,2025-01-06,cy,1000000000000000,USD",
        "g,2999-01-01,cy,100,USD",
    )
    words = ("import", "orders", path, *MAP, *program, "--points-per-unit", "1000")
    done = console.run(*words, code=3)
    expected = [
        ["line", "column", "reason", "value"],
        ["3", "ts", "is no date or time, as in 2026-01-31 or 2026-01-31T12:00:00Z"],
        [
            "4",
            "amount_minor",
            "is no whole number of minor units, as in 1150 for 11.50",
        ],
        ["5", "currency", "is another currency: the program has USD", "EUR"],
        ["9", "amount_minor", "would earn more than 10^15 points"],
        ["10", "ts", "is later than now", "2999-01-01"],
        ["7", "event_id", "stands in line 2 with other contents", "a"],
    ]
    errors = path.with_name("some.csv.errors.csv")
    with errors.open() as file:
        found = list(csv.reader(file))
    assert [row[: len(want)] for row, want in zip(found, expected, strict=True)] == (
        expected
    )
    assert re.search(
        r"1 applied, 2 new members\n +1 known already\n +1 below", done.out
    )
    assert "6 broken" in done.out
    again = console.run(*words, code=3)
    assert "0 applied" in again.out
    assert again.out.endswith("Nothing changed.\n")
    held = console.balances("broken", "2025-02-01").splitlines()
    assert [line.split(",")[:2] for line in held[1:]] == [
        ["anna", "10000"],
        ["bo", "0"],
    ]
    path.write_text(HEADER + "a,2025-01-01,anna,1000,USD\n")
    console.run(*words)
    assert not errors.exists()


def test_what_cannot_be_imported_stops_with_nothing_done(console: Console) -> None:
    program = console.program("stopped")
    good = console.write(
        "good.csv", *(f"o{n},2025-01-01,m{n},100,USD" for n in range(9))
    )
    bad = console.write("bad.csv", "a,soon,anna,1,USD")
    short = console.folder / "short.csv.gz"
    short.write_bytes(gzip.compress(good.read_bytes())[:-9])
    for words, sentence in (
        ((good,), "has no column `external_id`"),
        ((short, *MAP), "cannot be read beyond line"),
        ((bad, *MAP, "--errors", "/dev/full"), "No space left on device"),
    ):
        done = console.run("import", "orders", *words, *program, code=1)
        assert done.err.startswith("punchcard: "), done.err
        assert sentence in done.err
    assert console.balances("stopped", "2026-01-01").count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("balances", "--as-of", "yesterday"), "'yesterday' is no date or time"),
        (("import", "orders", "-", "--pending", "3 days"), "is no duration"),
        (("import", "orders", "-", "--points-per-unit", "0"), "is no number of points"),
        (("import", "orders", "-", "--map", "who=x"), "ours are external_id"),
    ],
)
def test_a_wrong_argument_is_said_to_be_one(
    console: Console, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in console.run(*words, code=2).err


def test_killed_interrupted_and_cut_off_it_completes(console: Console) -> None:
    """SIGKILL, then Ctrl-C, then the database stopped: run again, it is all there."""
    program = console.program("killed")
    start = datetime(2020, 1, 1, tzinfo=UTC)
    total = 20_000
    path = console.write(
        "many.csv",
        *(
            f"o{n},{start + timedelta(hours=n % 9_000):%Y-%m-%dT%H:%M:%S},"
            f"m{n % 997},{n % 5_000},USD"
            for n in range(total)
        ),
    )
    words = ("import", "orders", path, *MAP, *TERMS, *program)
    seen = 0
    for blow, code in (("kill", -9), ("interrupt", 130), ("down", 1)):
        process = console.start(*words)
        while (reached := count_entries(console, "killed")) <= seen:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        seen = reached
        if blow == "down":
            console.run("down")
        else:
            process.send_signal(signal.SIGKILL if blow == "kill" else signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert "Traceback" not in err
        if blow == "down":
            assert "run the same command again" in err
            console.run("sweep", "--now", "1990-01-01")
        seen = count_entries(console, "killed")
        assert 0 < seen < total * 0.98
    done = console.run(*words)
    assert f"{seen:,} known already" in done.out
    assert console.balances("killed", "2021-01-01") == oracle(path, "2021-01-01")


# ------------------------------------------------------------------------- the rest


def test_keys_programs_and_the_ledgers_own_commands(console: Console) -> None:
    program = console.program("tools")
    secret = console.run("key", "create", *program, "--scopes", "ledger:read").out
    assert re.fullmatch(r"sk_live_\S{43}\n", secret)
    taken = console.run("program", "create", "tools", "--currency", "USD", code=1)
    assert "There is a program `tools` already." in taken.err
    absent = console.run("balances", "--program", "absent", code=1)
    assert "no program `absent`" in absent.err
    assert "0 stored values differ" in console.run("rebuild").out
    assert "accounts settled" in console.run("sweep").out
    assert re.search(r"^[\d,]+ events relayed", console.run("relay", "--once").out)
    assert console.run("relay", "--once").out == "0 events relayed.\n"
    assert "no issues" in console.run("manage", "check").out


def told(console: Console, program: str) -> list[str]:
    with psycopg.connect(**PostgresServer(console.home).dsn()) as session:
        found = session.execute(
            "SELECT type FROM kernel_event e JOIN programs_program p"
            " ON p.id = e.program_id WHERE slug = %s ORDER BY position",
            (program,),
        )
        return [name for (name,) in found]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_relay_goes_on_until_it_is_stopped(console: Console, number: int) -> None:
    program = console.program(f"relayed-{number}")
    process = console.start("relay")
    read_until(process, "The relay tells the event log")
    path = console.write("relayed.csv", "1,2020-01-01,anna,100,USD")
    console.run("import", "orders", path, *program, *MAP, *TERMS)
    console.run("sweep")
    deadline = time.monotonic() + 60
    while len(told(console, program[1])) < 6:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert re.fullmatch(r"[\d,]+ events relayed\.\n", out)
    assert told(console, program[1]) == [
        "member.enrolled",
        "order.recorded",
        "order.paid",
        "points.pending",
        "points.activated",
        "points.expired",
    ]


def test_a_full_disk_is_said_and_is_no_success(console: Console) -> None:
    with Path("/dev/full").open("w") as full:
        done = console.run("migrate", stdout=full, code=1)
    assert done.err == "punchcard: the disk is full.\n"


def test_a_database_that_does_not_answer_is_said_in_a_sentence(
    console: Console,
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    away = Console(console.home, console.folder, outside(url))
    done = away.run("migrate", code=1)
    assert done.err.startswith("punchcard: The database does not answer: ")
    assert done.err.count("\n") == 1
    assert "DATABASE_URL names the database" in away.run("down", code=1).err
    wrong = Console(console.home, console.folder, outside("mysql://localhost/x"))
    assert "say postgresql://" in wrong.run("migrate", code=1).err


def test_down_stops_the_broker_too_and_no_server_that_is_not_ours(
    console: Console,
) -> None:
    broker = ValkeyServer(console.home)
    broker.ensure()
    away = Console(console.home, console.folder, outside("postgresql://h/none"))
    theirs = {"REDIS_URL": "redis://h"}
    both = Console(console.home, console.folder, away.extra | theirs)
    assert "not ours to stop" in both.run("down", code=1).err
    assert broker.is_running()
    assert away.run("down").out == "Stopped.\n"
    assert not broker.is_running()
    assert PostgresServer(console.home).is_running()
    broker.ensure()
    assert console.run("down").out == "Stopped.\n"
    assert not broker.is_running()
    assert not PostgresServer(console.home).is_running()
    assert console.run("down").out == "Nothing was running.\n"


def test_the_reference_is_the_same_each_time(console: Console) -> None:
    console.run("reference", "--to", "now")
    for name in ("schema.sql", "openapi.json"):
        text = (console.folder / "now" / name).read_bytes()
        assert text == (ROOT / "docs/reference" / name).read_bytes(), "an earlier time"
        assert not re.search(rb"\d+\.\d+ \(Debian|PostgreSQL 1\d|restrict ", text)
    schema = (console.folder / "now/schema.sql").read_text()
    assert "CREATE TABLE public.ledger_entry" in schema
    assert "CREATE TRIGGER entry_never_changes" in schema


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read_until(process: subprocess.Popen[str], last: str) -> list[str]:
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(last):
            return lines
    raise AssertionError((lines, process.communicate()))


def await_health(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def await_event(port: int, key: str) -> None:
    """Wait until the event log tells of what was imported: a relay is at work."""
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}/v1/events?type=points.pending&limit=1"
    deadline = time.monotonic() + 60
    while not httpx.get(url, headers=headers).json()["data"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out


def test_the_demo_serves_and_its_curl_lines_answer(console: Console) -> None:
    port = free_port()
    process = console.start("demo", "--port", port, "--workers", 1)
    try:
        lines = read_until(process, "Ctrl-C")
        await_health(port)
        taken = console.run("up", "--port", port, code=1)
        assert f"port {port} cannot be listened on" in taken.err
        curls = [line for line in lines if line.startswith("curl")]
        answers = [
            subprocess.run(
                ["bash", "-c", line], capture_output=True, text=True, check=True
            ).stdout
            for line in curls
        ]
        key = re.search(r"sk_test_\S+?(?=')", curls[0])
        assert key is not None
        await_event(port, key[0])
    finally:
        out = stop(process)
    assert "Stopped." in out
    assert len(curls) == 3
    balance, earn, redeem = answers
    available = int(re.search(r'"available":(\d+)', balance)[1])  # type: ignore[index]
    assert available >= 50
    assert '"pending":100' in earn
    assert f'"balance":{available - 50}' in redeem
    # Again on the same day: the very same orders are known.
    again = console.run("demo", "--no-serve")
    assert "2,296 real orders" in again.out


def test_up_prints_a_test_key_on_an_empty_database(console: Console) -> None:
    fresh = console.database("fresh")
    port = free_port()
    process = fresh.start("up", "--web-only", "--port", port, "--workers", 1)
    try:
        lines = read_until(process, "Ctrl-C")
        await_health(port)
        key = next(word for word in " ".join(lines).split() if word.startswith("sk_"))
        assert key.startswith("sk_test_")
        ping = httpx.get(
            f"http://127.0.0.1:{port}/v1/ping",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert ping.status_code == 204
    finally:
        stop(process)
    process = fresh.start("up", "--web-only", "--port", port, "--workers", 1)
    try:
        assert "sk_" not in " ".join(read_until(process, "Ctrl-C"))
        await_health(port)
    finally:
        stop(process)


def test_the_oracle_reads_what_we_ship() -> None:
    assert sum(1 for _ in order_replay.read(SAMPLE)) == 2_296
