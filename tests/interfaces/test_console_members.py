"""`punchcard import members`, as somebody types it who moves here."""

from __future__ import annotations

import csv
import signal
import time

import psycopg

from punchcard.project.servers.postgres import PostgresServer
from tests.interfaces.test_console import Console, console

__all__ = ["console"]

HEADER = "external_id,email,city,note\n"


def count_members(console: Console, program: str) -> int:
    with psycopg.connect(**PostgresServer(console.home).dsn()) as session:
        row = session.execute(
            "SELECT count(*) FROM members_member m JOIN programs_program p"
            " ON p.id = m.program_id WHERE p.slug = %s",
            (program,),
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_members_are_enrolled_once_and_conflicts_named(console: Console) -> None:
    program = console.program("people")
    path = console.folder / "members.csv"
    path.write_text(
        HEADER + "anna,anna@example.org,Lyon,x\nbo,,,\nanna,anna@example.org,Lyon,y\n"
        "cy,nobody,,\nanna,other@example.org,,\n"
    )
    words = ("import", "members", path, *program)
    done = console.run(*words, code=3)
    assert "2 applied, 2 new members" in done.out
    assert "1 known already" in done.out
    assert "Columns that are not read: note\n" in done.out
    again = console.run(*words, code=3)
    assert again.out.endswith("Nothing changed.\n")
    path.write_text(HEADER + "anna,anna@example.net,Paris,\nbo,bo@example.org,,\n")
    done = console.run(*words, code=3)
    assert "1 applied, 0 new members" in done.out, "bo was a stranger until now"
    with path.with_name("members.csv.errors.csv").open() as file:
        found = list(csv.reader(file))
    assert found[1:] == [
        [
            "2",
            "external_id",
            "is known already, with another email, city: change it there",
            "anna",
        ]
    ]
    listed = console.run("balances", "--csv", *program).out.splitlines()
    assert [line.partition(",")[0] for line in listed] == ["member", "anna", "bo"]


def test_killed_it_completes(console: Console) -> None:
    program = console.program("crowd")
    total = 20_000
    path = console.folder / "crowd.csv"
    path.write_text(HEADER + "".join(f"m{n},m{n}@x.org,,\n" for n in range(total)))
    words = ("import", "members", path, *program)
    process = console.start(*words)
    while not count_members(console, "crowd"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    seen = count_members(console, "crowd")
    assert 0 < seen < total
    done = console.run(*words)
    assert f"{total - seen:,} applied, {total - seen:,} new members" in done.out
    assert f"{seen:,} known already" in done.out
    assert count_members(console, "crowd") == total
