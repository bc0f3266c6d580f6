"""Erasing a member: nobody can be found any more, and the ledger is whole.

What is searched is everything that the database would give out: every column of
every row of every table, as COPY writes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from django.db import connection, connections

from punchcard.access.operations import erasure
from punchcard.journeys.erase_member import erase_member
from punchcard.kernel import clock, sql
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.kernel.ids import typed, untyped
from punchcard.kernel.transactions import transaction
from punchcard.ledger.verifying import verify
from punchcard.orders.operations import (
    NewActivity,
    NewLine,
    NewOrder,
    NewReturn,
    ReturnedPart,
    record_activities,
    record_orders,
    record_returns,
)
from tests.builders import DAY, rows
from tests.interfaces.conftest import Answer, make_api
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    a_place,
    invite,
    last_token,
    sign_in,
    visitor,
)

TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('information_schema')
        AND (n.nspname NOT LIKE 'pg\\_%' OR n.nspname = 'pg_temp')
    ORDER BY 1
"""
LEDGER = """
    SELECT relname::text FROM pg_class WHERE relkind = 'r'
        AND relname LIKE 'ledger\\_%' ORDER BY 1
"""
ACTIVITIES = """
    SELECT id, member_id, external_id, fingerprint, type, occurred_at, facts::text
    FROM orders_activity WHERE program_id = %s ORDER BY id
"""


def tell(program: UUID, member: UUID, **facts: dict[str, str | int | bool]) -> None:
    """Record an activity of each of these types, with what is said of it."""
    now = clock.read()
    with transaction():
        told = record_activities(
            program=program,
            activities=[
                NewActivity(
                    external_id=secrets.token_hex(6),
                    member=member,
                    type=type_,
                    occurred_at=now,
                    facts=said,
                )
                for type_, said in facts.items()
            ],
            now=now,
        )
    assert all(one.created for one in told)


def buy(
    program: UUID, member: UUID, *, back: int = 0, place: UUID | None = None
) -> None:
    """Record an order of three pieces, and so many returns of one each."""
    now, external_id = clock.read(), secrets.token_hex(6)
    with transaction():
        (done,) = record_orders(
            program=program,
            orders=[
                NewOrder(
                    external_id=external_id,
                    member=member,
                    occurred_at=now,
                    currency="EUR",
                    lines=(NewLine(quantity=3, unit_price=100),),
                    place=place,
                )
            ],
            now=now,
        )
    assert done.order is not None
    with transaction():
        returned = record_returns(
            program=program,
            returns=[
                NewReturn(
                    order=done.order.id,
                    external_id=f"{external_id}-{n}",
                    occurred_at=now,
                    lines=(ReturnedPart(line=1, quantity=1),),
                )
                for n in range(back)
            ],
            now=now,
        )
    assert all(one.created for one in returned)


def dump() -> dict[str, str]:
    """Return every table as COPY writes it."""
    found = {}
    for (table,) in rows(TABLES):
        with sql.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            found[table] = b"".join(bytes(part) for part in copy).decode()
    return found


def where(text: str, dumped: dict[str, str]) -> list[str]:
    """Return the tables in which a text stands, in large or in small letters."""
    return [name for name, table in dumped.items() if text.lower() in table.lower()]


def a_word(name: str) -> str:
    """Return a word that stands nowhere else, in letters that need no escape."""
    return f"{name}Ü{secrets.token_hex(6)}"


FIRST_BIRTH = date(1860, 1, 1)
_days = count()


@dataclass
class Person:
    """A member of whom everything is known, and every word that is."""

    external_id: str = field(default_factory=lambda: f"{a_word('kunde')}@shop.example")
    email: str = field(default_factory=lambda: f"{a_word('mail')}@example.org")
    sign_in: str = field(
        default_factory=lambda: f"log-{secrets.token_hex(6)}@example.org"
    )
    phone: str = field(default_factory=lambda: f"+49{secrets.randbelow(10**12):012}")
    given_name: str = field(default_factory=lambda: a_word("given"))
    family_name: str = field(default_factory=lambda: a_word("family"))
    called: str = field(default_factory=lambda: a_word("called"))
    line1: str = field(default_factory=lambda: a_word("street"))
    city: str = field(default_factory=lambda: a_word("city"))
    attribute: str = field(default_factory=lambda: a_word("attribute"))
    tag: str = field(default_factory=lambda: a_word("tag"))
    source: str = field(default_factory=lambda: a_word("source"))
    later: str = field(default_factory=lambda: a_word("later"))
    fact: str = field(default_factory=lambda: a_word("fact"))
    birth_date: str = field(
        default_factory=lambda: str(FIRST_BIRTH + next(_days) * DAY)
    )

    def words(self) -> list[str]:
        """Return all that says who it is."""
        return [getattr(self, name) for name in self.__dataclass_fields__]

    def body(self) -> dict[str, Any]:
        """Return what is said of them at first."""
        return {
            "external_id": self.external_id,
            "email": self.email,
            "phone": self.phone,
            "given_name": self.given_name,
            "family_name": self.family_name,
            "birth_date": self.birth_date,
            "address": {"line1": self.line1, "city": self.city},
            "attributes": {"hobby": {self.attribute: [self.attribute]}},
            "tags": [self.tag],
            "consents": {"newsletter": {"granted": True, "source": self.source}},
        }


class World:
    """A program with a member of whom much is known, and a neighbour."""

    def __init__(self) -> None:
        self.api, self.person = make_api(), Person()
        person, api = self.person, self.api
        made = api.post("/v1/members", person.body(), key="enrol")
        assert made.status == 201, made.body
        self.id: str = made.body["id"]
        self.member = untyped("mem", self.id)
        self.path = f"/v1/members/{self.id}"
        self.named = f"/v1/members/ext:{person.external_id}"
        others = [{"external_id": "neighbour"}, person.body()]
        assert api.post("/v1/members:batch", {"members": others}, key="batch").body
        self.account = f"/v1/accounts/ext:{person.external_id}@points"
        self._live()
        self._buy()
        self._sign_in()

    def _live(self) -> None:
        api, account = self.api, self.account
        for points in (100, 50):
            api.earn(account, points)
        assert api.post(f"{account}/redeem", {"points": 30}, key="r").status == 201
        assert api.post(f"{account}/redeem", {"points": 999}, key="no").status == 422
        assert api.post(f"{account}/reserve", {"points": 5}, key="h").status == 201
        self.acc: str = api.get(account).body["id"]
        changed = self.patch({"given_name": self.person.later}, key="change")
        assert changed.status == 200
        taken = {"newsletter": {"granted": False, "source": self.person.source}}
        assert self.patch({"consents": taken}, key="taken").status == 200
        # Refusals are kept too, and say the address that was asked.
        assert self.patch({}, key="stale", tag='"99"').status == 412
        assert self.patch({"phone": "1"}, key="wrong").status == 400

    def _buy(self) -> None:
        program = self.api.program
        tell(program, self.member, review={"text": self.person.fact})
        buy(program, self.member, place=a_place(self.api, "corner"))
        buy(program, self.member, back=2)

    def _sign_in(self) -> None:
        api, person = self.api, self.person
        invited = api.post(
            "/v1/users",
            {
                "email": person.sign_in,
                "name": person.called,
                "role": "member",
                "member": self.id,
            },
            key="invite",
        )
        assert invited.status == 201, invited.body
        self.user: str = invited.body["id"]
        accepted = visitor(api).post(
            "/v1/auth/accept",
            {"token": last_token(person.sign_in), "password": PASSWORD},
        )
        assert accepted.status == 204, accepted.body
        self.signed_in = sign_in(api, person.sign_in)

    def patch(self, body: Any, key: str, tag: str = "*") -> Answer:
        headers = {"If-Match": tag}
        return self.api.call("PATCH", self.named, body, key=key, headers=headers)

    def erase(self, **options: Any) -> Answer:
        return self.api.post(f"{self.path}/erase", **options)

    def export(self) -> dict[str, Any]:
        answer = self.api.get(f"{self.path}/export")
        assert answer.status == 200
        content = b"".join(answer.response.streaming_content)  # type: ignore[attr-defined]
        assert int(answer.response["Content-Length"]) == len(content)
        told: dict[str, Any] = msgspec.json.decode(content)
        return told


def test_an_erased_person_is_found_nowhere() -> None:
    world = World()
    words = world.person.words()
    before = dump()
    # What is not in the dump to begin with would not be missed either.
    assert {word: bool(where(word, before)) for word in words} == dict.fromkeys(
        words, True
    )
    assert where(world.person.email, before) == ["kernel_kept_answer", "members_person"]
    assert where(world.person.sign_in, before) == ["access_user", "kernel_kept_answer"]
    assert world.erase().status == 200
    after = dump()
    assert {word: where(word, after) for word in words} == {word: [] for word in words}
    assert where(world.id.removeprefix("mem_"), after) == ["kernel_audit"]
    assert where(str(world.member), after)


def test_what_activities_said_is_forgotten_and_that_they_were_is_not() -> None:
    world = World()
    program, said = world.api.program, world.person.fact
    neighbour = untyped("mem", world.api.get("/v1/members/ext:neighbour").body["id"])
    kept = a_word("kept")
    tell(program, world.member, check_in={})
    tell(program, neighbour, review={"text": kept})
    before = rows(ACTIVITIES, (program,))
    assert where(said, dump()) == ["orders_activity"]
    assert world.erase().status == 200
    after = rows(ACTIVITIES, (program,))
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert [row[-1] for row in after] == ["{}", "{}", f'{{"text": "{kept}"}}']
    assert where(kept, dump()) == ["orders_activity"]
    assert world.erase().status == 200
    assert rows(ACTIVITIES, (program,)) == after


def test_what_is_told_of_them_later_is_refused() -> None:
    world = World()
    said = a_word("said")
    body = {"external_id": said, "member": world.id, "type": "review"}
    late = body | {"occurred_at": "2020-01-01T00:00:00Z", "facts": {"text": said}}
    assert world.erase().status == 200
    answer = world.api.post("/v1/activities", late)
    assert (answer.status, answer.code) == (409, "member_erased")
    assert where(said, dump()) == []


def test_an_activity_and_an_erasure_at_once_leave_nothing_said() -> None:
    """Whoever comes second waits: what was said before is forgotten, and no more is."""
    for erased_first in (True, False):
        world = World()
        said = a_word("said")
        body = {"external_id": secrets.token_hex(6), "member": world.id}
        about = {"type": "review", "occurred_at": "2020-01-01T00:00:00Z"}
        told = body | about | {"facts": {"text": said}}
        asks: list[Any] = [
            world.erase,
            partial(world.api.post, "/v1/activities", told),
        ]
        with holding(world.member) as let_go, ThreadPoolExecutor() as pool:
            futures = {}
            for waiting, n in enumerate((0, 1) if erased_first else (1, 0), 1):
                futures[n] = pool.submit(apart, asks[n])
                _wait_for_waiters(waiting)
            let_go()
            assert futures[0].result(60).status == 200
            assert futures[1].result(60).status == (409 if erased_first else 201)
        kept = rows(
            "SELECT facts::text FROM orders_activity WHERE member_id = %s",
            (world.member,),
        )
        assert {facts for (facts,) in kept} == {"{}"}
        assert where(said, dump()) == []


def test_the_ledger_is_the_same_byte_by_byte() -> None:
    world = World()
    tables = [name for (name,) in rows(LEDGER)]
    assert "ledger_entry" in tables
    before = dump()
    account = world.api.get(f"/v1/accounts/{world.acc}").body
    entries = world.api.get(f"/v1/accounts/{world.acc}/entries").body
    assert world.erase().status == 200
    after = dump()
    assert {name: after[name] for name in tables} == {
        name: before[name] for name in tables
    }
    assert world.api.get(f"/v1/accounts/{world.acc}").body == account
    assert world.api.get(f"/v1/accounts/{world.acc}/entries").body == entries
    report = verify(accounts=[untyped("acc", world.acc)])
    assert [check for check in report.checks if check.breaches] == []


def test_the_export_holds_everything_that_is_known() -> None:
    world = World()
    told = world.export()
    text = msgspec.json.encode(told).decode()
    missing = [word for word in world.person.words() if word not in text]
    # What was said first and changed since is known no more; the rest is told.
    assert missing == [world.person.given_name]
    assert told["member"] == world.api.get(world.path).body
    assert [each["granted"] for each in told["decisions"]] == [True, False]
    assert [each["email"] for each in told["sign_ins"]] == [world.person.sign_in]
    assert [each["id"] for each in told["accounts"]] == [world.acc]
    listed = world.api.get(f"/v1/accounts/{world.acc}/entries?limit=100").body["data"]
    assert told["entries"] == listed[::-1]
    assert [entry["type"] for entry in told["entries"]] == [
        "earn",
        "earn",
        "redeem",
        "reserve",
    ]
    lots = world.api.get(f"/v1/accounts/{world.acc}/lots").body["data"]
    assert told["lots"] == [lot | {"account": world.acc} for lot in lots]
    holds = world.api.get(f"/v1/accounts/{world.acc}/holds").body["data"]
    assert told["holds"] == holds
    taken = sum(each["points"] for each in told["allocations"])
    assert taken == -35
    assert [each["key"] for each in told["refusals"]] == ["no"]
    orders = world.api.get(f"/v1/orders?member={world.id}").body["data"]
    assert told["orders"] == orders[::-1]
    assert [order["place"] for order in told["orders"]] == ["corner", None]
    returns = world.api.get(f"/v1/orders/{orders[0]['id']}/returns").body["data"]
    assert (told["returns"], len(returns)) == (returns, 2)
    done = world.api.get(f"/v1/activities?member={world.id}").body["data"]
    assert told["activities"] == done
    assert [each["facts"] for each in done] == [{"text": world.person.fact}]
    actions = [(row["action"], row["target"]) for row in told["audit"]]
    assert actions[-1] == ("member.exported", world.id)
    assert ("user.invited", world.user) in actions


def test_the_export_is_of_one_member_alone() -> None:
    world = World()
    neighbour = Person()
    made = world.api.post("/v1/members", neighbour.body())
    assert made.status == 201
    theirs = f"/v1/accounts/ext:{neighbour.external_id}@points"
    world.api.earn(theirs, 7)
    other = untyped("mem", made.body["id"])
    tell(world.api.program, other, review={"text": neighbour.fact})
    buy(world.api.program, other, back=1)
    text = msgspec.json.encode(world.export()).decode()
    assert [word for word in neighbour.words() if word in text] == []
    assert world.api.get(theirs).body["id"] not in text
    assert text.count('"ord_') == 4
    assert made.body["id"] not in text


def test_an_export_of_somebody_unknown_is_short_and_whole() -> None:
    api = make_api()
    api.enrol("plain")
    answer = api.get("/v1/members/ext:plain/export")
    told = msgspec.json.decode(b"".join(answer.response.streaming_content))  # type: ignore[attr-defined]
    empty = ("decisions", "sign_ins", "entries", "lots", "orders", "returns")
    assert [told[name] for name in (*empty, "activities")] == [[]] * 7
    assert len(told["accounts"]) == 1
    assert [row["action"] for row in told["audit"]] == ["member.exported"]


def test_long_histories_are_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    api = make_api()
    monkeypatch.setattr("punchcard.ledger.histories.CHUNK", 3)
    monkeypatch.setattr("punchcard.kernel.audit.CHUNK", 2)
    monkeypatch.setattr("punchcard.orders.histories.CHUNK", 2)
    account = api.enrol()
    member = untyped("mem", api.get("/v1/members/ext:anna").body["id"])
    for back in (0, 3, 0, 2, 0):
        buy(api.program, member, back=back)
        tell(api.program, member, check_in={})
    for points in range(1, 8):
        api.earn(account, points)
        api.post(f"{account}/redeem", {"points": 10**6}, key=f"no{points}")
    for n in range(7):
        api.post(f"{account}/reserve", {"points": 1}, key=f"hold{n}")
    for _ in range(5):
        list(api.get("/v1/members/ext:anna/export").response.streaming_content)  # type: ignore[attr-defined]
    answer = api.get("/v1/members/ext:anna/export")
    told = msgspec.json.decode(b"".join(answer.response.streaming_content))  # type: ignore[attr-defined]
    assert [entry["sequence"] for entry in told["entries"]] == list(range(1, 15))
    assert [lot["sequence"] for lot in told["lots"]] == list(range(1, 8))
    assert [hold["sequence"] for hold in told["holds"]] == list(range(14, 7, -1))
    assert len(told["allocations"]) == 7
    assert [each["key"] for each in told["refusals"]] == [f"no{n}" for n in range(1, 8)]
    assert len(told["audit"]) == 6
    assert [order["returns"] for order in told["orders"]] == [0, 3, 0, 2, 0]
    assert [(each["order"], each["n"]) for each in told["returns"]] == [
        (order["id"], n)
        for order in told["orders"]
        for n in range(1, order["returns"] + 1)
    ]
    kept = rows("SELECT id FROM orders_activity WHERE member_id = %s", (member,))
    ids = {typed("act", id_) for (id_,) in kept}
    assert {each["id"] for each in told["activities"]} == ids
    assert len(told["activities"]) == len(ids) == 5


def test_an_erased_member_is_still_there_and_nobody() -> None:
    world = World()
    erased = world.erase()
    assert erased.body["status"] == "erased"
    assert erased.body["erased_at"]
    assert erased.body["external_id"].startswith("erased-")
    unknown = ("email", "phone", "given_name", "family_name", "birth_date", "address")
    assert [erased.body[name] for name in unknown] == [None] * 6
    assert [erased.body[name] for name in ("attributes", "tags", "consents")] == [
        {},
        [],
        {},
    ]
    assert world.api.get(world.path).body == erased.body
    assert world.api.get(world.named).status == 404
    assert world.api.get(world.account).status == 404
    for query in (f"email={world.person.email}", "tag=vip", "status=active"):
        page = world.api.get(f"/v1/members?{query}").body["data"]
        assert world.id not in [member["id"] for member in page]
    gone = world.api.get("/v1/members?status=erased").body["data"]
    assert [member["id"] for member in gone] == [world.id]


def test_an_erased_member_s_points_stay_and_can_be_corrected() -> None:
    world = World()
    world.erase()
    account = f"/v1/accounts/{world.acc}"
    assert world.api.get(account).body["balance"]["available"] == 115
    refund = world.api.post(f"{account}/entries/3/refund", {}, key="refund")
    assert refund.status == 201
    assert refund.body["balance"]["available"] == 145


def test_nothing_more_can_be_known_of_an_erased_member() -> None:
    world = World()
    world.erase()
    answer = world.api.call(
        "PATCH", world.path, {"email": "a@b.example"}, headers={"If-Match": "*"}
    )
    assert (answer.status, answer.code) == (409, "member_erased")
    assert not rows("SELECT FROM members_person WHERE member_id = %s", (world.member,))


def test_erasing_twice_is_erasing_once() -> None:
    world = World()
    first = world.erase()
    again = world.erase()
    assert (again.status, again.body) == (200, first.body)
    done = rows(
        "SELECT action FROM kernel_audit WHERE program_id = %s AND target = %s"
        " AND action = 'member.erased'",
        (world.api.program, world.id),
    )
    assert len(done) == 1


def test_an_erasure_by_the_old_name_can_be_repeated_with_its_key() -> None:
    world = World()
    first = world.api.post(f"{world.named}/erase", key="forget")
    again = world.api.post(f"{world.named}/erase", key="forget")
    assert (first.status, again.status, again.replayed) == (200, 200, True)
    assert again.body == first.body


def test_a_late_retry_does_not_bring_anybody_back() -> None:
    world = World()
    body = world.person.body()
    world.erase()
    answers = [
        world.api.post("/v1/members", body, key="enrol"),
        world.api.post(
            "/v1/members:batch",
            {"members": [{"external_id": "neighbour"}, body]},
            key="batch",
        ),
        world.patch({"given_name": world.person.later}, key="change"),
        world.patch({}, key="stale", tag='"99"'),
    ]
    for answer in answers:
        assert (answer.status, answer.code) == (410, "answer_withheld")
    assert len(world.api.get("/v1/members?status=active").body["data"]) == 1
    # With a new key it is somebody new, of whom the caller knows again.
    anew = world.api.post("/v1/members", body, key="new")
    assert anew.status == 201
    assert anew.body["id"] != world.id


def test_answers_about_others_are_kept() -> None:
    world = World()
    first = world.api.post("/v1/members", {"external_id": "other"}, key="other")
    beside = f"{world.person.external_id}x"
    second = world.api.post("/v1/members", {"external_id": beside}, key="beside")
    world.erase()
    again = world.api.post("/v1/members", {"external_id": "other"}, key="other")
    assert (again.status, again.replayed) == (201, True)
    assert again.body == first.body
    again = world.api.post("/v1/members", {"external_id": beside}, key="beside")
    assert again.body == second.body


def test_who_could_sign_in_as_the_member_can_no_more() -> None:
    world = World()
    assert world.signed_in.get(world.path).status == 200
    world.erase()
    assert world.signed_in.get(world.path).status == 401
    answer = visitor(world.api).post(
        "/v1/auth/token", {"email": world.person.sign_in, "password": PASSWORD}
    )
    assert answer.status == 401
    assert not rows("SELECT FROM access_user WHERE email = %s", (world.person.sign_in,))


def test_a_user_who_is_somebody_elsewhere_stays_there() -> None:
    world = World()
    abroad = make_api()
    invite(abroad, world.person.sign_in, role="analyst")
    world.erase()
    assert world.api.get(f"/v1/users/{world.user}").status == 404
    assert world.signed_in.get(world.path).status == 401
    kept = abroad.get(f"/v1/users/{world.user}")
    assert (kept.status, kept.body["email"]) == (200, world.person.sign_in)
    assert kept.body["membership"]["role"] == "analyst"


def test_the_same_person_in_another_program_stays() -> None:
    world, abroad = World(), make_api()
    assert abroad.post("/v1/members", world.person.body(), key="enrol").status == 201
    world.erase()
    there = abroad.get(f"/v1/members/ext:{world.person.external_id}")
    assert there.body["email"] == world.person.email
    again = abroad.post("/v1/members", world.person.body(), key="enrol")
    assert (again.status, again.replayed) == (201, True)


def test_an_erasure_is_recorded_by_whomever_it_was_done() -> None:
    world = World()
    world.erase()
    (row,) = world.api.get("/v1/audit?action=member.erased").body["data"]
    assert (row["target"], row["fields"]) == (world.id, {"users": [world.user]})
    assert row["actor"].startswith("key_")


def test_what_a_person_changes_is_recorded_by_the_names_of_the_fields() -> None:
    api = make_api()
    admin = a_person(api, "admin")
    made = admin.post("/v1/members", Person().body()).body
    body = {"email": "a@b.example", "tags": ["x"]}
    changed = admin.call(
        "PATCH", f"/v1/members/{made['id']}", body, headers={"If-Match": "*"}
    )
    assert changed.status == 200
    recorded = api.get(f"/v1/audit?target={made['id']}").body["data"]
    assert [(row["action"], row["fields"]) for row in recorded] == [
        ("member.changed", {"fields": ["email", "tags"]}),
        ("member.enrolled", {}),
    ]
    assert {row["actor"][:4] for row in recorded} == {"usr_"}


def test_an_erasure_that_fails_half_way_erases_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    before = world.api.get(world.path).body

    def break_off(**_: object) -> None:
        raise RuntimeError("broken off")

    monkeypatch.setattr(erasure, "forget_member", break_off)
    author = Author(actor=CONSOLE, program=world.api.program)
    with pytest.raises(RuntimeError):
        erase_member(
            program=world.api.program,
            member=world.member,
            author=author,
            now=clock.read(),
        )
    assert world.api.get(world.path).body == before
    assert world.signed_in.get(world.path).status == 200


@contextmanager
def holding(member: UUID) -> Iterator[Callable[[], None]]:
    """Hold a member's lock, until what is given is called."""
    known = connection.settings_dict
    with psycopg.connect(
        host=known["HOST"],
        port=known["PORT"],
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=known["NAME"],
    ) as other:
        other.execute("SELECT FROM members_member WHERE id = %s FOR UPDATE", (member,))
        yield other.rollback


def apart(ask: Callable[[], Answer]) -> Answer:
    """Ask in a thread of its own, with a connection of its own."""
    try:
        return ask()
    finally:
        connections.close_all()


def test_a_change_and_an_erasure_at_once_leave_nothing_known() -> None:
    """Whoever comes second waits: a change after an erasure finds nobody."""
    world = World()
    with holding(world.member) as let_go, ThreadPoolExecutor() as pool:
        erased = pool.submit(apart, world.erase)
        _wait_for_waiters(1)
        later = {"given_name": world.person.later + "x"}
        changed = pool.submit(apart, lambda: world.patch(later, "c"))
        _wait_for_waiters(2)
        let_go()
        assert erased.result(60).status == 200
        assert changed.result(60).status in {409, 410}
    assert not rows("SELECT FROM members_person WHERE member_id = %s", (world.member,))


def _wait_for_waiters(count: int) -> None:
    import threading

    for _ in range(3_000):
        if rows("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waited")


def test_an_erasure_before_the_member_was_made_is_dated_then() -> None:
    api = make_api()
    api.enrol()
    member = UUID(
        str(
            rows("SELECT id FROM members_member WHERE program_id = %s", (api.program,))[
                0
            ][0]
        )
    )
    view = erase_member(
        program=api.program,
        member=member,
        author=Author(actor=CONSOLE, program=api.program),
        now=clock.read() - timedelta(days=10_000),
    )
    assert view.erased_at == view.created_at
    assert api.get(f"/v1/members/{typed('mem', member)}").body["status"] == "erased"
