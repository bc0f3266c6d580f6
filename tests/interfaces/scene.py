"""A test program with a history, in which every operation can be asked for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from punchcard.interfaces.api.documents import openapi_document
from tests.interfaces.conftest import Answer, Api, make_api
from tests.interfaces.operations import NAMES, fill
from tests.interfaces.ordering import a_return, an_order
from tests.interfaces.people import a_person, visitor

PATHS: dict[str, dict[str, Any]] = json.loads(openapi_document())["paths"]
"""What the document says of each address, by method."""


class Scene:
    """Anna has earned, spent, reserved and pending points; Bo has an account."""

    def __init__(self, **policy: Any) -> None:
        self.api = make_api(**policy)
        self.account = self.api.enrol("anna")
        self.other = self.api.enrol("bo")
        self.earned = self.api.earn(self.account, 100)["sequence"]
        self.spent = self._post("redeem", {"points": 40})["sequence"]
        self.held = self._post("reserve", {"points": 10})["sequence"]
        pending = self.api.earn(self.account, 20, pending="event")
        self.waiting = f"{pending['sequence']}.1"

    def _post(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.api.post(f"{self.account}/{verb}", body, key=f"scene {verb}")
        assert answer.status == 201, answer.body
        entry: dict[str, Any] = answer.body["entry"]
        return entry

    @cached_property
    def visitor(self) -> Api:
        """Somebody with no credential, from where nobody else comes."""
        return _from_anywhere(visitor(self.api))

    @cached_property
    def person(self) -> Api:
        """The program's only admin, signed in, from where nobody else comes."""
        return _from_anywhere(a_person(self.api, "admin"))

    @cached_property
    def job(self) -> str:
        """An import that waits for its file."""
        return str(self.ask("import_members"))

    @cached_property
    def order(self) -> str:
        """An order that Anna paid."""
        return an_order(self.api, "scene order")

    @cached_property
    def open_order(self) -> str:
        """An order that Anna did not pay yet."""
        return an_order(self.api, "open order", status="open")

    @cached_property
    def returned(self) -> str:
        """A return of Anna's, of which the refund is under way."""
        order = an_order(self.api, "returned order")
        return a_return(self.api, order, "scene return", pending=True)

    def ask(self, kind: str) -> Any:
        """Ask for a job; return its id."""
        answer = self.api.post("/v1/jobs", {"kind": kind})
        assert answer.status == 202, answer.body
        return answer.body["id"]

    def caller(self, method: str, template: str) -> Api:
        """Return who may ask for it: our key, or where none may, a person or nobody."""
        ways = PATHS[template][method.lower()]["security"]
        if not ways:
            return self.visitor
        return self.api if any("apiKey" in way for way in ways) else self.person

    def path(self, template: str, named: Mapping[str, Any] | None = None) -> str:
        """Return an address of this scene, with the object that suits its verb."""
        verb = template.rpartition("/")[2]
        names = {
            **NAMES,
            "account": self.account.removeprefix("/v1/accounts/"),
            "member": "ext:anna",
            "sequence": self.spent if verb == "refund" else self.earned,
            "hold": self.held,
            "lot": self.waiting if verb in {"activate", "cancel"} else "1.1",
        }
        named = dict(named or {})
        if "{job}" in template and "job" not in named:
            named["job"] = self.job
        if "{order}" in template and "order" not in named:
            named["order"] = self.open_order if verb == "pay" else self.order
        if "{return}/refund" in template and "return" not in named:
            named["return"] = self.returned
        return fill(template, names | named)

    def body(self, method: str, template: str) -> Any:
        """Return a body that is good: ours, or else the document's own example."""
        verb = template.rpartition("/")[2]
        if method == "GET":
            return None
        if template.endswith("{job}/file"):
            return FILE
        if verb in BODIES and "{return}" not in template:
            return BODIES[verb]
        content = PATHS[template][method.lower()].get("requestBody", {}).get("content")
        return content["application/json"]["example"] if content else None

    def send(self, method: str, template: str, **options: Any) -> Answer:
        """Ask as one should, but for what `options` say; `named` is in the address."""
        options.setdefault("key", "errand")
        if "body" not in options:
            options["body"] = self.body(method, template)
        if template.endswith("{job}/file"):
            options.setdefault("content_type", "text/csv")
        read = PATHS[template][method.lower()].get("parameters", [])
        if any(parameter["name"] == "If-Match" for parameter in read):
            options.setdefault("headers", {"If-Match": "*"})
        caller = options.pop("caller", None) or self.caller(method, template)
        path = self.path(template, options.pop("named", None))
        query = options.pop("query", "")
        answer: Answer = caller.call(method, path + query, **options)
        return answer

    def empty(self) -> None:
        """Leave nothing in Anna's account."""
        for path, body in (
            (f"holds/{self.held}/capture", {}),
            (f"lots/{self.waiting}/cancel", {}),
            ("redeem", {"points": 10**15, "up_to": True}),
        ):
            answer = self.api.post(f"{self.account}/{path}", body, key=f"no {path}")
            assert answer.status == 201, answer.body

    def change(self, verb: str) -> None:
        """Freeze Anna's account, or empty and close it."""
        if verb == "close":
            self.empty()
        answer = self.api.post(f"{self.account}/{verb}", {"reason": "A test"})
        assert answer.status == 200, answer.body

    def post_all(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """Post a batch about Anna; all of it must be applied. Return the entries."""
        name = self.account.removeprefix("/v1/accounts/")
        said = [
            {"account": name, "key": f"batch {n}", **command}
            for n, command in enumerate(commands)
        ]
        answer = self.api.post("/v1/entries:batch", {"commands": said}).body
        assert answer["refused"] == 0, answer
        return [outcome["entry"] for outcome in answer["data"]]


def _from_anywhere(caller: Api) -> Api:
    """Give a caller a network of their own: attempts are counted by it."""
    network = f"{secrets.randbits(16):x}:{secrets.randbits(16):x}"
    caller.client.defaults["REMOTE_ADDR"] = f"2001:db8:{network}::1"
    return caller


FILE = b"external_id\ncarla\n"
"""For an import of members."""

_WHY = {"reason": "A test"}
BODIES: dict[str, dict[str, Any]] = {
    "earn": {"points": 5},
    "redeem": {"points": 5},
    "reserve": {"points": 5},
    "adjust": {"points": 5, **_WHY},
    "transfer": {"points": 5, "to": "ext:bo@points"},
    "refund": {},
    "reverse": {},
    "capture": {},
    "void": {},
    "activate": {},
    "cancel": {},
    "extend": {**_WHY},
    "lapse": {**_WHY},
    "freeze": {**_WHY},
    "unfreeze": {**_WHY},
    "close": {**_WHY},
    "members": {"external_id": "berta"},
    "advance": {"to": "2031-01-01T00:00:00Z"},
}
"""Verb -> a body that is good in a scene."""
