"""Who calls, and what they ask for: two programs, and everybody that one can be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple
from uuid import uuid4

from django.contrib.auth.hashers import make_password

from punchcard.access.models import User
from punchcard.interfaces.api.documents import openapi_document
from punchcard.kernel.ids import typed
from tests.builders import relay_all, rows
from tests.interfaces.conftest import Answer, Api, make_api
from tests.interfaces.operations import Declared, fill
from tests.interfaces.ordering import a_return, an_activity, an_order
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    a_place,
    an_address,
    user_id,
    visitor,
)
from tests.interfaces.seeds import CALLS, FILE, Call, Seeds

PLACES = {
    "cashier_own_place": "harbour",
    "cashier_other_place": "airport",
    "cashier_no_place": None,
}
"""Caller -> the place that they name; the cashier works at two, not at the airport."""

PEOPLE: Mapping[str, tuple[str, dict[str, Any]]] = {
    "member_own": ("member", {"member": "anna"}),
    "member_other": ("member", {"member": "bert"}),
    **dict.fromkeys(PLACES, ("cashier", {})),
    "support": ("support", {}),
    "analyst": ("analyst", {}),
    "admin": ("admin", {}),
    "admin_other_program": ("admin", {}),
    "removed": ("admin", {}),
}
"""Caller -> the role that they have, and its terms."""

PREFIXES = {
    "account": "acc",
    "member": "mem",
    "user": "usr",
    "membership": "mbr",
    "key": "key",
    "row": "aud",
    "place": "plc",
    "job": "job",
    "order": "ord",
    "return": "ret",
    "activity": "act",
}
"""Parameter of an address that names an object by itself -> how its ids begin."""

IN_BODY = {
    ("POST", "/v1/entries:batch"): "account",
    ("POST", "/v1/memberships"): "user",
    ("POST", "/v1/orders"): "member",
    ("POST", "/v1/orders:batch"): "member",
    ("POST", "/v1/activities"): "member",
}
"""Operations that are about an object which their body names."""

THEIR_NAMES = {
    "account": "ext:theirs@points",
    "member": "ext:theirs",
    "place": "ext:theirs",
    "order": "ext:theirs",
    "return": "ext:theirs",
    "activity": "ext:theirs",
}
"""What only the other program calls something, and what nobody does."""
NOBODYS_NAMES = {
    "account": "ext:nobody@points",
    "member": "ext:nobody",
    "place": "ext:nobody",
    "order": "ext:nobody",
    "return": "ext:nobody",
    "activity": "ext:nobody",
}

_IDS = """
    WITH asked AS (SELECT %s::uuid AS program_id)
    SELECT 'mem', id FROM members_member JOIN asked USING (program_id)
    UNION ALL SELECT 'acc', a.id FROM ledger_account a
    JOIN programs_wallet w ON w.id = a.wallet_id JOIN asked USING (program_id)
    UNION ALL SELECT 'wal', id FROM programs_wallet JOIN asked USING (program_id)
    UNION ALL SELECT 'plc', id FROM programs_place JOIN asked USING (program_id)
    UNION ALL SELECT 'key', id FROM access_api_key JOIN asked USING (program_id)
    UNION ALL SELECT 'aud', id FROM kernel_audit JOIN asked USING (program_id)
    UNION ALL SELECT 'job', id FROM kernel_job JOIN asked USING (program_id)
    UNION ALL SELECT 'ord', id FROM orders_order JOIN asked USING (program_id)
    UNION ALL SELECT 'ret', id FROM orders_return JOIN asked USING (program_id)
    UNION ALL SELECT 'act', id FROM orders_activity JOIN asked USING (program_id)
    UNION ALL SELECT 'evt', id FROM kernel_event JOIN asked USING (program_id)
    UNION ALL SELECT 'mbr', id FROM access_membership JOIN asked USING (program_id)
    UNION ALL SELECT 'usr', user_id FROM access_membership JOIN asked USING (program_id)
"""


class Asked(NamedTuple):
    """A call that can succeed, if the caller may."""

    method: str
    template: str
    names: Mapping[str, Any]
    body: Any
    headers: Mapping[str, str]
    key: str | None

    @property
    def kind(self) -> str | None:
        """What the object is that the call is about; None: it is about none."""
        found = [kind for kind in PREFIXES if f"{{{kind}}}" in self.template]
        return found[0] if found else IN_BODY.get((self.method, self.template))

    @property
    def subject(self) -> str:
        """The text that names this object."""
        if f"{{{self.kind}}}" in self.template:
            return str(self.names[str(self.kind)])
        return str(self._namer()[self.kind])

    def about(self, text: str) -> Asked:
        """Return the same call about another object."""
        if f"{{{self.kind}}}" in self.template:
            return self._replace(names={**self.names, str(self.kind): text})
        other = self._replace(body=deepcopy(self.body))
        other._namer()[self.kind] = text
        return other

    def at(self, place: str | None) -> Asked:
        """Return the same call at a place, or with none said."""
        body = deepcopy(self.body)
        for one in _each(body):
            one.pop("place", None)
            if place is not None:
                one["place"] = place
        return self._replace(body=body)

    def send(self, caller: Api) -> Answer:
        """Ask."""
        is_file = isinstance(self.body, bytes)
        content_type = "text/csv" if is_file else "application/json"
        return caller.call(
            self.method,
            fill(self.template, self.names),
            self.body,
            key=self.key,
            headers=dict(self.headers),
            content_type=content_type,
        )

    def _namer(self) -> Any:
        """Return the part of the body in which the object is named."""
        return _each(self.body)[0]


def _each(body: Any) -> list[Any]:
    """Return what a batch is of, or the one body."""
    found: list[Any] = body.get("commands") or body.get("orders") or [body]
    return found


class Cast:
    """Our program and theirs, with a history each, and who can call."""

    def __init__(self) -> None:
        self.ours, self.theirs = make_api(), make_api()
        self.programs = [self.ours.program, self.theirs.program]
        self.seeds = {api.program: Seeds(api) for api in (self.ours, self.theirs)}
        for code in ("harbour", "airport"):
            a_place(self.ours, code)
        self.their_analyst = an_address("analyst")
        a_person(self.theirs, "analyst", email=self.their_analyst)
        # Two of everything that is listed, so that a list has a second page.
        self.seeds[self.theirs.program].key()
        self.theirs.enrol("theirs")
        for shortfall in ("cap", "refuse"):
            said = {"returns": {"shortfall": shortfall}}
            match = {"If-Match": "*"}
            self.theirs.call("PUT", "/v1/program/config", said, headers=match)
        a_place(self.theirs, "theirs")
        order = an_order(self.theirs, "theirs", member="theirs")
        a_return(self.theirs, order, "theirs")
        an_activity(self.theirs, "theirs")
        for seeds in self.seeds.values():
            seeds.order()
            seeds.activity()
        address = an_address("admin")
        admin = a_person(self.ours, "admin", email=address)
        # The same person is an admin there too: what counts is where they signed in.
        self.admin_there = a_person(self.theirs, "admin", email=address)
        self.callers = {name: self.somebody(name) for name in PEOPLE} | {
            "admin": admin,
            "admin_other_program": admin,
            "key_other_program": self.ours,
            "nobody": visitor(self.ours),
        }
        removed = self.callers["removed"]
        membership = removed.get("/v1/auth/me").body["membership"]["id"]
        gone = self.ours.call("DELETE", f"/v1/memberships/{membership}")
        assert gone.status == 204, gone.body
        relay_all()

    def somebody(self, name: str) -> Api:
        """Return somebody new who is this."""
        role, terms = PEOPLE[name]
        if role == "cashier":
            codes = ("old-town", "harbour")
            terms = {"places": [a_place(self.ours, code) for code in codes]}
        return a_person(self.ours, role, **terms)

    def caller(self, name: str, declared: Declared) -> Api:
        """Return who calls; where a password is changed, somebody new who knows it."""
        somebody_new = declared.operation.id == "changePassword" and name != "removed"
        if not somebody_new or name not in PEOPLE:
            return self.callers[name]
        person = self.somebody(name)
        hashed = make_password(PASSWORD)
        User.objects.filter(pk=user_id(person)).update(password=hashed)
        return person

    def ask(self, declared: Declared, api: Api | None = None) -> Asked:
        """Return a call about an object made for it, of our program or of this one."""
        program = self.ours if api is None else api
        seeds = self.seeds[program.program]
        seed = CALLS.get(declared.operation.id)
        call = Call() if seed is None else seed(seeds)
        body = None
        if declared.operation.has_body:
            body = example(declared) | dict(call.body)
        if declared.operation.takes_file:
            body = FILE.encode()
        return Asked(
            method=declared.method,
            template=declared.path,
            names=seeds.known | call.path,
            body=body,
            headers=call.headers,
            key=seeds.name("walk") if declared.operation.key == "required" else None,
        )

    def theirs_by_id(self, declared: Declared) -> Asked:
        """Return a call about an object of the other program, named by its id."""
        asked = self.ask(declared, self.theirs)
        text = asked.subject
        if text.startswith("ext:"):
            body = self.theirs.get(f"/v1/{asked.kind}s/{text}").body
            text = str(body["id"])
        assert text.startswith(f"{PREFIXES[str(asked.kind)]}_"), text
        return asked.about(text)

    def ids_of_theirs(self) -> set[str]:
        """Return every id of the other program but that of whom both know."""
        found = rows(_IDS, [self.theirs.program])
        both = typed("usr", user_id(self.admin_there))
        return {typed(prefix, value) for prefix, value in found} - {both}


@cache
def paths() -> dict[str, Any]:
    """Return the operations that the document describes."""
    found: dict[str, Any] = json.loads(openapi_document())["paths"]
    return found


def example(declared: Declared) -> dict[str, Any]:
    """Return the body that the document shows."""
    described = paths()[declared.path]
    content = described[declared.method.lower()]["requestBody"]["content"]
    said: dict[str, Any] = deepcopy(content["application/json"]["example"])
    return said


def an_id_of_nobody(kind: str) -> str:
    """Return a good id that nobody has."""
    return typed(PREFIXES[kind], uuid4())
