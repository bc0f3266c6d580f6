"""Members from elsewhere: made once, with accounts; nobody is overwritten."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from punchcard.journeys import import_members as journey
from punchcard.journeys.change_member import change_member
from punchcard.journeys.create_program import create_program
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.erase_member import erase_member
from punchcard.journeys.import_members import Result, Terms, import_members
from punchcard.kernel.audit import Author, list_changes
from punchcard.ledger.queries import list_accounts
from punchcard.members.errors import MemberMalformed
from punchcard.members.operations import NewMember
from punchcard.members.queries import (
    Address,
    Consent,
    MemberView,
    Person,
    find_members,
    get_member,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Person(
    email="anna@example.org",
    given_name="Anna",
    birth_date=date(1980, 5, 31),
    address=Address(city="Lyon", country="FR"),
    attributes={"size": {"shoe": 38}},
    tags=["vip", "news"],
    consents=[Consent(purpose="mail", granted=True, at=NOW, source="till")],
)


@pytest.fixture
def terms() -> Terms:
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="live",
        currency="EUR",
        now=NOW,
    )
    return Terms(
        author=Author(actor="console", program=created.program.id),
        program=created.program.id,
    )


def put(terms: Terms, **people: Person) -> list[Result]:
    asked = [NewMember(external_id=name, person=said) for name, said in people.items()]
    return import_members(terms=terms, people=asked, now=NOW)


def codes(results: list[Result]) -> list[str]:
    return [result.code for result in results]


def known(terms: Terms, name: str) -> MemberView:
    found = find_members(program=terms.program, external_ids=[name])
    return get_member(program=terms.program, member=found[name])


def change(terms: Terms, name: str, **changes: Any) -> None:
    change_member(
        program=terms.program,
        member=known(terms, name).id,
        changes=changes,
        versions=None,
        author=terms.author,
        now=NOW,
    )


def test_a_member_is_who_the_file_says_and_has_an_account(terms: Terms) -> None:
    assert codes(put(terms, anna=ANNA, bo=Person())) == ["enrolled", "enrolled"]
    anna = known(terms, "anna")
    assert anna.person == ANNA
    assert known(terms, "bo").person == Person()
    assert len(list_accounts(holder_kind="member", holder=anna.id)) == 1


def test_again_is_known_and_changes_nothing(terms: Terms) -> None:
    put(terms, anna=ANNA, bo=Person())
    before = known(terms, "anna")
    assert codes(put(terms, anna=ANNA, bo=Person())) == ["known", "known"]
    assert known(terms, "anna") == before
    assert len(list_changes(program=terms.program, limit=9)) == 2


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"email": "other@example.org"}, ["email"]),
        ({"phone": "+33612345678"}, ["phone"]),
        ({"birth_date": date(1980, 6, 1)}, ["birth_date"]),
        ({"address": Address(city="Paris", country="FR")}, ["address/city"]),
        ({"address": Address(line1="1 rue X", city="Lyon")}, ["address/line1"]),
        ({"attributes": {"size": {"shoe": 39}}}, ["attributes/size/shoe"]),
        ({"attributes": {"size": {"hat": 7}}}, ["attributes/size/hat"]),
        ({"tags": ["vip", "staff"]}, ["tags"]),
        (
            {"consents": [Consent(purpose="sms", granted=True, at=NOW, source="till")]},
            ["consents"],
        ),
        ({"email": "x@y", "given_name": "Ann"}, ["email", "given_name"]),
        # What a file leaves out may be known.
        ({}, []),
        ({"email": "anna@example.org"}, []),
        ({"tags": ["news"]}, []),
        ({"address": Address(city="Lyon")}, []),
        ({"attributes": {"size": {}}}, []),
    ],
)
def test_who_is_known_otherwise_is_a_conflict_and_stays(
    terms: Terms, said: dict[str, Any], fields: list[str]
) -> None:
    put(terms, anna=ANNA)
    before = known(terms, "anna")
    (result,) = put(terms, anna=Person(**said))
    assert result == Result(
        code="conflict" if fields else "known", fields=tuple(fields)
    )
    assert known(terms, "anna") == before


def test_of_whom_nothing_was_ever_said_is_introduced_once(terms: Terms) -> None:
    enrol_members(program=terms.program, external_ids=["anna"], now=NOW)
    assert codes(put(terms, anna=ANNA)) == ["introduced"]
    anna = known(terms, "anna")
    assert (anna.person, anna.version) == (ANNA, 2)
    assert codes(put(terms, anna=ANNA)) == ["known"]
    (changed,) = list_changes(program=terms.program, limit=9, action="member.changed")
    assert "email" in changed.fields["fields"]
    assert "anna@example.org" not in str(changed)


def test_what_somebody_took_away_does_not_come_back(terms: Terms) -> None:
    put(terms, anna=Person(email="anna@example.org"))
    change(terms, "anna", email=None)
    assert known(terms, "anna").person == Person()
    (result,) = put(terms, anna=Person(email="anna@example.org"))
    assert result == Result(code="conflict", fields=("email",))
    assert known(terms, "anna").person == Person()


def test_an_erased_member_is_not_touched(terms: Terms) -> None:
    put(terms, anna=ANNA)
    erased = known(terms, "anna").id
    erase_member(program=terms.program, member=erased, author=terms.author, now=NOW)
    assert codes(put(terms, anna=ANNA)) == ["enrolled"]
    assert known(terms, "anna").id != erased
    gone = get_member(program=terms.program, member=erased)
    assert (gone.status, gone.person) == ("erased", Person())


def test_one_who_is_not_what_they_must_be_stops_the_batch(terms: Terms) -> None:
    with pytest.raises(MemberMalformed) as malformed:
        put(terms, bo=Person(), anna=Person(email="nobody"))
    assert (malformed.value.position, malformed.value.field) == (1, "email")
    assert find_members(program=terms.program, external_ids=["bo", "anna"]) == {}


def test_what_the_database_refuses_fails_alone(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol = journey.members.enrol_members

    def choking(*, members: Any, **said: Any) -> Any:
        if any(member.external_id == "m5" for member in members):
            raise psycopg.DataError("poison")
        return enrol(members=members, **said)

    monkeypatch.setattr(journey.members, "enrol_members", choking)
    results = put(terms, **{f"m{n}": Person() for n in range(8)})
    assert codes(results) == ["enrolled"] * 5 + ["unexpected"] + ["enrolled"] * 2
    assert len(list_changes(program=terms.program, limit=9)) == 7


def test_a_lost_connection_is_tried_again_and_counts_once(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = journey.record_changes
    cuts = iter([True, False])

    def cut(**said: Any) -> None:
        record(**said)
        if next(cuts):
            raise psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(journey, "record_changes", cut)
    assert codes(put(terms, anna=ANNA)) == ["enrolled"]
    assert len(list_changes(program=terms.program, limit=9)) == 1


def test_a_batch_costs_the_same_however_many_members(
    terms: Terms, statements: list[str]
) -> None:
    costs = []
    for size in (3, 900):
        third = size // 3
        strangers = [f"{size}-s{n}" for n in range(third)]
        enrol_members(program=terms.program, external_ids=strangers, now=NOW)
        olds = {f"{size}-o{n}": ANNA for n in range(third)}
        put(terms, **olds)
        statements.clear()
        results = put(
            terms,
            **dict.fromkeys(strangers, ANNA),
            **olds,
            **{f"{size}-n{n}": ANNA for n in range(third)},
        )
        costs.append(len(statements))
        assert set(codes(results)) == {"introduced", "known", "enrolled"}
    assert costs[0] == costs[1] < 20, statements
