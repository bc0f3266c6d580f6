"""The cases of `idempotency.json`, one by one: what we answer, and what did not happen.

Each case is met by a ledger command, whose key the ledger keeps for ever, and by a
call whose answer is kept for a day, where it applies to them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection, connections

from tests.builders import rows
from tests.crash.proxy import AFTER, BEFORE, lossy, through
from tests.interfaces.conftest import Answer, another_key, make_api
from tests.interfaces.served import Served, serving

VECTORS = Path(__file__).parents[3] / "shared/data/vectors/idempotency.json"
CASES = {
    "I1": "POST without the header where it is required",
    "I2": "same key, same body, after completion",
    "I3": "same key, other body",
    "I4": "same key while the first is still running",
    "I5": "50 parallel requests, one key",
    "I6": "same key, same JSON with keys reordered / whitespace / 1.0 for 1",
    "I7": "same key, other endpoint",
    "I8": "same key, another member / tenant",
    "I9": "first answer was a 4xx, its cause goes away, same key again",
    "I10": "first answer was 500 or the connection broke before the answer",
    "I11": "process killed -9 between commit and response",
    "I12": "key is not an RFC 8941 string, empty, 300 chars, with NUL, non-ASCII",
    "I13": "key after its retention window",
    "I14": "no key but the same order_id",
    "I15": "same order_id from two merchants",
    "I16": "GET/DELETE with the header",
}
PARALLEL = 50
PATIENCE_SECONDS = 30

Case = Callable[["Place"], None]
LINES: list[Any] = []


def line(case: str, kind: str) -> Callable[[Case], Case]:
    """Make a function a line of the table."""

    def add(function: Case) -> Case:
        LINES.append(pytest.param(function, id=f"{case}-{kind}"))
        return function

    return add


class Place:
    """A program with a member who has 100 points, and what the cases ask of it."""

    member = "/v1/members/ext:anna"

    def __init__(self, server: Callable[[], Served] | None = None) -> None:
        self.server = server
        self.api = make_api()
        self.account = self.api.enrol("anna")
        self.api.earn(self.account, 100)

    def earn(self, points: Any = 5, key: str | None = "k", **options: Any) -> Answer:
        return self.api.post(
            f"{self.account}/earn", {"points": points}, key=key, **options
        )

    def redeem(self, points: int = 5, key: str | None = "k", **body: Any) -> Answer:
        return self.api.post(
            f"{self.account}/redeem", {"points": points, **body}, key=key
        )

    def enrol(self, name: str = "berta", key: str | None = "k", **body: Any) -> Answer:
        said = {"external_id": name, **body}
        return self.api.post("/v1/members", said, key=key)

    def rename(self, name: str = "Anna", key: str = "k", tag: str = '"1"') -> Answer:
        headers = {"If-Match": tag}
        body = {"given_name": name}
        return self.api.call("PATCH", self.member, body, key=key, headers=headers)

    @property
    def available(self) -> int:
        balance = self.api.get(f"{self.account}/balance").body["balance"]
        return int(balance["available"])

    @property
    def entries(self) -> int:
        return int(self.api.get(self.account).body["last_sequence"])

    @property
    def version(self) -> int:
        return int(self.api.get(self.member).body["version"])

    @property
    def members(self) -> int:
        return len(self.api.get("/v1/members").body["data"])

    @property
    def kept(self) -> int:
        query = "SELECT count(*) FROM kernel_kept_answer WHERE program_id = %s"
        return int(rows(query, (self.api.program,))[0][0])


@pytest.fixture(scope="module")
def server(test_database: None) -> Iterator[Served]:
    """Serve the API from another process, to many at once."""
    with serving() as served:
        yield served


@pytest.mark.parametrize("case", LINES)
def test_a_case_is_answered_as_documented(
    case: Case, request: pytest.FixtureRequest
) -> None:
    # Started by the first case that asks for it, and not before.
    case(Place(lambda: request.getfixturevalue("server")))


def test_no_case_is_missing() -> None:
    met = {str(each.id).partition("-")[0] for each in LINES}
    assert met == set(CASES)
    if VECTORS.exists():
        known = json.loads(VECTORS.read_text())["cases"]
        assert {case["id"] for case in known} == met


def same(first: Answer, again: Answer) -> None:
    """Assert that the second is the first answer again, and says so."""
    assert again.replayed
    assert not first.replayed
    assert again.status == first.status
    assert again.response.content == first.response.content
    for name in ("Content-Type", "Location", "ETag"):
        assert again.response.headers.get(name) == first.response.headers.get(name)


# --------------------------------------------------------------------- the answer


@line("I1", "command")
def missing_key(at: Place) -> None:
    answer = at.redeem(key=None)
    assert (answer.status, answer.code) == (400, "idempotency_key_required")
    assert (at.available, at.entries) == (100, 1)


@line("I1", "call")
def needless_key(at: Place) -> None:
    assert at.enrol(key=None).status == 201
    assert at.kept == 0


@line("I2", "command")
def command_again(at: Place) -> None:
    first = at.redeem()
    assert first.status == 201
    again = at.redeem()
    assert (again.status, again.replayed) == (201, True)
    assert again.body == first.body
    assert (at.available, at.entries) == (95, 2)


@line("I2", "call")
def call_again(at: Place) -> None:
    first = at.enrol()
    assert first.status == 201
    same(first, at.enrol())
    assert at.members == 2


@line("I2", "patch")
def patch_again(at: Place) -> None:
    first = at.rename()
    assert (first.status, first.response["ETag"]) == (200, '"2"')
    # Without the key this would be 412: it is of version 2 by now.
    same(first, at.rename())
    assert at.version == 2


@line("I2", "later")
def patch_again_after_another(at: Place) -> None:
    first = at.rename()
    assert at.rename("Berta", key="other", tag='"2"').status == 200
    same(first, at.rename())
    assert at.version == 3


@line("I2", "clock")
def clock_again(at: Place) -> None:
    body = {"to": "2031-01-01T00:00:00Z"}
    first = at.api.post("/v1/test/clock/advance", body, key="k")
    assert first.status == 200
    same(first, at.api.post("/v1/test/clock/advance", body, key="k"))


@line("I3", "command")
def another_command(at: Place) -> None:
    at.redeem()
    answer = at.redeem(6)
    assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.available, at.entries) == (95, 2)


@line("I3", "call")
def another_call(at: Place) -> None:
    first = at.enrol()
    answer = at.enrol("carla")
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.members == 2
    same(first, at.enrol())


@line("I3", "patch")
def another_version(at: Place) -> None:
    at.rename()
    answer = at.rename(tag='"2"')
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.version == 2


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


# --------------------------------------------------------------------- the question


@line("I6", "command")
def command_written_otherwise(at: Place) -> None:
    path, key = f"{at.account}/earn", "k"
    plain = b'{"points":5,"source":"bonus"}'
    first = at.api.post(path, plain, key=key)
    assert first.status == 201
    again = at.api.post(path, b'{ "source" : "bonus",\n "points": 5 }', key=key)
    assert (again.status, again.replayed) == (201, True)
    assert again.body == first.body
    # Points are whole: 1.0 is no number of points, with whatever key.
    answer = at.api.post(path, b'{"points":5.0,"source":"bonus"}', key=key)
    assert (answer.status, answer.code) == (400, "malformed")
    assert (at.available, at.entries) == (105, 2)


@line("I6", "call")
def call_written_otherwise(at: Place) -> None:
    path, key = "/v1/members", "k"
    plain = b'{"external_id":"berta","attributes":{"a":1,"b":2}}'
    first = at.api.post(path, plain, key=key)
    other = b'{ "attributes": {"b":2, "a":1},\n "external_id": "berta" }'
    same(first, at.api.post(path, other, key=key))
    # What a field may leave out may also be said.
    said = b'{"external_id":"berta","attributes":{"a":1,"b":2},"email":null,"tags":[]}'
    same(first, at.api.post(path, said, key=key))
    # In what is yours, 1.0 is another value than 1.
    point = b'{"external_id":"berta","attributes":{"a":1.0,"b":2}}'
    assert at.api.post(path, point, key=key).code == "key_reused"
    assert at.members == 2


@line("I7", "command")
def key_at_another_command(at: Place) -> None:
    at.earn()
    answer = at.redeem()
    assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.available, at.entries) == (105, 2)


@line("I7", "call")
def key_at_another_call(at: Place) -> None:
    first = at.enrol()
    batch = {"members": [{"external_id": "carla"}]}
    for answer in (
        at.api.post("/v1/members:batch", batch, key="k"),
        at.api.post("/v1/members/ext:anna/erase", key="k"),
        at.rename(),
    ):
        assert (answer.status, answer.code) == (422, "key_reused")
    assert (at.members, at.version) == (2, 1)
    same(first, at.enrol())


@line("I7", "both")
def key_of_a_command_and_of_a_call(at: Place) -> None:
    # The ledger's keys are the account's, these the caller's: two different shelves.
    earned, enrolled = at.earn(), at.enrol()
    assert (earned.status, enrolled.status) == (201, 201)
    assert earned.body.keys() != enrolled.body.keys()
    assert at.earn().body == earned.body
    same(enrolled, at.enrol())


@line("I8", "command")
def key_of_another_account(at: Place) -> None:
    at.redeem()
    other = at.api.enrol("berta")
    at.api.earn(other, 50)
    answer = at.api.post(f"{other}/redeem", {"points": 5}, key="k")
    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["balance"]["available"] == 45
    abroad = Place()
    assert abroad.redeem().body["balance"]["available"] == 95
    assert at.available == 95


@line("I8", "call")
def key_of_another_caller(at: Place) -> None:
    first = at.enrol(email="berta@example.org")
    abroad = Place()
    answer = abroad.enrol(email="other@example.org")
    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["email"] == "other@example.org"
    # Another key of the same program asks for itself: the member is there already.
    colleague = another_key(at.api, scopes=("members:write",))
    answer = colleague.post("/v1/members", {"external_id": "berta"}, key="k")
    assert (answer.status, answer.replayed) == (200, False)
    same(first, at.enrol(email="berta@example.org"))


@line("I8", "patch")
def key_at_another_member(at: Place) -> None:
    at.enrol(key=None)
    at.rename()
    at.member = "/v1/members/ext:berta"
    answer = at.rename()
    assert (answer.status, answer.code) == (422, "key_reused")
    assert at.version == 1


# --------------------------------------------------------------------- refusals


@line("I9", "command")
def command_refused_first(at: Place) -> None:
    first = at.redeem(500)
    assert (first.status, first.code) == (422, "insufficient_points")
    at.api.earn(at.account, 1_000)
    again = at.redeem(500)
    assert (again.status, again.code) == (422, "insufficient_points")
    assert again.replayed
    assert again.body["details"] == first.body["details"]
    assert at.available == 1_100
    assert at.redeem(500, key="new").status == 201


@line("I9", "call")
def call_refused_first(at: Place) -> None:
    at.member = "/v1/members/ext:berta"
    first = at.rename()
    assert (first.status, first.code) == (404, "member_not_found")
    at.enrol(key=None)
    same(first, at.rename())
    assert at.version == 1
    assert at.rename(key="new").status == 200


@line("I9", "malformed")
def call_malformed_first(at: Place) -> None:
    # What does not fit was never asked: the key is as good as new.
    assert at.enrol(email=5).status == 400
    assert at.kept == 0
    assert at.enrol(email="berta@example.org").status == 201


@line("I9", "forbidden")
def call_forbidden_first(at: Place) -> None:
    reader = another_key(at.api, scopes=("members:read",))
    answer = reader.post("/v1/members", {"external_id": "berta"}, key="k")
    assert answer.code == "forbidden"
    assert at.kept == 0


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


# --------------------------------------------------------------------- the key itself

KEYS = [
    ("order-17", 201),
    ('"order-17"', 201),
    ("8e03978e-40d5-43e8-bc93-6894a57f9324", 201),
    ("x" * 200, 201),
    ("", 400),
    ("x" * 201, 400),
    ("x" * 300, 400),
    ("a\x00b", 400),
    ("clé", 400),
    ("a\tb", 400),
]


@line("I12", "command")
def keys_of_commands(at: Place) -> None:
    for key, status in KEYS:
        answer = at.earn(1, key=key)
        assert answer.status == status, key
        if status == 400:
            assert answer.code == "malformed"
            assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"
    assert at.available == 100 + sum(status == 201 for _, status in KEYS)


@line("I12", "call")
def keys_of_calls(at: Place) -> None:
    for number, (key, status) in enumerate(KEYS):
        answer = at.enrol(f"m{number}", key=key)
        assert answer.status == status, key
        if status == 400:
            assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"
    # `"k"` is not `k`: the quotes are a part of it.
    assert at.members == 1 + sum(status == 201 for _, status in KEYS)


@line("I13", "command")
def key_of_a_command_long_ago(at: Place) -> None:
    order = {"type": "order", "id": "1017"}
    first = at.api.post(
        f"{at.account}/earn", {"points": 5, "reference": order}, key=None
    )
    assert first.status == 201
    # The ledger's keys are kept for ever, whatever is forgotten elsewhere.
    rows(
        "DELETE FROM kernel_kept_answer WHERE program_id = %s RETURNING 1",
        (at.api.program,),
    )
    at.api.post("/v1/test/clock/advance", {"to": "2060-01-01T00:00:00Z"})
    again = at.api.post(
        f"{at.account}/earn", {"points": 5, "reference": order}, key=None
    )
    assert (again.status, again.replayed) == (201, True)
    assert again.body["entry"]["id"] == first.body["entry"]["id"]
    assert at.entries == 2


@line("I13", "call")
def key_of_a_call_long_ago(at: Place) -> None:
    first = at.enrol(email="berta@example.org")
    assert first.status == 201
    rows(
        "UPDATE kernel_kept_answer SET created_at = created_at - interval '2 days',"
        " expires_at = now() WHERE program_id = %s RETURNING 1",
        (at.api.program,),
    )
    # The key is free again; the member's own id still makes it one member.
    again = at.enrol(email="other@example.org")
    assert (again.status, again.replayed) == (200, False)
    assert again.body == first.body
    assert at.members == 2
    same(again, at.enrol(email="other@example.org"))


# --------------------------------------------------------------------- the order's id

ORDER = {"points": 5, "reference": {"type": "order", "id": "1017"}}


@line("I14", "command")
def order_without_a_key(at: Place) -> None:
    first = at.api.post(f"{at.account}/earn", ORDER)
    again = at.api.post(f"{at.account}/earn", ORDER)
    assert (first.status, again.status, again.replayed) == (201, 201, True)
    assert again.body == first.body
    assert (at.available, at.entries) == (105, 2)


@line("I15", "command")
def order_of_two_merchants(at: Place) -> None:
    abroad = Place()
    for place in (at, abroad):
        answer = place.api.post(f"{place.account}/earn", ORDER)
        assert (answer.status, answer.replayed) == (201, False)
    assert (at.available, abroad.available) == (105, 105)


@line("I16", "get")
def key_of_a_read(at: Place) -> None:
    first = at.api.get(f"{at.account}/balance", key="k")
    at.api.earn(at.account, 1)
    again = at.api.get(f"{at.account}/balance", key="k")
    assert again.body["balance"]["available"] == 101
    assert first.body["balance"]["available"] == 100
    assert not again.replayed
    # No read looks at it, so none can find it wrong.
    assert at.api.get(f"{at.account}/balance", key="x" * 300).status == 200
    assert at.kept == 0


@line("I16", "delete")
def key_of_a_delete(at: Place) -> None:
    for _ in range(2):
        answer = at.api.call("DELETE", at.member, key="k")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert not answer.replayed
    assert at.kept == 0


def test_a_sweep_forgets_what_has_expired_and_nothing_else() -> None:
    from datetime import timedelta

    from punchcard.kernel import clock
    from punchcard.kernel.answers import KEPT, forget_expired_answers
    from punchcard.kernel.transactions import transaction

    at = Place()
    first = at.enrol(key="old")
    rows(
        "UPDATE kernel_kept_answer SET created_at = created_at - interval '2 days',"
        " expires_at = now() WHERE program_id = %s RETURNING 1",
        (at.api.program,),
    )
    second = at.enrol("carla", key="new")
    # Keeping the second one has taken the first one away already.
    assert at.kept == 1
    now = clock.read()
    with transaction():
        forget_expired_answers(now=now)
    same(second, at.enrol("carla", key="new"))
    with transaction():
        assert forget_expired_answers(now=now + KEPT + timedelta(minutes=1)) >= 1
    assert at.kept == 0
    assert first.status == 201


def test_a_key_costs_five_statements() -> None:
    from django.test.utils import CaptureQueriesContext

    at = Place()
    at.enrol("warm", key="warm")
    costs = {}
    for name, key in (("plain", None), ("keyed", "k"), ("keyed", "k")):
        with CaptureQueriesContext(connection) as captured:
            answer = at.enrol(name, key=key)
        costs[name, answer.replayed] = len(
            [query for query in captured if "SAVEPOINT" not in query["sql"]]
        )
    # Claim, look, keep; and SET CONSTRAINTS there and back, for the inner COMMIT.
    assert costs["keyed", False] - costs["plain", False] == 5
    assert costs["keyed", True] < costs["plain", False]
