"""What `/metrics` tells, and to whom."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from punchcard.interfaces.api import metrics
from punchcard.journeys.take_readings import keep_verdict, measure_outstanding
from punchcard.kernel import clock
from punchcard.ledger.verifying import Breach, Check, Report
from punchcard.programs.queries import get_program
from tests.builders import relay_all
from tests.interfaces.conftest import Api

TOKEN = "sixteen characters at least"

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def read(api: Api) -> Numbers:
    stranger = Api(program=api.program, secret="")
    answer = stranger.call(
        "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status == 200
    return numbers(answer.response.content.decode())


def numbers(text: str) -> Numbers:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def changed(before: Numbers, after: Numbers, name: str) -> dict[Any, float]:
    return {
        tuple(value for _, value in sorted(labels)): value - before.get((n, labels), 0)
        for (n, labels), value in after.items()
        if n == name and value != before.get((n, labels), 0)
    }


def test_only_who_has_its_token_is_told(api: Api, settings: Any) -> None:
    assert (api.get("/metrics").status, api.get("/metrics").code) == (
        401,
        "unauthenticated",
    )
    assert "punchcard_" not in api.get("/metrics").response.content.decode()
    settings.METRICS_TOKEN = None
    for secret in ("None", "", TOKEN):
        answer = Api(program=api.program, secret=secret).get("/metrics")
        assert (answer.status, answer.code) == (404, "not_found")


def test_commands_are_counted_by_type_and_outcome(api: Api) -> None:
    account = api.enrol()
    before = read(api)
    for _ in range(2):
        api.post(f"{account}/earn", {"points": 5}, key="k")
    api.post(f"{account}/redeem", {"points": 6}, key="r")
    api.post(f"{account}/redeem?dry_run=true", {"points": 1}, key="d")
    earn = {"type": "earn", "account": account.removeprefix("/v1/accounts/")}
    batch = [earn | {"points": 1, "key": f"b{n}"} for n in range(3)]
    assert api.post("/v1/entries:batch", {"commands": batch}).status == 200
    after = read(api)
    assert changed(before, after, "punchcard_commands_total") == {
        ("applied", "earn"): 4,
        ("replayed", "earn"): 1,
        ("insufficient_points", "redeem"): 1,
    }
    assert changed(before, after, "punchcard_post_seconds_count") == {(): 4}
    assert changed(before, after, "punchcard_post_commands_sum") == {(): 6}
    sizes = changed(before, after, "punchcard_post_commands_bucket")
    assert (sizes[("1.0",)], sizes[("2.0",)], sizes[("5.0",)]) == (3, 3, 4)


def test_requests_are_counted_by_pattern_and_never_by_name(api: Api) -> None:
    before = read(api)
    api.get("/v1/members/ext:nora-29")
    api.get("/v1/members/ext:nora-30")
    api.call("NORA", "/nora-31")
    after = read(api)
    requests = changed(before, after, "punchcard_http_requests_total")
    assert requests[("GET", "/v1/members/{member}", "404")] == 2
    assert requests[("other", "unknown", "404")] == 1
    assert "nora" not in str(after).lower()


def test_what_members_hold_is_told_by_program_and_wallet(api: Api) -> None:
    slug = get_program(program=api.program).slug
    account = api.enrol()
    api.earn(account, 50)
    api.post(f"{account}/reserve", {"points": 20}, key="hold")
    debtor = api.enrol("ben")
    down = {"points": -7, "reason": "wrong", "policy": "debt"}
    assert api.post(f"{debtor}/adjust", down, key="down").status == 201
    now = clock.read()
    measure_outstanding(now=now)
    told = read(api)
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in told.items()
        if name == "punchcard_points_outstanding" and ("program", slug) in labels
    }
    assert states == {"available": 30, "pending": 0, "reserved": 20, "owed": 7}
    when = told["punchcard_points_outstanding_timestamp_seconds", frozenset()]
    assert when == pytest.approx(now.timestamp(), abs=0.001)


def test_the_last_verdict_is_told_with_its_age_and_a_later_one_stands(
    api: Api,
) -> None:
    now = clock.read() + timedelta(days=1)
    harm = Check(1, "x", 1, 0.1, [Breach(None, None, "harmed")])
    harmed = Report(entries=9, accounts=3, checks=[harm])
    clean = msgspec.structs.replace(harmed, checks=[])
    whole = frozenset({("scope", "whole")})
    name = "punchcard_verify_breaches"
    for report, when, told in (
        (harmed, now, 1),
        (clean, now - timedelta(hours=1), 1),
        (clean, now + timedelta(hours=1), 0),
    ):
        keep_verdict(report=report, now=when)
        assert read(api)[name, whole] == told
    at = read(api)["punchcard_verify_timestamp_seconds", whole]
    assert at == pytest.approx((now + timedelta(hours=1)).timestamp(), abs=0.001)


def test_what_the_event_log_waits_for_is_told(api: Api) -> None:
    account = api.enrol()
    relay_all()
    before = read(api)
    assert before["punchcard_outbox_rows", frozenset()] == 0
    assert before["punchcard_outbox_seconds", frozenset()] == 0
    for n in range(3):
        api.post(f"{account}/earn", {"points": 1}, key=f"o{n}")
    after = read(api)
    assert after["punchcard_outbox_rows", frozenset()] == 3
    assert after["punchcard_outbox_seconds", frozenset()] > 0
    relay_all()
    assert read(api)["punchcard_outbox_rows", frozenset()] == 0


def test_a_database_that_is_down_is_a_number_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(api)["punchcard_database_up", frozenset()] == 1

    def gone() -> None:
        raise OperationalError

    monkeypatch.setattr(metrics, "list_readings", gone)
    told = read(api)
    assert told["punchcard_database_up", frozenset()] == 0
    assert not any("verify" in name for name, _ in told)
    assert any(name == "punchcard_http_requests_total" for name, _ in told)


@pytest.fixture
def ended() -> Iterator[int]:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        yield process.pid


def test_what_dead_processes_counted_is_removed(tmp_path: Path, ended: int) -> None:
    kept = tmp_path / f"counter_{os.getpid()}.db"
    gone = tmp_path / f"histogram_{ended}.db"
    other = tmp_path / "notes.txt"
    for path in (kept, gone, other):
        path.touch()
    metrics.forget_dead_processes(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([kept, other])
