"""One table of problems, and what happens when things go wrong on our side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from punchcard.interfaces.api import dependencies, problems
from punchcard.interfaces.api.v1 import health
from punchcard.journeys import post_commands as journey
from punchcard.journeys import retrying
from punchcard.journeys.orders import errors as telling
from punchcard.ledger.errors import REFUSALS
from punchcard.ledger.outcomes import NOT_APPLIED
from punchcard.members import errors as members
from punchcard.orders import errors as orders
from punchcard.programs import errors as programs
from tests.interfaces.conftest import Api


def _codes(module: Any) -> set[str]:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
    return {kind.code for kind in kinds if hasattr(kind, "code")}


@pytest.mark.parametrize(
    "code",
    sorted(
        {*REFUSALS, NOT_APPLIED, journey.UNEXPECTED, journey.OutcomeUnknown.code}
        | _codes(programs)
        | _codes(members)
        | _codes(orders)
        | _codes(telling)
    ),
)
def test_every_refusal_has_a_row(code: str) -> None:
    row = problems.TABLE[code]
    assert 400 <= row.status < 600
    assert row.title.endswith(".")


@contextmanager
def _posting(monkeypatch: pytest.MonkeyPatch, replacement: Any) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(journey, "post", replacement)
        patch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0)
        yield


def test_a_batch_cut_between_its_halves_says_that_it_cannot_tell(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = api.enrol()
    real = journey.post

    def refuse(*, commands: Any, **options: Any) -> Any:
        if any(command.points == 2 for command in commands):
            kind = psycopg.DataError if len(commands) > 1 else psycopg.OperationalError
            raise kind("not today")
        return real(commands=commands, **options)

    name = account.removeprefix("/v1/accounts/")
    commands = [
        {"type": "earn", "account": name, "points": p, "key": f"p{p}"} for p in (1, 2)
    ]
    with _posting(monkeypatch, refuse):
        answer = api.post("/v1/entries:batch", {"commands": commands})
    assert (answer.status, answer.code) == (503, "outcome_unknown")
    again = api.post("/v1/entries:batch", {"commands": commands}).body["data"]
    assert [outcome["replayed"] for outcome in again] == [True, False]
    assert api.get(account).body["balance"]["available"] == 3


def test_a_surprise_is_a_problem_without_a_trace(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = api.enrol()

    def burst(**_: Any) -> Any:
        raise RuntimeError("a secret detail")

    with _posting(monkeypatch, burst):
        answer = api.post(f"{account}/earn", {"points": 1}, key="k")
    assert (answer.status, answer.code) == (500, "unexpected")
    assert b"secret" not in answer.response.content
    assert api.post(f"{account}/earn", {"points": 1}, key="k").status == 201


def test_a_poisoned_command_fails_alone(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = api.enrol()
    real = journey.post

    def refuse(*, commands: Any, **options: Any) -> Any:
        if any(command.points == 13 for command in commands):
            raise psycopg.DataError("the database does not like 13")
        return real(commands=commands, **options)

    def batch(*points: int, atomic: bool = False) -> Any:
        name = account.removeprefix("/v1/accounts/")
        commands = [
            {"type": "earn", "account": name, "points": p, "key": f"p{p}"}
            for p in points
        ]
        body = {"commands": commands, "atomic": atomic}
        return api.post("/v1/entries:batch", body)

    with _posting(monkeypatch, refuse):
        answer = batch(11, 12, 13, 14, 15)
        codes = [outcome["code"] for outcome in answer.body["data"]]
        assert codes == ["applied", "applied", "unexpected", "applied", "applied"]
        assert answer.body["data"][2]["status"] == 500
        single = api.post(f"{account}/earn", {"points": 13}, key="x")
        assert (single.status, single.code) == (500, "unexpected")
        atomic = batch(21, 13, atomic=True)
        assert (atomic.status, atomic.code) == (500, "unexpected")
    assert api.get(account).body["balance"]["available"] == 11 + 12 + 14 + 15


@pytest.mark.parametrize("error", [OperationalError, psycopg.OperationalError])
def test_a_commit_whose_answer_was_lost_happens_once(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    account = api.enrol()
    real = retrying.transaction
    lost: list[int] = []

    @contextmanager
    def losing() -> Iterator[None]:
        with real():
            yield
        if len(lost) < 2:
            lost.append(1)
            raise error("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(retrying, "transaction", losing)
        patch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0)
        answer = api.post(f"{account}/earn", {"points": 5}, key="k")
    assert answer.status == 201
    assert answer.replayed
    assert api.get(account).body["balance"]["available"] == 5


def test_a_commit_that_stays_unanswered_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = api.enrol()
    real = retrying.transaction

    @contextmanager
    def losing() -> Iterator[None]:
        with real():
            yield
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(retrying, "transaction", losing)
        patch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0)
        answer = api.post(f"{account}/earn", {"points": 5}, key="k")
    assert (answer.status, answer.code) == (503, "outcome_unknown")
    assert answer.response["Retry-After"]
    assert "same key" in answer.body["detail"]
    again = api.post(f"{account}/earn", {"points": 5}, key="k")
    assert again.replayed
    assert api.get(account).body["balance"]["available"] == 5


def test_a_connection_that_was_cut_is_made_anew(api: Api) -> None:
    account = api.enrol()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    info = connection.get_connection_params()
    own = {
        key: info[key] for key in ("host", "port", "user", "password") if info.get(key)
    }
    with psycopg.connect(dbname=info["dbname"], autocommit=True, **own) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    answer = api.post(f"{account}/earn", {"points": 5}, key="k")
    # The test client has no health check at its start, as a real request has.
    assert answer.status in {201, 503}
    connection.close()
    assert api.post(f"{account}/earn", {"points": 5}, key="k").status == 201
    assert api.get(account).body["balance"]["available"] == 5


@contextmanager
def _no_database() -> Iterator[None]:
    connection.close()
    place = connection.settings_dict["HOST"], connection.settings_dict["PORT"]
    connection.settings_dict |= {"HOST": "/nonexistent", "PORT": "1"}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["HOST"], connection.settings_dict["PORT"] = place


def test_without_its_database_every_call_says_503(api: Api) -> None:
    account = api.enrol()
    with _no_database():
        for path in ("/v1/ping", account, f"{account}/entries", "/v1/members"):
            answer = api.get(path)
            assert (answer.status, answer.code) == (503, "database_unavailable")
            assert answer.response["Retry-After"]
        posted = api.post(f"{account}/earn", {"points": 1}, key="k")
        assert (posted.status, posted.code) == (503, "database_unavailable")
        ready = api.get("/health/ready")
        assert (ready.status, ready.code) == (503, "not_ready")
        asked = ready.body["details"]["dependencies"]
        assert (asked["database"], "migrations" in asked) == ("down", False)
        assert api.get("/health/live").status == 200
    asked = api.get("/health/ready").body["dependencies"]
    assert (asked["database"], asked["migrations"]) == ("up", "up")
    assert api.post(f"{account}/earn", {"points": 1}, key="k").status == 201


def test_without_its_tables_it_is_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = dependencies._needed() | {("ledger", "9999_later")}
    monkeypatch.setattr(dependencies, "_needed", lambda: later)
    ready = api.get("/health/ready")
    assert (ready.status, ready.code) == (503, "not_ready")
    asked = ready.body["details"]["dependencies"]
    assert (asked["database"], asked["migrations"]) == ("up", "down")
    assert api.get("/health/live").status == 200


def test_what_django_itself_refuses_is_a_problem_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)

    def burst() -> bool:
        raise RuntimeError

    monkeypatch.setattr(health, "ask_dependencies", burst)
    assert client.get("/health/ready").json()["code"] == "unexpected"
    assert client.get("/nothing/here").json()["code"] == "not_found"
