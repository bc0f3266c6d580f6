"""A test program with a history, in which every operation can be asked for."""

from __future__ import annotations

import json
from typing import Any

from punchcard.interfaces.api.documents import openapi_document
from tests.interfaces.conftest import Answer, Api, make_api
from tests.interfaces.operations import NAMES, fill


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

    def path(self, template: str) -> str:
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
        return fill(template, names)

    def body(self, method: str, template: str) -> Any:
        """Return a body that is good: ours, or else the document's own example."""
        verb = template.rpartition("/")[2]
        if method == "GET":
            return None
        if verb in BODIES:
            return BODIES[verb]
        described = json.loads(openapi_document())["paths"][template][method.lower()]
        content = described.get("requestBody", {}).get("content", {})
        return content["application/json"]["example"] if content else None

    def send(self, method: str, template: str, **options: Any) -> Answer:
        """Ask as one should, but for what `options` say."""
        options.setdefault("key", "errand")
        if "body" not in options:
            options["body"] = self.body(method, template)
        caller: Api = options.pop("caller", self.api)
        query = options.pop("query", "")
        return caller.call(method, self.path(template) + query, **options)

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
