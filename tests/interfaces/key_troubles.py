"""Cases of `idempotency.json`: twins at the same time, and whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection, connections

from tests.builders import rows
from tests.crash.proxy import AFTER, BEFORE, lossy, through
from tests.interfaces.conftest import Answer
from tests.interfaces.keys import Place, line, same
from tests.interfaces.served import serving

PARALLEL = 50
PATIENCE_SECONDS = 60

# --------------------------------------------------------------------- at once


@contextmanager
def held(statement: str, *parameters: Any) -> Iterator[psycopg.Connection[Any]]:
    """Hold what a statement locks, from another connection."""
    known = connection.settings_dict
    with psycopg.connect(
        host=known["HOST"],
        port=known["PORT"],
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=known["NAME"],
    ) as other:
        other.execute(statement, parameters)
        yield other
        other.rollback()


def wait_for_a_waiter() -> None:
    """Return once somebody waits for a lock that another one holds."""
    for _ in range(PATIENCE_SECONDS * 100):
        if rows("SELECT FROM pg_locks WHERE NOT granted"):
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waited")


def elsewhere(work: Callable[[], Answer]) -> Callable[[], Answer]:
    """Let another thread do it, and leave no connection."""

    def run() -> Answer:
        try:
            return work()
        finally:
            connections.close_all()

    return run


@line("I4", "command")
def command_under_way(at: Place) -> None:
    account = at.api.get(at.account).body["id"]
    (one,) = rows(
        "SELECT h.account_id FROM ledger_account_holder h"
        " JOIN members_member m ON m.id = h.holder_id WHERE m.program_id = %s",
        (at.api.program,),
    )
    assert account.startswith("acc_")
    with ThreadPoolExecutor() as pool:
        with held("SELECT FROM ledger_account WHERE id = %s FOR UPDATE", one[0]):
            twins = [pool.submit(elsewhere(at.redeem)) for _ in range(2)]
            wait_for_a_waiter()
            assert not any(twin.done() for twin in twins)
        answers = [twin.result(PATIENCE_SECONDS) for twin in twins]
    # Both wait; one is applied, the other one is told so.
    assert [answer.status for answer in answers] == [201, 201]
    assert sorted(answer.replayed for answer in answers) == [False, True]
    assert answers[0].body == answers[1].body
    assert (at.available, at.entries) == (95, 2)


@line("I4", "call")
def call_under_way(at: Place) -> None:
    twin = (
        "INSERT INTO members_member (id, program_id, external_id, created_at)"
        " VALUES (gen_random_uuid(), %s, 'berta', now())"
    )
    with ThreadPoolExecutor() as pool:
        with held(twin, at.api.program):
            first = pool.submit(elsewhere(at.enrol))
            wait_for_a_waiter()
            second = at.enrol()
            assert (second.status, second.code) == (409, "in_flight")
            assert second.response["Retry-After"] == "1"
            # Another key of the same caller is nobody's business.
            assert at.enrol("carla", key="other").status == 201
        answer = first.result(PATIENCE_SECONDS)
    assert answer.status == 201
    same(answer, at.enrol())
    assert at.members == 3


@line("I4", "clock")
def clock_under_way(at: Place) -> None:
    body = {"to": "2031-01-01T00:00:00Z"}

    def advance() -> Answer:
        return at.api.post("/v1/test/clock/advance", body, key="k")

    program = "SELECT FROM programs_program WHERE id = %s FOR UPDATE"
    with ThreadPoolExecutor() as pool:
        with held(program, at.api.program):
            first = pool.submit(elsewhere(advance))
            wait_for_a_waiter()
            second = advance()
            assert (second.status, second.code) == (409, "in_flight")
        answer = first.result(PATIENCE_SECONDS)
    assert answer.status == 200
    same(answer, advance())


def fifty(
    at: Place, method: str, path: str, body: Any, **headers: str
) -> list[httpx.Response]:
    """Send the same fifty times at once, to a server that answers all at once."""
    assert at.server is not None
    served, secret = at.server(), at.api.secret
    barrier = threading.Barrier(PARALLEL)

    def one(_: int) -> httpx.Response:
        barrier.wait(PATIENCE_SECONDS)
        return served.send(method, path, secret, body, **headers)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(one, range(PARALLEL)))


@line("I5", "command")
def fifty_commands(at: Place) -> None:
    key = {"Idempotency-Key": "k"}
    answers = fifty(at, "POST", f"{at.account}/redeem", {"points": 5}, **key)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["entry"]["id"] for answer in answers}) == 1
    fresh = [a for a in answers if "Idempotent-Replayed" not in a.headers]
    assert len(fresh) == 1
    assert (at.available, at.entries) == (95, 2)


@line("I5", "call")
def fifty_calls(at: Place) -> None:
    headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
    answers = fifty(at, "PATCH", at.member, {"given_name": "Anna"}, **headers)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    done = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.content for answer in done}) == 1
    waited = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in waited} <= {"in_flight"}
    fresh = [a for a in done if "Idempotent-Replayed" not in a.headers]
    assert len(fresh) == 1
    assert at.version == 2


# --------------------------------------------------------------------- failures


@contextmanager
def breaking(where: str, **rules: Any) -> Iterator[Callable[[], None]]:
    """Lose every connection at COMMIT; yield what makes it well again."""
    known = connection.settings_dict
    with lossy(host=known["HOST"], port=known["PORT"]) as proxy, through(proxy):
        proxy.cut(where, **rules)
        yield proxy.heal
        assert proxy.counts()[where] > 0


@line("I10", "command-before")
def command_never_committed(at: Place) -> None:
    _settled(BEFORE, at.redeem, lambda: (at.available, at.entries), (95, 2))


@line("I10", "command-after")
def command_committed_unheard(at: Place) -> None:
    _settled(AFTER, at.redeem, lambda: (at.available, at.entries), (95, 2))


@line("I10", "call-before")
def call_never_committed(at: Place) -> None:
    _settled(BEFORE, at.rename, lambda: at.version, 2)


@line("I10", "call-after")
def call_committed_unheard(at: Place) -> None:
    _settled(AFTER, at.rename, lambda: at.version, 2)


@line("I10", "call-once")
def call_that_asks_itself_again(at: Place) -> None:
    for where, version in ((BEFORE, 2), (AFTER, 3)):
        with breaking(where, times=1):
            first = at.rename(where, key=where, tag="*")
        assert first.status == 200
        # After the lost COMMIT it finds what it has done, and says so.
        assert first.replayed is (where == AFTER)
        assert at.version == version
        assert at.rename(where, key=where, tag="*").body == first.body
        assert at.version == version


def _settled(
    where: str, ask: Callable[[], Answer], effect: Callable[[], Any], once: Any
) -> None:
    with breaking(where) as heal:
        first = ask()
        assert (first.status, first.code) == (503, "outcome_unknown")
        assert first.response["Retry-After"]
        heal()
        again = ask()
    assert again.status in {200, 201}
    assert again.replayed is (where == AFTER)
    assert effect() == once
    assert ask().body == again.body
    assert effect() == once


@line("I10", "call-500")
def call_failed(at: Place) -> None:
    with pytest.MonkeyPatch.context() as patched:
        # After the member and the accounts were written, in the same transaction.
        patched.setattr(
            "punchcard.interfaces.api.v1.members.get_member", lambda **_: 1 / 0
        )
        answer = at.enrol()
    assert (answer.status, answer.code) == (500, "unexpected")
    assert (at.members, at.kept) == (1, 0)
    again = at.enrol()
    assert (again.status, again.replayed) == (201, False)
    assert at.members == 2


@line("I10", "command-500")
def command_failed(at: Place) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "punchcard.interfaces.api.v1.posting.render_entry", lambda *_: 1 / 0
        )
        answer = at.redeem()
    assert (answer.status, answer.code) == (500, "unexpected")
    # It was done: only the answer failed.
    again = at.redeem()
    assert (again.status, again.replayed) == (201, True)
    assert (at.available, at.entries) == (95, 2)


def killed(at: Place, method: str, path: str, body: Any, **headers: str) -> None:
    """Have a server do it, commit it, and be killed before it answers."""
    headers |= {"Idempotency-Key": "k", "X-Die": "1"}
    with serving() as server:
        with pytest.raises(httpx.TransportError):
            server.send(method, path, at.api.secret, body, **headers)
        assert server.died()


@line("I11", "command")
def command_killed_after_its_commit(at: Place) -> None:
    killed(at, "POST", f"{at.account}/redeem", {"points": 5})
    assert (at.available, at.entries) == (95, 2)
    again = at.redeem()
    assert (again.status, again.replayed) == (201, True)
    assert (at.available, at.entries) == (95, 2)


@line("I11", "call")
def call_killed_after_its_commit(at: Place) -> None:
    tag = {"If-Match": '"1"'}
    killed(at, "PATCH", at.member, {"given_name": "Anna"}, **tag)
    assert at.version == 2
    again = at.rename()
    assert (again.status, again.replayed) == (200, True)
    assert again.body == at.api.get(at.member).body
    assert at.version == 2
