"""Jobs on real workers: whoever is killed, what comes of a file is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.sizes import size
from tests.worker.place import Place, a_free_port, answers, until

ORDERS = size(12_000, 400_000)
MEMBERS = size(600, 20_000)
KILLS = size(2, 12)
BROKEN_EVERY = 100
ENDED = {"succeeded", "failed", "cancelled"}


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[str]:
    """Serve the place; give the address."""
    # Who waits for a job here asks often.
    place.settings["PUNCHCARD_RATE_LIMIT"] = "off"
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    with place.running("web", "--port", port, "--workers", 1, ready="") as web:
        until(lambda: answers(url), lambda: web.said)
        yield url


@dataclass
class Client:
    """Somebody who works with a program of their own."""

    http: httpx.Client

    def ask(self, **said: Any) -> str:
        answer = self.http.post("/v1/jobs", json=said)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def send(self, job: str, file: bytes) -> None:
        headers = {"Content-Type": "text/csv"}
        answer = self.http.put(f"/v1/jobs/{job}/file", content=file, headers=headers)
        assert answer.status_code == 202, answer.text

    def look(self, job: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/jobs/{job}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, job: str) -> dict[str, Any]:
        until(
            lambda: self.look(job)["status"] in ENDED,
            lambda: self.look(job),
            of=size(120, 1200),
        )
        return self.look(job)

    def result(self, job: str) -> str:
        answer = self.http.get(f"/v1/jobs/{job}/result")
        assert answer.status_code == 200, answer.text
        return answer.text


def a_client(place: Place, url: str, name: str) -> Client:
    place.run("program", "create", name, "--currency", "EUR")
    scopes = (
        "jobs:read,jobs:write,ledger:read,ledger:earn,members:read,members:write,"
        "members:export"
    )
    made = place.run("key", "create", "--program", name, "--scopes", scopes)
    secret = re.search(r"sk_live_\S+", made)
    assert secret is not None
    headers = {"Authorization": f"Bearer {secret[0]}"}
    return Client(httpx.Client(base_url=url, headers=headers, timeout=120))


def orders() -> bytes:
    lines = ["external_id,occurred_at,member,amount_minor,currency"]
    for n in range(ORDERS):
        # Backwards in time, so that the order of the file is not that of posting.
        day = (ORDERS - n) * 700 // ORDERS
        at = f"{2024 + day // 350}-{1 + day % 350 // 30:02}-{1 + day % 30 % 28:02}"
        amount = "much" if n % BROKEN_EVERY == 7 else str(100 + n % 9_000)
        lines.append(f"o{n},{at},m{n * 7919 % MEMBERS},{amount},EUR")
    return "\n".join(lines).encode()


def test_an_import_whose_workers_are_killed_comes_out_as_undisturbed(
    place: Place, served: str, caplog: pytest.LogCaptureFixture
) -> None:
    # There are thousands of requests.
    caplog.set_level("WARNING", logger="httpx")
    file = orders()
    calm, stormy = a_client(place, served, "calm"), a_client(place, served, "stormy")
    with place.worker("calm") as worker:
        undisturbed = calm.ask(kind="import_orders")
        calm.send(undisturbed, file)
        whole = calm.ended(undisturbed)
        worker.stop()
    broken = len(range(7, ORDERS, BROKEN_EVERY))
    assert whole["status"] == "succeeded"
    assert (whole["rows"]["applied"], whole["rows"]["broken"]) == (
        ORDERS - broken,
        broken,
    )

    job = stormy.ask(kind="import_orders")
    seen = [0]
    with ExitStack() as stack:
        # A message that was long under way is nobody's any more when its worker dies:
        # then it is the schedule that sends the next one for the job.
        stack.enter_context(place.running("beat", ready="Beat sends"))
        place.hurry()
        worker = stack.enter_context(place.worker("storm-0"))
        stormy.send(job, file)
        for kill in range(1, KILLS + 1):
            # A good way on from where the last one was killed.
            step = ORDERS * kill // (KILLS + 2)

            def is_further(to: int = step) -> bool:
                return int(stormy.look(job)["rows"]["done"]) >= to

            until(is_further, lambda: stormy.look(job), of=120)
            worker.kill()
            seen.append(stormy.look(job)["rows"]["done"])
            assert seen[-2] < seen[-1] < ORDERS, "the kill hit nothing"
            assert stormy.look(job)["status"] == "running"
            worker = stack.enter_context(place.worker(f"storm-{kill}"))
        done = stormy.ended(job)
        exports = [
            (client, client.ask(kind=kind))
            for kind in ("export_balances", "export_entries", "export_members")
            for client in (calm, stormy)
        ]
        for client, export in exports:
            assert client.ended(export)["status"] == "succeeded"
        worker.stop()
    print(f"{ORDERS:,} orders; workers were killed at {seen[1:]} rows")

    assert (done["status"], done["rows"]) == ("succeeded", whole["rows"])
    assert stormy.result(job) == calm.result(undisturbed)
    (calm_held, held), (calm_entries, entries), (calm_who, who) = [
        (calm.result(exports[n][1]), stormy.result(exports[n + 1][1]))
        for n in (0, 2, 4)
    ]
    assert held == calm_held
    assert without_ids(entries) == without_ids(calm_entries)
    for client in (calm, stormy):
        client.http.close()
    assert len(entries.splitlines()) == 1 + ORDERS - broken
    members = 1 + whole["rows"]["members_created"]
    assert len(who.splitlines()) == len(calm_who.splitlines()) == members


def without_ids(entries: str) -> list[str]:
    """Return the rows, but for the ids of accounts and when they were written."""
    found = []
    for line in entries.splitlines()[1:]:
        _, sequence, member, *rest = line.split(",")
        # `recorded_at` and who did it are each program's own.
        found.append(",".join([member, sequence.zfill(6), *rest[:14]]))
    return sorted(found)
