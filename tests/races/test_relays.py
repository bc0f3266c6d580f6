"""A reader misses nothing, whatever posts, relays, and is killed meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from punchcard.journeys import relay_events as relaying
from punchcard.journeys.change_account_status import change_account_status
from punchcard.journeys.relay_events import relay_events
from punchcard.kernel import sql
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.kernel.events import list_events
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import post
from tests.builders import Ledger, rows
from tests.interfaces.conftest import Api, make_api
from tests.races.running import REPOSITORY
from tests.races.test_contests import at_once
from tests.sizes import size

RELAYS, POSTERS, ACCOUNTS = 2, 2, 6
ENTRIES = size(1_000, 20_000)
KILLS = size(3, 40)
PATIENCE_SECONDS = size(120, 1_800)


class Process:
    """A process of the race, whether it works, and what it complained of."""

    def __init__(self, folder: Path, role: str, *words: object) -> None:
        name = f"{role}-{time.monotonic_ns()}"
        self.ready, self.errors = folder / name, folder / f"{name}.err"
        database = connection.settings_dict["NAME"]
        with self.errors.open("wb") as stderr:
            self.running = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.races.relaying"),
                    *(role, database, folder, name, *map(str, words)),
                ],
                cwd=REPOSITORY,
                env=os.environ,
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )

    def complaint(self) -> str:
        return self.errors.read_text(errors="replace")[-3_000:]


class Reader:
    """Reads the log by cursor, page by page, from its beginning."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.events: list[dict[str, Any]] = []
        self.cursor = ""

    def read(self) -> int:
        """Read a page; return how many events it had."""
        query = f"&cursor={self.cursor}" if self.cursor else ""
        page = self.api.get(f"/v1/events?limit=23{query}").body
        self.events += page["data"]
        self.cursor = page["resume_cursor"]
        return len(page["data"])


def waiting(accounts: list[UUID]) -> int:
    found = rows(
        "SELECT (SELECT count(*) FROM ledger_outbox WHERE relayed_at IS NULL"
        " AND account_id = ANY(%s)) + (SELECT count(*) FROM kernel_outbox"
        " WHERE account_id = ANY(%s))",
        (sql.Uuids(accounts), sql.Uuids(accounts)),
    )
    return int(found[0][0])


def test_a_reader_misses_nothing_while_relays_are_killed(tmp_path: Path) -> None:
    api = make_api()
    for n in range(ACCOUNTS):
        api.enrol(f"member {n}")
    accounts = [
        account
        for (account,) in rows(
            "SELECT a.id FROM ledger_account a JOIN programs_wallet w"
            " ON w.id = a.wallet_id WHERE w.program_id = %s",
            (api.program,),
        )
    ]
    reader = Reader(api)
    relays = [Process(tmp_path, "relay") for _ in range(RELAYS)]
    posters = [Process(tmp_path, "post", *accounts) for _ in range(POSTERS)]
    kills = together = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while waiting(accounts) or any(p.running.poll() is None for p in posters):
            assert time.monotonic() < deadline, [p.complaint() for p in relays]
            reader.read()
            for process in relays:
                assert process.running.poll() is None, process.complaint()
            if not all(process.ready.exists() for process in relays):
                together = len(reader.events)
            # Only of relays that have worked beside each other is one killed.
            due = len(reader.events) - together >= ENTRIES // KILLS
            if kills < KILLS and due:
                relays[kills % RELAYS].running.kill()
                relays[kills % RELAYS].running.wait()
                relays[kills % RELAYS] = Process(tmp_path, "relay")
                together = len(reader.events)
                kills += 1
            if kills == KILLS and len(reader.events) >= ENTRIES:
                (tmp_path / "stop").touch()
        while reader.read():
            pass
    finally:
        for process in [*relays, *posters]:
            process.running.kill()
            process.running.wait()
    assert [p.running.returncode for p in posters] == [0] * POSTERS
    assert kills == KILLS
    assert_all_is_told(reader.events, accounts)


def assert_all_is_told(events: list[dict[str, Any]], accounts: list[UUID]) -> None:
    """Fail unless there is every entry once, in order, and each status in its place."""
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    told: defaultdict[str, list[int]] = defaultdict(list)
    changes: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        if event["sequence"] is not None:
            told[event["account"]].append(event["sequence"])
        elif event["account"] is not None:
            changes[event["account"]].append(event["type"])
            assert event["data"]["after"] == len(told[event["account"]]), event
    for account in accounts:
        ((last,),) = rows(
            "SELECT last_sequence FROM ledger_account WHERE id = %s", (account,)
        )
        name = typed("acc", account)
        assert told[name] == list(range(1, last + 1))
        audited = rows(
            "SELECT action FROM kernel_audit WHERE target = %s ORDER BY id", (name,)
        )
        assert sorted(changes[name]) == sorted(action for (action,) in audited)
        # Frozen and opened again by turns, whoever did it.
        assert all(a != b for a, b in zip(changes[name], changes[name][1:]))
    assert len(events) >= ENTRIES


def test_what_is_committed_late_is_not_jumped_over(ledger: Ledger) -> None:
    """The older transaction commits last: a reader is past the younger one's events."""
    early, late = ledger.open(2)
    while relay_events().taken:
        pass
    with transaction():
        post(commands=[Earn(account=late, points=1, key="1")], now=ledger.now)

        def meanwhile() -> list[UUID]:
            ledger.one(Earn(account=early, points=1, key="1"))
            while relay_events().taken:
                pass
            return accounts_after(ledger, 0)

        assert at_once([meanwhile]) == [[early]]
    assert accounts_after(ledger, 1) == []
    while relay_events().taken:
        pass
    assert accounts_after(ledger, 1) == [late]


def accounts_after(ledger: Ledger, position: int) -> list[UUID]:
    found = rows(
        "SELECT account_id FROM kernel_event WHERE program_id = %s AND position > %s"
        " ORDER BY position",
        (ledger.program, position),
    )
    return [account for (account,) in found]


def test_what_happens_while_a_relay_looks_is_told_in_its_order(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status changes, and an entry follows, between a relay's first two looks."""
    account = ledger.account()
    ledger.one(Earn(account=account, points=1, key="1"))
    looks: list[str] = []

    def meanwhile() -> None:
        change_account_status(
            account=account,
            status="frozen",
            reason="race",
            author=Author(actor=CONSOLE, program=None),
            now=ledger.now,
        )
        ledger.one(Earn(account=account, points=1, key="2"))

    def looking(name: str) -> Callable[..., Any]:
        look = getattr(relaying, name)

        def looked(**said: Any) -> Any:
            found = look(**said)
            looks.append(name)
            if len(looks) == 1:
                at_once([meanwhile])
            return found

        return looked

    for name in ("find_waiting", "take_announced"):
        monkeypatch.setattr(relaying, name, looking(name))
    while relay_events().taken:
        pass
    assert len(looks) >= 4, "and once more"
    told = list_events(program=ledger.program, limit=10)
    assert [(event.type, event.sequence) for event in told] == [
        ("points.earned", 1),
        ("account.frozen", None),
        ("points.earned", 2),
    ]


@pytest.mark.parametrize("relays", [2, 8])
def test_many_relays_at_once_tell_each_entry_once(ledger: Ledger, relays: int) -> None:
    accounts = ledger.open(20)
    for n in range(5):
        ledger.post(*[Earn(account=a, points=1, key=f"{n}") for a in accounts])

    def drain() -> None:
        for _ in range(500):
            relay_events(posts=3, entries=3)

    at_once([drain] * relays)
    while relay_events().taken:
        pass
    found = rows(
        "SELECT position, account_id, sequence FROM kernel_event"
        " WHERE program_id = %s ORDER BY position",
        (ledger.program,),
    )
    assert [position for position, _, _ in found] == list(range(1, 101))
    for account in accounts:
        assert [s for _, a, s in found if a == account] == [1, 2, 3, 4, 5]
