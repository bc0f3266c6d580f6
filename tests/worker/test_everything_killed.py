"""Commands are posted while relays, workers, the broker and a consumer are killed.

The consumer ends up with every event, at least once, and of each account in order.
"""

from __future__ import annotations

import os
import queue
import random
import re
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sizes import size
from tests.worker.consumer import is_behind, read_back
from tests.worker.place import (
    Place,
    Running,
    a_free_port,
    answers,
    standing_still,
    until,
)
from tests.worker.sweeping import nobody_writes, sweeps

COMMANDS = size(400, 20_000)
ROUNDS = size(1, 15)
"""In each of which everything is killed once."""

MEMBERS = size(10, 40)
POSTERS = 4
RELAYS, WORKERS = 2, 2
PATIENCE_SECONDS = size(180, 600)

PROGRAM = "killed"
KINDS = ("relay", "worker", "broker", "consumer")


class Posting:
    """Posts commands over HTTP, as many as it is told to, and keeps the answers."""

    def __init__(self, url: str, secret: str, seed: int) -> None:
        self.url, self.secret, self.seed = url, secret, seed
        self.asked: queue.Queue[int | None] = queue.Queue()
        self.answers: list[dict[str, Any]] = []
        self.codes: Counter[str] = Counter()
        self.failures: list[object] = []
        self.threads = [threading.Thread(target=self._work) for _ in range(POSTERS)]
        for thread in self.threads:
            thread.start()

    @property
    def done(self) -> int:
        return sum(self.codes.values()) + len(self.failures)

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def end(self) -> None:
        for _ in self.threads:
            self.asked.put(None)
        for thread in self.threads:
            thread.join()

    def _work(self) -> None:
        with self.client() as client:
            while (number := self.asked.get()) is not None:
                try:
                    self._post(client, number)
                except Exception as error:
                    self.failures.append(error)

    def _post(self, client: httpx.Client, number: int) -> None:
        pick = random.Random(f"{self.seed}-{number}")
        verb, body = pick.choice(
            (
                ("earn", {"points": 10}),
                ("earn", {"points": 5, "pending": "PT1S"}),
                ("redeem", {"points": pick.randint(1, 15)}),
                ("reserve", {"points": 2, "time_to_live": "PT1S"}),
            )
        )
        path = f"/v1/accounts/ext:member-{pick.randrange(MEMBERS)}@points/{verb}"
        headers = {"Idempotency-Key": f"{self.seed}-{number}"}
        answer = client.post(path, json=body, headers=headers)
        while answer.status_code == 429:
            time.sleep(1)
            answer = client.post(path, json=body, headers=headers)
        said = answer.json()
        if answer.status_code == 201:
            self.codes["applied"] += 1
            self.answers.append(said)
        elif said["code"] == "insufficient_points":
            self.codes["insufficient_points"] += 1
        else:
            self.failures.append((answer.status_code, said))


class Installation:
    """The processes of an installation, of which each may be killed."""

    def __init__(self, place: Place, folder: Path, stack: ExitStack) -> None:
        self.place, self.folder, self.stack = place, folder, stack
        self.kills: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{a_free_port()}"
        self.secret = ""
        self.running: dict[str, Running] = {}
        self.started = 0

    def prepare(self) -> None:
        """Make a program and serve it; let beat send a sweep each second."""
        place = self.place
        place.run("program", "create", PROGRAM, "--currency", "USD")
        words = ("--program", PROGRAM, "--scopes", SCOPES)
        found = re.search(r"sk_live_\S+", place.run("key", "create", *words))
        assert found is not None
        self.secret = found[0]
        port = self.url.rpartition(":")[2]
        self._run("web", "web", "--port", port, "--workers", 1)
        self._run("beat", "beat", ready="Beat sends")
        place.hurry()
        for number in range(RELAYS):
            self.start_relay(number)
        for number in range(WORKERS):
            self.start_worker(number)
        until(lambda: answers(self.url), lambda: self.running["web"].said)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            headers = {"Authorization": f"Bearer {self.secret}"}
            for n in range(MEMBERS):
                body = {"external_id": f"member-{n}"}
                said = client.post("/v1/members", json=body, headers=headers)
                assert said.is_success, said.text
        self.start_consumer()

    def _run(self, name: str, *words: object, ready: str = "") -> None:
        run = self.place.running(*words, ready=ready)
        self.running[name] = self.stack.enter_context(run)

    def start_relay(self, number: int) -> None:
        self._run(f"relay {number}", "relay")

    def start_worker(self, number: int) -> None:
        self.started += 1
        words = ("--name", f"w{self.started}", "--processes", 1)
        self._run(f"worker {number}", "worker", *words)

    def start_consumer(self) -> None:
        run = self.place.beside(
            "tests.worker.consumer", self.url, self.folder, said=f"{self.secret}\n"
        )
        self.running["consumer"] = self.stack.enter_context(run)

    def kill(self, kind: str, pick: random.Random) -> None:
        """Kill one of a kind when it works, and start it again a moment later."""
        started_again = getattr(self, f"_kill_{kind}")(pick)
        self.kills[kind] += 1
        time.sleep(pick.random() / 2)
        started_again()

    def _kill_relay(self, pick: random.Random) -> Callable[[], None]:
        number = pick.randrange(RELAYS)
        relays = [self.running[f"relay {n}"] for n in range(RELAYS)]

        def caught() -> bool:
            with standing_still(*relays):
                # Only while something waits is a batch under way, or about to be.
                if not self.waiting():
                    return False
                relays[number].kill()
                return True

        until(caught)
        self.hits["relay"] += 1
        return lambda: self.start_relay(number)

    def _kill_worker(self, pick: random.Random) -> Callable[[], None]:
        del pick
        with nobody_writes(self.place):
            # Whoever finds something due comes to a stop in the middle of it.
            until(lambda: self._busy() is not None, self.all_said)
            number = self._busy()
            assert number is not None
            worker = self.running[f"worker {number}"]
            worker.kill()
            self.hits["worker"] += sweeps(worker) > 0
        return lambda: self.start_worker(number)

    def _busy(self) -> int | None:
        """Return a worker that has a sweep under way, which has found something."""
        for number in range(WORKERS):
            worker = self.running[f"worker {number}"]
            if sweeps(worker):
                time.sleep(0.3)
                if sweeps(worker):
                    return number
        return None

    def _kill_broker(self, pick: random.Random) -> Callable[[], None]:
        del pick
        pid = self.place.broker.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.hits["broker"] += 1
        return self.place.broker.ensure

    def _kill_consumer(self, pick: random.Random) -> Callable[[], None]:
        del pick
        consumer = self.running["consumer"]

        def caught() -> bool:
            with standing_still(consumer):
                if not is_behind(self.folder):
                    return False
                consumer.kill()
                return True

        until(caught)
        self.hits["consumer"] += 1
        return self.start_consumer

    def all_said(self) -> str:
        return "\n".join(f"{name}: {run.said}" for name, run in self.running.items())

    def waiting(self) -> int:
        """Return how much the relays have not told yet."""
        ((count,),) = self.place.rows(
            "SELECT (SELECT count(*) FROM ledger_outbox WHERE relayed_at IS NULL)"
            " + (SELECT count(*) FROM kernel_outbox)"
        )
        return int(count)

    def all_is_told(self) -> bool:
        """Return whether nothing will happen any more, and the consumer has all."""
        due = "SELECT 1 FROM ledger_account WHERE next_due_at IS NOT NULL LIMIT 1"
        if self.place.rows(due) or self.waiting():
            return False
        seen = [event["position"] for event in read_back(self.folder)]
        ((last,),) = self.place.rows("SELECT max(position) FROM kernel_event")
        return last in seen


SCOPES = "ledger:read,ledger:write,members:write,events:read"


def test_a_consumer_misses_nothing_while_everything_is_killed(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # A line for each request would be too much of it.
    caplog.set_level("WARNING", logger="httpx")
    seed = random.randrange(10**9)
    pick = random.Random(seed)
    with ExitStack() as stack:
        ours = Installation(place, tmp_path, stack)
        ours.prepare()
        posting = Posting(ours.url, ours.secret, seed)
        stack.callback(posting.end)
        began = time.monotonic()
        kills = [k for _ in range(ROUNDS) for k in pick.sample(KINDS, len(KINDS))]
        share = -(-COMMANDS // len(kills))
        for number, kind in enumerate(kills):
            for command in range(number * share, (number + 1) * share):
                posting.asked.put(command)
            until(lambda wanted=number * share + share // 2: posting.done >= wanted)
            ours.kill(kind, pick)
        until(lambda: posting.done == share * len(kills), of=PATIENCE_SECONDS)
        posting.end()
        until(ours.all_is_told, ours.all_said, of=PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    events = read_back(tmp_path)
    assert not posting.failures, posting.failures[:5]
    assert_all_is_told_in_order(place, events, posting.answers)
    again = len(events) - len({event["id"] for event in events})
    types = Counter(event["type"] for event in {e["id"]: e for e in events}.values())
    print(
        f"seed {seed}: {posting.done:,} commands in {seconds:.0f} s, "
        f"{dict(posting.codes)}; killed {dict(ours.kills)}, at work "
        f"{dict(ours.hits)}; {types.total():,} events, {again:,} seen again:"
        f" {dict(types)}"
    )
    assert posting.done >= COMMANDS
    assert all(ours.hits[kind] for kind in KINDS), "a kill hit nobody at work"
    assert again, "what was done and not remembered is done again"


def assert_all_is_told_in_order(
    place: Place, events: list[dict[str, Any]], answers: list[dict[str, Any]]
) -> None:
    """Fail unless each entry of the ledger was told, of each account in order."""
    last, ids = 0, {}
    told: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        # After a kill some come again; none is ever passed over.
        assert event["position"] <= last + 1, event
        if event["position"] <= last:
            assert ids[event["position"]] == event["id"]
            continue
        last = event["position"]
        ids[last] = event["id"]
        if event["sequence"] is not None:
            told[event["account"]].append(event["sequence"])
    accounts = place.rows("SELECT id, last_sequence FROM ledger_account")
    from punchcard.kernel.ids import typed

    assert dict(told) == {
        typed("acc", account): list(range(1, sequence + 1))
        for account, sequence in accounts
        if sequence
    }
    for answer in answers:
        entry = answer["entry"]
        assert entry["sequence"] <= len(told[entry["account"]])
    # What nobody asked for was done too: by workers.
    done = {event["data"].get("entry") for event in events}
    assert {"release", "void"} <= done
