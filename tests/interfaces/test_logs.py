"""What the log says of a request, and what it never says."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from punchcard.interfaces.api.v1 import health
from punchcard.project import logs
from tests.builders import relay_all
from tests.interfaces.conftest import Api


class Log:
    """What was logged, as an installation would write it."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


@pytest.fixture
def log() -> Iterator[Log]:
    made = dict(logs.plan(level="INFO", style="json")["formatters"]["line"])
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(made.pop("()")(**made))
    root = logging.getLogger()
    root.addHandler(handler)
    yield Log(handler.stream)
    root.removeHandler(handler)


def test_a_request_is_one_line(api: Api, log: Log) -> None:
    account = api.enrol()
    answer = api.post(f"{account}/redeem", {"points": 7}, key="k")
    assert (answer.status, answer.code) == (422, "insufficient_points")
    (line,) = [line for line in log.of("request") if "redeem" in line["route"]]
    assert line.pop("milliseconds") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("program")
    assert line.pop("actor").startswith("key_")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "punchcard.requests",
        "request_id": answer.response["X-Request-Id"],
        "method": "POST",
        "route": "/v1/accounts/{account}/redeem",
        "status": 422,
        "code": "insufficient_points",
    }


def test_nobody_is_named(api: Api, log: Log) -> None:
    body = {"external_id": "nora-17", "email": "nora@example.com", "name": "Nora"}
    assert api.post("/v1/members", body).status in {200, 201, 400, 422}
    api.post("/v1/members", {"external_id": "nora-17"})
    api.get("/v1/members/ext:nora-17?limit=nora")
    api.get("/v1/members/ext:nora-17")
    api.post("/v1/accounts/ext:nora-17@points/earn", {"points": 1}, key="nora")
    api.get("/nora/nowhere")
    assert len(log.of("request")) == 6
    assert "nora" not in log.text.lower()
    assert log.lines[-1]["route"] == "unknown"


def test_what_the_database_says_of_rows_is_left_out(
    api: Api, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In two words: a traceback repeats the line that it passed through.
    somebody = f"{'nora'}@example.com"

    def burst() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE person (email text PRIMARY KEY)")
            for _ in range(2):
                cursor.execute("INSERT INTO person VALUES (%s)", [somebody])

    monkeypatch.setattr(health, "ask_dependencies", burst)
    assert api.get("/health/ready").status == 500
    connection.close()
    (line,) = log.of("unexpected")
    assert "person_pkey" in line["exception"]
    assert "nora" not in log.text
    # One traceback is of psycopg, the other of Django; both had it.
    assert line["exception"].count("(details of rows are left out)") == 2


def test_every_line_of_a_request_has_its_id_and_none_of_the_next(
    api: Api, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst() -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(health, "ask_dependencies", burst)
        first = api.call("GET", "/v1/ping", headers={"X-Request-Id": "mine-1"})
        second = api.call("GET", "/health/ready", headers={"X-Request-Id": "mine-2"})
    assert (first.status, second.status) == (204, 500)
    ping, unexpected, request = log.lines
    assert (ping["request_id"], "actor" in ping) == ("mine-1", True)
    assert (unexpected["event"], request["event"]) == ("unexpected", "request")
    assert unexpected["request_id"] == request["request_id"] == "mine-2"
    assert (unexpected["level"], request["level"]) == ("error", "error")
    assert "actor" not in unexpected | request
    assert "code" not in unexpected


def test_an_event_has_the_id_of_its_request_s_line(api: Api, log: Log) -> None:
    account = api.enrol()
    earned = api.post(f"{account}/earn", {"points": 7}, key="k")
    redeemed = api.call(
        "POST",
        f"{account}/redeem",
        {"points": 7},
        headers={"X-Request-Id": "mine-3", "Idempotency-Key": "r"},
    )
    assert (earned.status, redeemed.status) == (201, 201)
    relay_all()
    events = api.get("/v1/events").body["data"]
    told = {event["type"]: event["request_id"] for event in events}
    assert told["points.redeemed"] == "mine-3"
    assert told["points.earned"] == earned.response["X-Request-Id"]
    lines = {line["request_id"]: line["route"] for line in log.of("request")}
    for name, route in (
        ("member.enrolled", "/v1/members"),
        ("points.earned", "/v1/accounts/{account}/earn"),
        ("points.redeemed", "/v1/accounts/{account}/redeem"),
    ):
        assert lines[told[name]] == route


def test_what_is_asked_all_day_is_not_told(api: Api, log: Log) -> None:
    assert api.get("/health/live").status == 200
    assert api.get("/health/ready").status == 200
    assert not log.lines


def test_a_library_s_line_has_the_same_form(log: Log) -> None:
    logging.getLogger("somebody").warning("%d %s", 3, "things")
    (line,) = log.lines
    assert (line["event"], line["level"]) == ("3 things", "warning")
    assert line["logger"] == "somebody"
