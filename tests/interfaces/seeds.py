"""For every operation a call that can succeed: the document's example on what exists.

Bodies are those that the document shows. What must be another's, new, or in a certain
state is in the table at the end, by operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from punchcard.interfaces.api.endpoint import Operation
from punchcard.interfaces.api.permissions import ANY_USER
from punchcard.interfaces.jobs.running import work_on_jobs
from punchcard.programs.models import Program
from tests.interfaces.conftest import DAY, START, Api
from tests.interfaces.ordering import a_return, an_activity, an_order
from tests.interfaces.people import (
    PASSWORD,
    a_person,
    a_place,
    an_address,
    an_admin_with_password,
    invite,
    last_token,
    token,
    visitor,
)

FILE = "external_id\ncarla\n"
"""For an import of members."""


@dataclass
class Call:
    """What is said instead of the example; None as a body: as the example has it."""

    path: dict[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    secret: str | None = None


class Seeds:
    """Objects that exist, and ways to make more of them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._numbers = count(1)
        self.account = api.enrol("anna")
        api.enrol("bert")
        api.earn(self.account, 10**9)
        self.redeem()
        a_place(api)
        self.known = {"account": "ext:anna@points", "member": "ext:anna"}
        self.known |= {"sequence": 1, "lot": "1.1", "place": "ext:old-town"}

    def put(self, case: Any) -> str | None:
        """Make a case one that succeeds; return whose secret to call with, if one's."""
        operation = case.operation.definition.raw
        seed = CALLS.get(operation["operationId"])
        call = Call() if seed is None else seed(self)
        names = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        known = self.known | call.path
        case.path_parameters = {name: known[name] for name in names}
        case.query = {}
        case.headers = dict(call.headers)
        if any(p["name"] == "Idempotency-Key" for p in operation["parameters"]):
            case.headers["Idempotency-Key"] = self.name("seed")
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            example = deepcopy(content["application/json"]["example"])
            case.body = example | call.body
        elif content:
            case.media_type, case.body = "application/octet-stream", FILE
        return call.secret

    def name(self, kind: str) -> str:
        """Return a name that nobody has."""
        return f"{kind}-{next(self._numbers)}"

    def redeem(self) -> int:
        """Spend something; return the entry's sequence."""
        return self._posted("redeem", {"points": 1000})

    def earn(self, **said: Any) -> int:
        """Earn something; return the entry's sequence."""
        return self._posted("earn", {"points": 1000, **said})

    def reserve(self) -> int:
        """Hold something; return the entry's sequence."""
        return self._posted("reserve", {"points": 1000})

    def member(self) -> str:
        """Enrol somebody; return their external id."""
        name = self.name("member")
        self.api.enrol(name)
        return name

    def caller(self, operation: Operation) -> str:
        """Return the secret of somebody who may ask for it."""
        if operation.scope != ANY_USER:
            return self.api.secret
        # With a password: some of it is about that.
        return an_admin_with_password(self.api)[0].secret

    def visitor(self) -> Api:
        """Return somebody without a credential, from where nobody else comes."""
        nobody = visitor(self.api)
        nobody.client.defaults["REMOTE_ADDR"] = f"2001:db8:{next(self._numbers):x}::1"
        return nobody

    def person(self, role: str = "analyst") -> Api:
        """Return somebody who is signed in."""
        return a_person(self.api, role)

    def invited(self) -> dict[str, Any]:
        """Invite somebody; return the user."""
        user: dict[str, Any] = invite(self.api, an_address(), role="analyst")
        return user

    def invitation(self) -> str:
        """Invite somebody; return what stands in the letter to them."""
        return last_token(str(self.invited()["email"]))

    def accepted(self) -> str:
        """Return the address of somebody whose password is the tests' one."""
        return an_admin_with_password(self.api)[1]

    def signed_in(self) -> dict[str, Any]:
        """Return the tokens of somebody."""
        tokens: dict[str, Any] = token(self.api, self.accepted()).body
        return tokens

    def registered(self) -> str:
        """Have somebody register; return what stands in the letter to them."""
        address = an_address()
        body = {"email": address, "password": PASSWORD, "program": self.slug()}
        self.visitor().post("/v1/auth/register", body)
        return last_token(address)

    def slug(self) -> str:
        """Let people register themselves; return what they call the program."""
        program = Program.objects.get(pk=self.api.program)
        program.self_registration = True
        program.save()
        return program.slug

    def removed(self) -> str:
        """Take somebody out of the program; return the user's id."""
        membership = self.person().get("/v1/auth/me").body["membership"]
        self.api.call("DELETE", f"/v1/memberships/{membership['id']}")
        return str(membership["user"])

    def linked(self) -> str:
        """Return what stands in a letter to somebody who forgot their password."""
        address = self.accepted()
        self.visitor().post("/v1/auth/forgot-password", {"email": address})
        return last_token(address)

    def key(self) -> str:
        """Make an API key; return its id."""
        body = {"name": "till", "scopes": ["members:read"]}
        made = self.api.post("/v1/api-keys", body).body
        return str(made["api_key"]["id"])

    def job(self) -> str:
        """Ask for an import; return its id."""
        return str(self.api.post("/v1/jobs", {"kind": "import_members"}).body["id"])

    def done_job(self) -> str:
        """Have a file imported, of which a row is broken; return the job's id."""
        job = self.job()
        path, file = f"/v1/jobs/{job}/file", f"{FILE}{'x' * 300}\n".encode()
        sent = self.api.call("PUT", path, file, content_type="text/csv")
        assert sent.status == 202, sent.body
        work_on_jobs()
        return job

    def order(self, **said: Any) -> str:
        """Record an order of Anna's in the old town; return its id."""
        place = a_place(self.api)
        return an_order(self.api, self.name("order"), place=place, **said)

    def returned(self, *, pending: bool = False) -> str:
        """Record an order of Anna's and its return; return the return's id."""
        name = self.name("return")
        return a_return(self.api, self.order(), name, pending=pending)

    def activity(self) -> str:
        """Record an activity of Anna's; return its id."""
        return an_activity(self.api, self.name("activity"))

    def tag(self, member: str) -> str:
        """Return the ETag of a member."""
        answer = self.api.get(f"/v1/members/ext:{member}")
        return str(answer.response.headers["ETag"])

    def audit_row(self) -> str:
        """Return the id of a row of the audit."""
        person = self.person("admin")
        person.post("/v1/places", {"code": self.name("place"), "name": "Port"})
        return str(self.api.get("/v1/audit").body["data"][0]["id"])

    def _posted(self, verb: str, body: dict[str, Any]) -> int:
        answer = self.api.post(f"{self.account}/{verb}", body, key=self.name("made"))
        assert answer.status == 201, answer.body
        return int(answer.body["entry"]["sequence"])


def _account_of(member: str) -> dict[str, Any]:
    return {"account": f"ext:{member}@points"}


def _frozen(seeds: Seeds) -> Call:
    account = _account_of(seeds.member())
    said = {"reason": "lost"}
    seeds.api.post(f"/v1/accounts/{account['account']}/freeze", said)
    return Call(path=account)


def _patched(seeds: Seeds) -> Call:
    member = seeds.member()
    return Call(
        path={"member": f"ext:{member}"}, headers={"If-Match": seeds.tag(member)}
    )


def _removed(seeds: Seeds) -> Call:
    return Call(path={"membership": seeds.invited()["membership"]["id"]})


def _batch(seeds: Seeds) -> Call:
    earn = {"type": "earn", "account": "ext:anna@points", "points": 1}
    return Call(body={"commands": [earn | {"key": seeds.name("batch")}]})


def _orders(seeds: Seeds) -> Call:
    order = {
        "external_id": seeds.name("order"),
        "member": "ext:anna",
        "occurred_at": "2026-03-01T12:00:00Z",
        "currency": "EUR",
        "lines": [{"unit_price": 1200}],
    }
    return Call(body={"orders": [order]})


CALLS: Mapping[str, Callable[[Seeds], Call]] = {
    "refund": lambda s: Call(path={"sequence": s.redeem()}),
    "reverse": lambda s: Call(path={"sequence": s.earn()}),
    "getHold": lambda s: Call(path={"hold": s.reserve()}),
    "capture": lambda s: Call(path={"hold": s.reserve()}),
    "void": lambda s: Call(path={"hold": s.reserve()}),
    "activate": lambda s: Call(path={"lot": s.earn(pending="event")}),
    "cancel": lambda s: Call(path={"lot": s.earn(pending="event")}),
    "extendLot": lambda s: Call(path={"lot": s.earn(validity="P1M")}),
    "lapseLot": lambda s: Call(path={"lot": s.earn()}),
    "transfer": lambda _: Call(body={"to": "ext:bert@points"}),
    "postEntries": _batch,
    "freezeAccount": lambda s: Call(path=_account_of(s.member())),
    "unfreezeAccount": _frozen,
    "closeAccount": lambda s: Call(path=_account_of(s.member())),
    "changeMember": _patched,
    "eraseMember": lambda s: Call(path={"member": f"ext:{s.member()}"}),
    "getAuditRow": lambda s: Call(path={"row": s.audit_row()}),
    "getApiKey": lambda s: Call(path={"key": s.key()}),
    "rotateApiKey": lambda s: Call(path={"key": s.key()}),
    "revokeApiKey": lambda s: Call(path={"key": s.key()}),
    "getJob": lambda s: Call(path={"job": s.done_job()}),
    "sendJobFile": lambda s: Call(path={"job": s.job()}),
    "cancelJob": lambda s: Call(path={"job": s.job()}),
    "listJobErrors": lambda s: Call(path={"job": s.done_job()}),
    "getJobResult": lambda s: Call(path={"job": s.done_job()}),
    "recordOrder": lambda s: Call(body={"external_id": s.name("order")}),
    "recordOrders": _orders,
    "payOrder": lambda s: Call(path={"order": s.order(status="open")}),
    "cancelOrder": lambda s: Call(path={"order": s.order()}),
    "reopenOrder": lambda s: Call(path={"order": s.order()}),
    "recordReturn": lambda s: Call(
        path={"order": s.order()}, body={"external_id": s.name("return")}
    ),
    "recordActivity": lambda s: Call(body={"external_id": s.name("activity")}),
    "getOrder": lambda s: Call(path={"order": s.order()}),
    "listReturns": lambda s: Call(path={"order": s.order()}),
    "getReturn": lambda s: Call(path={"return": s.returned()}),
    "settleRefund": lambda s: Call(path={"return": s.returned(pending=True)}),
    "getActivity": lambda s: Call(path={"activity": s.activity()}),
    "applyConfiguration": lambda _: Call(headers={"If-Match": "*"}),
    "createPlace": lambda s: Call(body={"code": s.name("place")}),
    "inviteUser": lambda _: Call(body={"email": an_address()}),
    "getUser": lambda s: Call(path={"user": s.invited()["id"]}),
    "changeUser": lambda s: Call(path={"user": s.invited()["id"]}),
    "disableUser": lambda s: Call(path={"user": s.invited()["id"]}),
    "enableUser": lambda s: Call(path={"user": s.invited()["id"]}),
    "inviteAgain": lambda s: Call(path={"user": s.invited()["id"]}),
    "getMembership": _removed,
    "changeMembership": _removed,
    "removeMembership": _removed,
    "createMembership": lambda s: Call(body={"user": s.removed()}),
    "changePassword": lambda s: Call(
        body={"current_password": PASSWORD},
        secret=an_admin_with_password(s.api)[0].secret,
    ),
    "register": lambda s: Call(body={"email": an_address(), "program": s.slug()}),
    "verifyEmail": lambda s: Call(body={"token": s.registered()}),
    "acceptInvitation": lambda s: Call(body={"token": s.invitation()}),
    "signIn": lambda s: Call(body={"email": s.accepted(), "password": PASSWORD}),
    "refreshToken": lambda s: Call(body={"refresh": s.signed_in()["refresh"]}),
    "forgotPassword": lambda s: Call(body={"email": s.accepted()}),
    "resetPassword": lambda s: Call(body={"token": s.linked()}),
    "advanceClock": lambda s: Call(
        body={"to": (START + next(s._numbers) * DAY).isoformat()}
    ),
}
