"""Role by endpoint by tenant: who may ask what of whose, walked cell by cell.

`role_endpoint_tenant.csv` was written by hand, from what each role is for, and not from
the code that decides. A line is an operation, a column is who calls, and about what:

- `member_own`, `member_other`: Anna about her own objects, Bert about hers;
- `cashier_…`: somebody who works at two of three places, and names one of them, the
  third, or none;
- `admin_other_program`, `key_other_program`: an admin and a key that may do everything,
  about another program's object; the same person is an admin there too;
- `removed`: who was an admin until they were taken out; `nobody` shows no credential.

A cell is what they get: `ok`; a status; `own`: it is done, and what is another
program's is neither shown nor changed; `-`: the column asks nothing else there than the
one before it, as no object, or no place, is named.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core import mail
from pytest_django import DjangoDbBlocker

from punchcard.access.models import Attempts
from tests.interfaces.cast import (
    NOBODYS_NAMES,
    PLACES,
    THEIR_NAMES,
    Asked,
    Cast,
    an_id_of_nobody,
)
from tests.interfaces.conftest import Answer
from tests.interfaces.operations import OPERATIONS, Declared
from tests.interfaces.snapshots import (
    OF_NO_PROGRAM,
    STORED,
    changed,
    tables,
    take_snapshot,
)

TABLE = Path(__file__).with_name("role_endpoint_tenant.csv")
CODES = {"401": "unauthenticated", "403": "forbidden"}
OF_A_MEMBER = ("member", "account", "order", "return", "activity")
ELSEWHERE = {"admin_other_program", "key_other_program"}
BATCH = "/v1/entries:batch"
BATCHES = {BATCH, "/v1/orders:batch"}
OF_SUPPORT = {"type": "adjust", "points": -1, "reason": "Counted anew"}


def lines() -> list[dict[str, str]]:
    with TABLE.open(newline="") as file:
        found = csv.DictReader(file, skipinitialspace=True)
        return [{name: cell.strip() for name, cell in row.items()} for row in found]


LINES = {(line.pop("method"), line.pop("path")): line for line in lines()}
BY_NAME = {(declared.method, declared.path): declared for declared in OPERATIONS}
WALK = [
    pytest.param(BY_NAME[name], line, id=" ".join(name))
    for name, line in LINES.items()
    if name in BY_NAME
]


def of_cells(*cells: str) -> list[Any]:
    """Return the lines that say so of what is another program's."""
    wanted = set(cells)
    return [
        each for each in WALK if wanted & {each.values[1][name] for name in ELSEWHERE}
    ]


@pytest.fixture(scope="module")
def cast(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    """Everybody, once: what is refused changes nothing, and the rest has its own."""
    with django_db_blocker.unblock():
        yield Cast()


@pytest.fixture(autouse=True)
def nothing_is_shut() -> None:
    """All calls come from one address."""
    Attempts.objects.all().delete()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every statement that is sent from now on."""
    sent: list[Any] = []
    execute = psycopg.Cursor.execute

    def noting(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(query)
        return execute(cursor, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noting)
    return sent


def status_of(path: str, answer: Answer) -> int:
    """Return the status; of a batch of one, that of what is in it."""
    if path in BATCHES and answer.status == 200:
        (outcome,) = answer.body["data"]
        return int(outcome["status"])
    return answer.status


def alike(answer: Answer, *said: str) -> str:
    """Return an answer without what is every request's own, and what it named."""
    own = {"request_id", "instance"}
    kept = {name: value for name, value in answer.body.items() if name not in own}
    text = f"{answer.status} {kept}"
    for name in said:
        text = text.replace(name, "…")
    return text


def said_by(name: str, asked: Asked, declared: Declared) -> Asked:
    """Return what this caller says when they ask for this."""
    if name == "support" and asked.template == BATCH:
        (command,) = asked.body["commands"]
        asked = asked._replace(body={"commands": [command | OF_SUPPORT]})
    if name in PLACES and takes_place(declared):
        asked = asked.at(PLACES[name])
    return asked


def takes_place(declared: Declared) -> bool:
    if declared.path in BATCHES:
        return True
    body = declared.operation.body
    # A union of structs has no fields of its own, and none of ours has a place.
    return "place" in getattr(body, "__struct_fields__", ())


# ------------------------------------------------------------------------ the table


def test_every_operation_has_its_line_and_every_line_an_operation() -> None:
    assert len(lines()) == len(LINES), "an operation has two lines"
    assert LINES.keys() == BY_NAME.keys()


def test_a_cell_is_empty_only_where_nothing_else_can_be_asked() -> None:
    for (method, path), line in LINES.items():
        places = takes_place(BY_NAME[method, path])
        asked = dict.fromkeys(line, True)
        asked["member_other"] = any(f"{{{name}}}" in path for name in OF_A_MEMBER)
        asked["cashier_other_place"] = asked["cashier_no_place"] = places
        assert {name: cell != "-" for name, cell in line.items()} == asked, path
        assert set(line.values()) <= {"ok", "own", "401", "403", "404", "-"}, path
        own = {name for name, cell in line.items() if cell == "own"}
        assert own <= ELSEWHERE, path
        # Whose object it is that an address names, only a 404 can say.
        assert not own or "{" not in path, path


def test_a_snapshot_is_of_every_table() -> None:
    assert STORED.keys() | OF_NO_PROGRAM == set(tables())


# ------------------------------------------------------------------------- the walk


@pytest.mark.parametrize(("declared", "line"), WALK)
def test_who_may_not_is_refused_and_nothing_happens(
    cast: Cast, declared: Declared, line: dict[str, str]
) -> None:
    refused = {
        name: cell
        for name, cell in line.items()
        if cell.isdigit() and name not in ELSEWHERE
    }
    good = cast.ask(declared)
    sent = [(name, said_by(name, good, declared)) for name in refused]
    before, letters = take_snapshot(*cast.programs), len(mail.outbox)
    for name, asked in sent:
        answer = asked.send(cast.caller(name, declared))
        assert str(answer.status) == refused[name], (name, answer.body)
        if answer.status != 404:
            assert answer.code == CODES[refused[name]], name
            continue
        nobody = an_id_of_nobody(str(asked.kind))
        unknown = asked.about(nobody).send(cast.caller(name, declared))
        assert alike(answer, asked.subject) == alike(unknown, nobody), name
    assert changed(before, take_snapshot(*cast.programs)) == []
    assert len(mail.outbox) == letters


@pytest.mark.parametrize(("declared", "line"), WALK)
def test_who_may_is_answered(
    cast: Cast, declared: Declared, line: dict[str, str]
) -> None:
    for name, cell in line.items():
        if cell == "ok":
            asked = said_by(name, cast.ask(declared), declared)
            answer = asked.send(cast.caller(name, declared))
            status = status_of(declared.path, answer)
            assert 200 <= status < 300, (name, answer.body)


@pytest.mark.parametrize(("declared", "line"), of_cells("404", "403"))
def test_what_is_another_program_s_is_not_there(
    cast: Cast, declared: Declared, line: dict[str, str], statements: list[Any]
) -> None:
    asked = (
        cast.theirs_by_id(declared)
        if "404" in line.values()
        else cast.ask(declared, cast.theirs)
    )
    named = {asked.subject: an_id_of_nobody(str(asked.kind))} if asked.kind else {}
    if asked.kind in THEIR_NAMES:
        named[THEIR_NAMES[asked.kind]] = NOBODYS_NAMES[asked.kind]
    before, letters = take_snapshot(*cast.programs), len(mail.outbox)
    for name in ELSEWHERE:
        caller = cast.callers[name]
        if line[name] == "403":
            answer = asked.send(caller)
            assert (answer.status, answer.code) == (403, "forbidden"), name
        elif line[name] == "404":
            for theirs, nobodys in named.items():
                answer = asked.about(theirs).send(caller)
                assert status_of(declared.path, answer) == 404, (name, answer.body)
                sent = []
                for text in (theirs, nobodys):
                    statements.clear()
                    again = asked.about(text).send(caller)
                    assert alike(again, text) == alike(answer, theirs), name
                    sent.append(len(statements))
                # Of a key it is noted once a minute that it was used.
                assert sent[0] == sent[1] or caller == cast.ours, sent
    assert changed(before, take_snapshot(*cast.programs)) == []
    assert len(mail.outbox) == letters
    if asked.kind:
        # It is there: those whose it is are answered.
        assert 200 <= status_of(declared.path, asked.send(cast.theirs)) < 300


@pytest.mark.parametrize(("declared", "line"), of_cells("own"))
def test_what_is_done_for_one_program_shows_and_changes_nothing_of_another(
    cast: Cast, declared: Declared, line: dict[str, str]
) -> None:
    theirs = cast.ids_of_theirs()
    if "cursor" in declared.operation.query.__struct_fields__:
        shown = cast.theirs.call(declared.method, declared.path)
        assert any(name in str(shown.body) for name in theirs)
    for name in ELSEWHERE:
        if line[name] != "own":
            continue
        asked = cast.ask(declared)
        before = take_snapshot(cast.theirs.program)
        answer = asked.send(cast.callers[name])
        assert 200 <= answer.status < 300, (name, answer.body)
        said = answer.response.content.decode()
        assert not [one for one in theirs if one in said], name
        assert changed(before, take_snapshot(cast.theirs.program)) == []


# ----------------------------------------------------------------- lists and bodies


LISTS = [
    pytest.param(declared, id=declared.path)
    for declared in OPERATIONS
    if "cursor" in declared.operation.query.__struct_fields__
    and "{" not in declared.path
]


@pytest.mark.parametrize("declared", LISTS)
def test_a_list_and_a_cursor_of_another_program_show_nothing_of_it(
    cast: Cast, declared: Declared
) -> None:
    theirs = cast.ids_of_theirs()
    first = cast.theirs.get(f"{declared.path}?limit=1").body
    assert first["has_more"], "there is nothing to be shown"
    for cursor in ("", first["next_cursor"]):
        while cursor is not None:
            query = f"&cursor={cursor}" if cursor else ""
            page = cast.ours.get(f"{declared.path}?limit=100{query}")
            assert page.status == 200, page.body
            assert not [one for one in theirs if one in str(page.body)]
            cursor = page.body["next_cursor"]


def _of_their_audit(cast: Cast, field: str, start: str) -> str:
    """Return the last actor or target there whose id begins like this."""
    data = cast.theirs.get("/v1/audit?limit=100").body["data"]
    return next(str(row[field]) for row in data if row[field].startswith(start))


FILTERS: dict[str, Callable[[Cast], str]] = {
    "a member by external id": lambda _: "/v1/members?external_id=theirs",
    "an order by external id": lambda _: "/v1/orders?external_id=theirs",
    "an order by member": lambda _: "/v1/orders?member=ext:theirs",
    "an activity by external id": lambda _: "/v1/activities?external_id=theirs",
    "a user by address": lambda cast: f"/v1/users?email={cast.their_analyst}",
    "the audit by actor": lambda cast: (
        f"/v1/audit?actor={_of_their_audit(cast, 'actor', 'key_')}"
    ),
    "the audit by target": lambda cast: (
        f"/v1/audit?target={_of_their_audit(cast, 'target', 'plc_')}"
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_nothing_of_another_program(cast: Cast, name: str) -> None:
    path = FILTERS[name](cast)
    for caller in (cast.ours, cast.callers["admin"]):
        assert caller.get(path).body["data"] == []
    assert cast.theirs.get(path).body["data"] != []


class Naming(NamedTuple):
    """A body that names an object; `status` if it is not there."""

    method: str
    path: str
    kind: str
    status: int
    body: Callable[[str], dict[str, Any]]


ANNA = "ext:anna@points"
ORDER = {
    "external_id": "naming",
    "member": "ext:anna",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "total": 1,
}
EARN = f"/v1/accounts/{ANNA}/earn"
TRANSFER = f"/v1/accounts/{ANNA}/transfer"
SUPPORT = "/v1/memberships/{support}"
ONE = {"points": 1}


def _paid_from(account: str) -> dict[str, Any]:
    tender = {"kind": "points", "amount": 1, "entry": f"{account}/1"}
    return {"tenders": [tender]}


NAMINGS = {
    "to whom is transferred": Naming(
        "POST", TRANSFER, "account", 404, lambda text: ONE | {"to": text}
    ),
    "to whom is transferred in a batch": Naming(
        "POST",
        BATCH,
        "account",
        404,
        lambda text: {
            "commands": [
                {"type": "transfer", "account": ANNA, "key": "naming", "to": text} | ONE
            ]
        },
    ),
    "who was referred": Naming(
        "POST", EARN, "member", 400, lambda text: ONE | {"referred_member": text}
    ),
    "where it happens": Naming(
        "POST", EARN, "place", 400, lambda text: ONE | {"place": text[4:]}
    ),
    "where an order happens": Naming(
        "POST", "/v1/orders", "place", 400, lambda text: ORDER | {"place": text[4:]}
    ),
    "what paid for an order": Naming(
        "POST", "/v1/orders", "account", 404, lambda text: ORDER | _paid_from(text)
    ),
    "as whom somebody is invited": Naming(
        "POST",
        "/v1/users",
        "member",
        400,
        lambda text: {"email": "m@example.com", "role": "member", "member": text},
    ),
    "where somebody is to work": Naming(
        "POST",
        "/v1/users",
        "place",
        400,
        lambda text: {"email": "c@example.com", "role": "cashier", "places": [text]},
    ),
    "as whom somebody goes on": Naming(
        "PATCH", SUPPORT, "member", 400, lambda text: {"role": "member", "member": text}
    ),
    "where somebody works from now on": Naming(
        "PATCH",
        SUPPORT,
        "place",
        400,
        lambda text: {"role": "cashier", "places": [text]},
    ),
}


@pytest.mark.parametrize("name", NAMINGS)
def test_what_a_body_names_of_another_program_is_not_there(
    cast: Cast, name: str
) -> None:
    method, path, kind, status, body = NAMINGS[name]
    me = cast.callers["support"].get("/v1/auth/me").body
    path = path.format(support=me["membership"]["id"])
    by_id = str(cast.theirs.get(f"/v1/{kind}s/{THEIR_NAMES[kind]}").body["id"])
    pairs = {THEIR_NAMES[kind]: NOBODYS_NAMES[kind], by_id: an_id_of_nobody(kind)}
    key = "naming" if ANNA in path else None
    before, letters = take_snapshot(*cast.programs), len(mail.outbox)
    for caller in (cast.ours, cast.callers["admin"]):
        for texts in pairs.items():
            answers = [caller.call(method, path, body(text), key=key) for text in texts]
            said = [
                alike(answer, text) for answer, text in zip(answers, texts, strict=True)
            ]
            assert said[0] == said[1]
            assert status_of(path, answers[0]) == status, answers[0].body
    assert changed(before, take_snapshot(*cast.programs)) == []
    assert len(mail.outbox) == letters
