"""Every refusal that the document promises is reached, on every operation.

The rows are written by hand: (operation, code) -> the call that meets it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from punchcard.interfaces.api.documents import openapi_document
from tests.builders import rows
from tests.interfaces.conftest import START, Answer, Api, another_key, make_api

OF_OUR_FAILURES = {
    # Reached by test_problems: they need a database that stops, or breaks its word.
    "unexpected",
    "outcome_unknown",
    "database_unavailable",
    "not_ready",
    # A request that ends before it is whole never gets an answer to be read.
    "unreadable",
}
NOT_YET = {
    # Documented for the limits of a wallet, which nothing sets yet: the total of an
    # account cannot be exceeded by what came out of that account.
    ("redeem", "limit_exceeded"),
    ("refund", "limit_exceeded"),
    ("reverse", "limit_exceeded"),
}
TOO_LARGE = b'"' + b"x" * (10 * 1024 * 1024 + 1) + b'"'
NOWHERE = "/v1/accounts/ext:nobody@points"

Errand = Callable[["Scene"], Answer]


class Scene:
    """A test program with a member of some history, and ways to ask wrongly."""

    def __init__(self) -> None:
        self.api = make_api()
        self.account = self.api.enrol("anna")
        self.earned = self.api.earn(self.account, 100)["sequence"]
        spent = self.api.post(f"{self.account}/redeem", {"points": 40}, key="spend")
        self.spent = spent.body["entry"]["sequence"]
        self.id = spent.body["entry"]["account"]

    def path(self, template: str) -> str:
        sequence = self.spent if template.endswith("/refund") else self.earned
        return (
            template.replace("/v1/accounts/{account}", self.account)
            .replace("{member}", "ext:anna")
            .replace("{sequence}", str(sequence))
        )

    def status(self, status: str) -> None:
        if status == "closed":
            self.api.post(f"{self.account}/redeem", {"points": 60}, key="rest")
        rows(
            "UPDATE ledger_account SET status = %s WHERE id = ("
            "SELECT h.account_id FROM ledger_account_holder h"
            " JOIN members_member m ON m.id = h.holder_id"
            " WHERE m.external_id = 'anna' AND m.program_id = %s) RETURNING id",
            (status, self.api.program),
        )


def documented() -> list[tuple[str, str, str]]:
    found = []
    for path, item in json.loads(openapi_document())["paths"].items():
        for method, operation in item.items():
            for response in operation["responses"].values():
                for code in re.findall(
                    r"^- `(\w+)`", response["description"], re.MULTILINE
                ):
                    verb = path.rpartition("/")[2]
                    if code not in OF_OUR_FAILURES and (verb, code) not in NOT_YET:
                        found.append((method.upper(), path, code))
    return found


def body_of(path: str) -> dict[str, Any]:
    if path.endswith(("/earn", "/redeem")):
        return {"points": 5}
    if path.endswith("/members"):
        return {"external_id": "berta"}
    if path.endswith("/advance"):
        return {"to": "2031-01-01T00:00:00Z"}
    return {}


def send(scene: Scene, method: str, path: str, **options: Any) -> Answer:
    """Ask as one should, but for what `options` say."""
    options.setdefault("key", "errand")
    if method == "POST":
        options.setdefault("body", body_of(path))
    caller = options.pop("caller", scene.api)
    return caller.call(method, scene.path(path) + options.pop("query", ""), **options)


def without_length(scene: Scene, path: str) -> Answer:
    return Answer(
        scene.api.client.generic(
            "POST",
            scene.path(path),
            headers={"Authorization": f"Bearer {scene.api.secret}"},
            HTTP_TRANSFER_ENCODING="chunked",
        )
    )


def missing(scene: Scene, method: str, path: str) -> Answer:
    """Ask for an account, or a member, that nobody has."""
    there = path.replace("/v1/accounts/{account}", NOWHERE).replace(
        "{member}", "ext:nobody"
    )
    return send(scene, method, there)


def twice(scene: Scene, path: str) -> Answer:
    send(scene, "POST", path)
    other = {"points": 6}
    return send(scene, "POST", path, body=other)


def closed(scene: Scene, path: str, status: str = "closed") -> Answer:
    scene.status(status)
    return send(scene, "POST", path)


def over_the_limit(scene: Scene, path: str) -> Answer:
    most = 10**15
    for _ in range(9):
        scene.api.earn(scene.account, most)
    return send(scene, "POST", path, body={"points": most})


def refuse_policy(scene: Scene, path: str) -> Answer:
    return send(scene, "POST", path, body={"policy": "refuse"})


def wrong_entry(scene: Scene, path: str) -> Answer:
    other = scene.earned if path.endswith("/refund") else scene.spent
    return send(scene, "POST", path.replace("{sequence}", str(other)))


def backwards(scene: Scene, path: str) -> Answer:
    send(scene, "POST", path, body={"to": "2032-01-01T00:00:00Z"})
    return send(scene, "POST", path, body={"to": START.isoformat()})


def in_a_live_program(scene: Scene, path: str) -> Answer:
    return send(scene, "POST", path, caller=make_api(mode="live"))


def wrong_scope(scene: Scene, method: str, path: str) -> Answer:
    scope = "members:read" if path.endswith("/advance") else "clock:write"
    return send(scene, method, path, caller=another_key(scene.api, scopes=(scope,)))


def meet(scene: Scene, method: str, path: str, code: str) -> Answer:
    """Make the call that meets this refusal."""
    plain: dict[str, dict[str, Any]] = {
        "unauthenticated": {"caller": Api(program=scene.api.program, secret="")},
        "malformed": {"query": "?no_such_parameter=1"},
        "invalid_cursor": {"query": "?cursor=zzz"},
        "invalid_json": {"body": b"{"},
        "too_large": {"body": TOO_LARGE},
        "unsupported_media_type": {"content_type": "text/plain"},
        "idempotency_key_required": {"key": None},
        "exceeds_original": {"body": {"points": 1_000}},
    }
    if code in plain:
        return send(scene, method, path, **plain[code])
    special: dict[str, Errand] = {
        "forbidden": lambda s: wrong_scope(s, method, path),
        "length_required": lambda s: without_length(s, path),
        "account_not_found": lambda s: missing(s, method, path),
        "member_not_found": lambda s: missing(s, method, path),
        "entry_not_found": lambda s: send(s, method, path.replace("{sequence}", "999")),
        "account_closed": lambda s: closed(s, path),
        "account_frozen": lambda s: closed(s, path, "frozen"),
        "key_reused": lambda s: twice(s, path),
        "limit_exceeded": lambda s: over_the_limit(s, path),
        "entry_not_reversible": lambda s: wrong_entry(s, path),
        "insufficient_points": lambda s: (
            refuse_policy(s, path)
            if path.endswith("/reverse")
            else send(s, method, path, body={"points": 1_000})
        ),
        "clock_backwards": lambda s: backwards(s, path),
        "clock_not_in_test": lambda s: in_a_live_program(s, path),
    }
    return special[code](scene)


@pytest.mark.parametrize(("method", "path", "code"), documented())
def test_a_documented_refusal_is_met(method: str, path: str, code: str) -> None:
    answer = meet(Scene(), method, path, code)
    assert answer.code == code
    promised = json.loads(openapi_document())["paths"][path][method.lower()]
    told = promised["responses"][str(answer.status)]["description"]
    assert f"`{code}`" in told


@pytest.mark.parametrize("verb", ["earn", "redeem", "refund", "reverse"])
def test_a_dry_run_is_answered_200(verb: str) -> None:
    scene = Scene()
    template = f"/v1/accounts/{{account}}/{verb}"
    if verb in {"refund", "reverse"}:
        template = f"/v1/accounts/{{account}}/entries/{{sequence}}/{verb}"
    answer = send(scene, "POST", template, query="?dry_run=true")
    assert answer.status == 200
