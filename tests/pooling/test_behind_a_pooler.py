"""Behind a pooler in transaction mode: the API, the console, workers, beat."""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pooling.poolers import SESSIONS
from tests.worker.place import Place, until

CROWD = 4 * SESSIONS
PATIENCE = 60


@dataclass
class Caller:
    """Who calls the API of a place with a key of one program."""

    address: str
    secret: str

    def send(
        self, method: str, path: str, body: Any = None, key: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key:
            headers["Idempotency-Key"] = key
        return httpx.request(
            method, self.address + path, json=body, headers=headers, timeout=PATIENCE
        )

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def post(self, path: str, body: Any, key: str = "") -> httpx.Response:
        return self.send("POST", path, body, key)

    def enrol(self, member: str) -> str:
        assert self.post("/v1/members", {"external_id": member}).status_code == 201
        return f"/v1/accounts/ext:{member}@points"


@pytest.fixture(scope="module")
def address(place: Place) -> Iterator[str]:
    """Serve the API with two processes of four threads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{served}/health/ready").is_success
        except httpx.TransportError:
            return False

    with place.running("web", "--port", port, "--workers", 2, ready="") as web:
        until(answers, lambda: web.said)
        yield served
        assert "Traceback" not in web.said, web.said


@pytest.fixture
def shop(place: Place, address: str) -> Caller:
    """A key of a test program of its own."""
    program = f"p{secrets.token_hex(6)}"
    place.run("program", "create", program, "--currency", "EUR", "--mode", "test")
    found = re.search(
        r"sk_test_[\w-]+", place.run("key", "create", "--program", program)
    )
    assert found is not None
    return Caller(address, found[0])


def test_every_kind_of_call_is_answered(place: Place, shop: Caller) -> None:
    account, other = shop.enrol("anna"), shop.enrol("bo")
    earned = shop.post(f"{account}/earn", {"points": 100}, "earn")
    assert earned.status_code == 201
    spent = shop.post(f"{account}/redeem", {"points": 40}, "redeem")
    assert spent.status_code == 201
    back = f"{account}/entries/{spent.json()['entry']['sequence']}/refund"
    assert shop.post(back, {"points": 15}, "refund").status_code == 201
    again = shop.post(f"{account}/earn", {"points": 100}, "earn")
    assert again.headers["Idempotent-Replayed"] == "true"
    refused = shop.post(f"{account}/redeem", {"points": 1000}, "too much")
    assert refused.json()["code"] == "insufficient_points"
    said = {"type": "earn", "points": 2, "account": "ext:bo@points"}
    batch = {"commands": [{**said, "key": f"batch {n}"} for n in range(50)]}
    assert shop.post("/v1/entries:batch", batch).json()["refused"] == 0
    assert shop.get(account).json()["balance"]["available"] == 75
    assert shop.get(other).json()["balance"]["available"] == 100
    listed = shop.get(f"{other}/entries?limit=20").json()
    assert (len(listed["data"]), listed["has_more"]) == (20, True)
    exported = shop.get("/v1/members/ext:bo/export")
    assert exported.status_code == 200
    assert len(exported.json()["entries"]) == 50
    assert shop.post("/v1/members/ext:bo/erase", {}).status_code == 200
    assert shop.get("/v1/members/ext:bo/export").status_code == 404
    place.run("relay", "--once")
    events = shop.get("/v1/events?limit=100").json()["data"]
    kinds = Counter(event["type"] for event in events)
    assert kinds["points.earned"] == 51


def test_work_of_several_transactions_is_done_once_for_its_key(shop: Caller) -> None:
    account = shop.enrol("anna")
    shop.post(f"{account}/earn", {"points": 7, "pending": "P3D"}, "earn")
    wallet = {"code": "miles", "name": "Miles"}
    to = {"to": "2035-01-01T00:00:00Z"}
    asked = [("/v1/wallets", wallet, 201), ("/v1/test/clock/advance", to, 200)]
    for path, body, status in asked:
        with ThreadPoolExecutor(CROWD) as pool:
            sent = [pool.submit(shop.post, path, body, path) for _ in range(CROWD)]
        answers = [each.result() for each in sent]
        codes = Counter(answer.status_code for answer in answers)
        assert set(codes) <= {status, 409}, codes
        fresh = [
            answer
            for answer in answers
            if answer.status_code == status
            and "Idempotent-Replayed" not in answer.headers
        ]
        assert len(fresh) == 1
        for answer in answers:
            if answer.status_code == 409:
                assert answer.json()["code"] == "in_flight"
        last = shop.post(path, body, path)
        assert last.headers["Idempotent-Replayed"] == "true"
        assert last.json() == fresh[0].json()
    assert shop.get(account).json()["balance"]["available"] == 7


def test_more_of_such_work_at_once_than_there_are_sessions(shop: Caller) -> None:
    shop.enrol("anna")

    def create(number: int) -> int:
        body = {"code": f"w{number}", "name": "One of many"}
        return shop.post("/v1/wallets", body, f"w{number}").status_code

    # Each has its key claimed while it works: had the claim a session of the
    # pooler's, the first two would wait for a third one for ever.
    with ThreadPoolExecutor(CROWD) as pool:
        assert set(pool.map(create, range(CROWD))) == {201}


def test_the_console_does_all_its_work(place: Place, tmp_path: Path) -> None:
    orders, opening = tmp_path / "orders.csv", tmp_path / "balances.csv"
    lines = [f"{n},2025-01-0{n % 9 + 1}T00:00:00Z,m{n % 7},1000,EUR" for n in range(90)]
    header = "external_id,occurred_at,member,amount_minor,currency"
    orders.write_text("\n".join([header, *lines, ""]))
    opening.write_text("member,points,expires_at,lot,wallet\nm1,50,,opening,\n")
    ours = ("--program", "console")
    place.run("program", "create", "console", "--currency", "EUR")
    terms = ("--points-per-unit", "1", "--pending", "P3D")
    assert "90" in place.run("import", "orders", orders, *terms, *ours)
    place.run("import", "balances", opening, *ours)
    assert "Nothing to do" in place.run("migrate")
    # One was settled when its opening balance came.
    assert "6 accounts" in place.run("sweep")
    assert "relayed" in place.run("relay", "--once")
    held = place.run("balances", "--csv", *ours)
    points = Counter(
        {row.split(",")[0]: row for row in held.splitlines() if row[:1] == "m"}
    )
    assert len(points) >= 7, held
    place.run("seal")
    assert "Clean." in place.run("verify")
    place.run("rebuild")


def test_jobs_are_done_through_it(place: Place, shop: Caller) -> None:
    lines = [f"o{n},2025-01-0{n % 9 + 1},m{n % 7},100,EUR\n" for n in range(90)]
    header = "external_id,occurred_at,member,amount_minor,currency\n"

    def ended(job: str) -> bool:
        said = shop.get(job).json()
        assert said["status"] != "failed", said
        return bool(said["status"] == "succeeded")

    with place.worker("jobs", "--processes", 4):
        asked = {"kind": "import_orders", "points_per_unit": "1"}
        brought = shop.post("/v1/jobs", asked).headers["Location"]
        sent = httpx.put(
            f"{shop.address}{brought}/file",
            content=header + "".join(lines),
            headers={
                "Authorization": f"Bearer {shop.secret}",
                "Content-Type": "text/csv",
            },
            timeout=PATIENCE,
        )
        assert sent.status_code < 300, sent.text
        until(lambda: ended(brought))
        taken = [
            shop.post("/v1/jobs", {"kind": "export_balances", "wallet": "points"})
            for _ in range(SESSIONS + 1)
        ]
        for each in taken:
            until(lambda job=each.headers["Location"]: ended(job))
            found = shop.get(f"{each.headers['Location']}/result").text
            assert len(found.splitlines()) == 1 + 7, found


def test_a_thread_beside_a_transaction_goes_past_it(place: Place) -> None:
    script = (
        "import django; django.setup()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from django.db import connection\n"
        "from punchcard.kernel.direct import go_direct\n"
        "def where():\n"
        "    with connection.cursor() as cursor:\n"
        "        cursor.execute('SELECT 1')\n"
        "    return connection.settings_dict['HOST']\n"
        "with ThreadPoolExecutor(1, initializer=go_direct) as pool:\n"
        "    print(where(), pool.submit(where).result(), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=place.env | {"DJANGO_SETTINGS_MODULE": "punchcard.project.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, beside = done.stdout.split()
    assert ours in place.settings["PUNCHCARD_POOLER_URL"]
    assert beside == place.database.dsn()["host"]


def test_two_who_verify_at_once_do_not_wait_for_each_other(place: Place) -> None:
    with ThreadPoolExecutor(CROWD) as pool:
        done = [pool.submit(place.run, "verify") for _ in range(SESSIONS + 1)]
    assert all("Clean." in each.result() for each in done)


def test_a_worker_does_the_tasks_and_each_once_at_a_time(place: Place) -> None:
    with place.worker("one", "--processes", 4) as worker:
        for task, queue in (
            ("settle_due_points", "normal"),
            ("forget_expired", "normal"),
            ("verify_recent_entries", "slow"),
            ("verify_ledger", "slow"),
        ):
            sent = place.send(task, queue=queue)
            worker.says(rf"{task}\[{sent}\] succeeded")
        before = len(place.seals)
        with place.accounts_locked():
            first = place.send("seal_ledger", queue="slow")
            until(place.someone_waits_for_accounts)
            second = place.send("seal_ledger", queue="slow")
            worker.says(rf"seal_ledger\[{second}\] succeeded")
            assert "seal_ledger: under way elsewhere" in worker.said
            assert len(place.seals) == before
        worker.says(rf"seal_ledger\[{first}\] succeeded")
        assert len(place.seals) == before + 1


def test_one_beat_sends_and_another_waits(place: Place) -> None:
    with place.running("beat", ready="Beat sends") as first:
        with place.running("beat", ready="Another beat is at work") as second:
            first.kill()
            second.says("Beat sends")


def test_who_says_a_wrong_address_is_told(place: Place) -> None:
    good = place.settings["PUNCHCARD_POOLER_URL"]
    place.settings["PUNCHCARD_POOLER_URL"] = "mysql://ann:hush@pooler/x"
    try:
        said = place.run("verify", code=1)
        assert "PUNCHCARD_POOLER_URL is mysql://" in said
        assert "hush" not in said
    finally:
        place.settings["PUNCHCARD_POOLER_URL"] = good
