"""`punchcard import balances`, as somebody types it who moves here."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from punchcard.project.servers.postgres import PostgresServer
from tests.interfaces.test_console import ROOT, SOURCE, Console, console
from tests.oracles import opening_balances, order_replay

__all__ = ["console"]

AT = "1998-07-01"
HEADER = "member,points,expires_at,lot,wallet"


def oracle(path: Path, as_of: str, wallet: str = "points") -> str:
    module = "tests.oracles.opening_balances"
    done = subprocess.run(
        [sys.executable, "-m", module, path, wallet, as_of],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout


def write(console: Console, name: str, *lines: str, header: str = HEADER) -> Path:
    path = console.folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def balances(console: Console, program: str, as_of: str, wallet: str) -> str:
    words = ("--csv", "--program", program, "--as-of", as_of, "--wallet", wallet)
    return console.run("balances", *words).out


def held_at_cdnow() -> Iterator[str]:
    """What the shop's customers held on 1 July 1998: a lot a month, a year long."""
    lots: dict[tuple[str, str], int] = defaultdict(int)
    for order in order_replay.read(SOURCE):
        month = order.occurred_at.replace(day=1, hour=0, minute=0)
        ends = month + timedelta(days=400)
        if ends > datetime(1998, 7, 1, tzinfo=UTC):
            lots[order.member, f"{ends:%Y-%m-%d}"] += order.amount_minor
    for (member, ends), points in sorted(lots.items()):
        yield f"{member},{points},{ends},{member}-{ends},"


def count_adjusts(console: Console, program: str) -> int:
    with psycopg.connect(**PostgresServer(console.home).dsn()) as session:
        row = session.execute(
            """
            SELECT count(*) FROM ledger_entry e JOIN ledger_account a
                ON a.id = e.account_id
            WHERE e.type = 'adjust' AND a.wallet_id IN (
                SELECT w.id FROM programs_wallet w JOIN programs_program p
                    ON p.id = w.program_id
                WHERE p.slug = %s)
            """,
            (program,),
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_shop_that_moves_here_holds_what_it_held(console: Console) -> None:
    program = console.program("moved")
    path = write(console, "cdnow.csv", *held_at_cdnow())
    rows = list(opening_balances.read(path))
    words = ("import", "balances", path, *program, "--at", AT, "--enrol")
    done = console.run(*words)
    members, points = {row.member for row in rows}, sum(row.points for row in rows)
    assert f"{len(members):,} new members" in done.out
    assert (
        f"`points`: {len(members):,} members with {len(rows):,} lots of this file, "
        f"{points:,} points; new are {len(rows):,} lots, {points:,} points\n"
    ) in done.out
    listed = balances(console, "moved", AT, "points")
    assert listed == oracle(path, AT)
    assert sum(
        int(row["available"]) for row in csv.DictReader(listed.splitlines())
    ) == (points)
    again = console.run(*words)
    assert "0 applied, 0 new members" in again.out
    assert f"{points:,} points; new are 0 lots, 0 points\n" in again.out
    assert again.out.endswith("Nothing changed.\n")
    for as_of in ("1998-12-01", "1999-04-02T12:00:00Z", "2001-01-01"):
        assert balances(console, "moved", as_of, "points") == oracle(path, as_of)


def test_what_lapses_is_told_by_month_and_by_day(console: Console) -> None:
    program = console.program("forecast")
    console.run("wallet", "create", *program, "--code", "miles")
    lines = [
        "anna,100,2098-01-31,L1,",
        "anna,50,,L2,",
        "bert,1000,2098-02-01,L1,",
        "bert,7,2098-02-02,L2,",
        "bert,900,2098-01-15,L3,miles",
    ]
    path = write(console, "forecast.csv", *lines)
    console.run("import", "balances", path, *program, "--enrol")
    held = balances(console, "forecast", "2097-12-31", "points")
    told = console.run("expiring", *program, "--by", "month", "--csv").out
    # What ends with the midnight of 1 February could be spent all of January.
    assert told.splitlines() == [
        "period,points,first_at,last_at",
        "2098-01,1100,2098-01-31T00:00:00Z,2098-02-01T00:00:00Z",
        "2098-02,7,2098-02-02T00:00:00Z,2098-02-02T00:00:00Z",
    ]
    by_day = ("expiring", *program, "--by", "day", "--csv")
    told = console.run(*by_day, "--until", "2098-02-01").out
    assert [line.split(",")[:2] for line in told.splitlines()[1:]] == [
        ["2098-01-30", "100"],
        ["2098-01-31", "1000"],
    ]
    assert console.run(*by_day, "--as-of", "2098-02-02").out.count("\n") == 1
    shown = console.run("expiring", *program, "--wallet", "miles").out
    assert "2098-01" in shown
    assert "900" in shown
    assert shown.endswith("900 points in all.\n")
    assert balances(console, "forecast", "2097-12-31", "points") == held


def test_debts_wallets_and_lots_without_a_name(console: Console) -> None:
    program = console.program("mixed")
    console.run("wallet", "create", *program, "--code", "miles", "--scale", "2")
    lines = [
        "anna,100,2098-01-01,L1,",
        "anna,50,,L2,",
        "anna,-30,,L3,",
        "bo,-80,,,",
        "bo,100,2098-01-01,,",
        "bo,100,2098-01-01,,",
        "bo,100,2098-01-01,,miles",
        "cy,0,,,",
        "anna,100,2098-01-01,L1,",
        "cy,-7,,debt,miles",
    ]
    path = write(console, "mixed.csv", *lines)
    done = console.run("import", "balances", path, *program, "--enrol")
    assert "8 applied, 3 new members" in done.out
    assert "1 known already" in done.out
    assert "1 of 0 points" in done.out
    assert "`miles`: 2 members with 2 lots of this file, 93 points" in done.out
    assert "`points`: 2 members with 6 lots of this file, 240 points" in done.out
    for wallet in ("points", "miles"):
        assert balances(console, "mixed", "2090-01-01", wallet) == (
            oracle(path, "2090-01-01", wallet)
        )
    # The same rows in another order, one of them once more: that one is new.
    path = write(console, "mixed.csv", *lines[::-1], lines[4])
    again = console.run("import", "balances", path, *program)
    assert "1 applied, 0 new members" in again.out
    assert "new are 1 lots, 100 points" in again.out


def test_broken_rows_go_to_a_file_and_the_rest_goes_on(console: Console) -> None:
    program = console.program("halves")
    lines = [
        "anna,100,2098-01-01,L1,",
        "bo,100,2001-01-01,L2,",
        "bo,1,2098-01-01,L1,",
        "cy,1,2098-01-01,L1,silver",
        "anna,200,2098-01-01,L1,",
        "dee,5,1 May,L1,",
    ]
    path = write(console, "halves.csv", *lines)
    done = console.run("import", "balances", path, *program, code=3)
    assert "0 applied, 0 new members" in done.out
    assert done.out.endswith("Nothing changed.\n")
    done = console.run("import", "balances", path, *program, "--enrol", code=3)
    with path.with_name("halves.csv.errors.csv").open() as file:
        found = list(csv.reader(file))
    assert [(row[0], row[1], row[3]) for row in found[1:]] == [
        ("5", "wallet", "silver"),
        ("7", "expires_at", "1 May"),
        ("6", "lot", "L1"),
        ("3", "expires_at", "2001-01-01T00:00:00Z"),
    ]
    assert found[3][2] == "stands in line 2 with other contents"
    assert found[4][2] == "has passed: these points have lapsed"
    assert "2 applied, 2 new members" in done.out
    # Somebody who was imported with a lot of another size.
    path.write_text(f"{HEADER}\nanna,1,2098-01-01,L1,\nzoe,1,,L1,\n")
    console.run("import", "balances", path, *program, code=3)
    with path.with_name("halves.csv.errors.csv").open() as file:
        found = list(csv.reader(file))
    assert [row[:3] for row in found[1:]] == [
        ["2", "lot", "is known already, with other contents or other terms"],
        [
            "3",
            "member",
            "is no member of `halves`: import the members first, or say --enrol",
        ],
    ]


def test_what_cannot_be_imported_stops_with_nothing_done(console: Console) -> None:
    program = console.program("still")
    path = write(console, "still.csv", "anna,5,,L1,")
    for words, sentence in (
        ((*program, "--at", "2998-01-01"), "--at is later than now"),
        ((*program, "--wallet", "gold"), "has no wallet `gold`; it has: points"),
        (("--program", "absent"), "There is no program `absent`"),
        ((*program, "--map", "lot=bucket"), "no column `bucket` (for lot)"),
        ((*program, "--errors", path), "is the file to import"),
    ):
        done = console.run("import", "balances", path, "--enrol", *words, code=1)
        assert done.err.startswith("punchcard: "), done.err
        assert sentence in done.err
    assert count_adjusts(console, "still") == 0


def test_killed_it_completes(console: Console) -> None:
    program = console.program("cut")
    total = 30_000
    lines = [
        f"m{n % 5_000},{n % 90 + 1},20{n % 50 + 40}-01-01,L{n}," for n in range(total)
    ]
    path = write(console, "many.csv", *lines)
    words = ("import", "balances", path, *program, "--enrol")
    seen = 0
    for blow in (signal.SIGKILL, signal.SIGINT):
        process = console.start(*words)
        while count_adjusts(console, "cut") <= seen:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(blow)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (-9 if blow == signal.SIGKILL else 130), err
        seen = count_adjusts(console, "cut")
        assert 0 < seen < total * 0.98
    done = console.run(*words)
    assert f"{seen:,} known already" in done.out
    assert f"{total - seen:,} applied" in done.out
    assert balances(console, "cut", "2055-06-01", "points") == oracle(
        path, "2055-06-01"
    )
