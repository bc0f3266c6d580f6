"""Every refusal that the document promises is reached, on every operation.

How each is met stands in tables by code, written by hand: here those of every call,
in `errands` those of the ledger, in `errands_of_people` the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import override_settings

from punchcard.access.queries import SCOPES
from punchcard.interfaces.api import rate_limits
from punchcard.kernel.answers import answer_scope
from punchcard.kernel.ids import untyped
from punchcard.project import env
from punchcard.project.servers.valkey import ValkeyServer, temporary
from tests.builders import forget_by_hand, relay_all, rows
from tests.interfaces.conftest import START, Answer, Api, another_key, make_api
from tests.interfaces.errands import LEDGER, Errand
from tests.interfaces.errands_of_jobs import JOBS
from tests.interfaces.errands_of_orders import ORDERS
from tests.interfaces.errands_of_people import PEOPLE
from tests.interfaces.scene import PATHS, Scene

OF_OUR_FAILURES = {
    # Reached by test_problems: they need a database that stops, or breaks its word.
    "unexpected",
    "outcome_unknown",
    "database_unavailable",
    "not_ready",
    # A request that ends before it is whole never gets an answer to be read.
    "unreadable",
}
TOO_LARGE = b'"' + b"x" * (10 * 1024 * 1024 + 1) + b'"'


def documented() -> list[tuple[str, str, str]]:
    found = []
    for path, item in PATHS.items():
        for method, operation in item.items():
            for response in operation["responses"].values():
                for code in re.findall(
                    r"^- `(\w+)`", response["description"], re.MULTILINE
                ):
                    if code not in OF_OUR_FAILURES:
                        found.append((method.upper(), path, code))
    return found


def without_length(scene: Scene, method: str, path: str) -> Answer:
    caller = scene.caller(method, path)
    shown = {"Authorization": f"Bearer {caller.secret}"} if caller.secret else {}
    return Answer(
        caller.client.generic(
            method, scene.path(path), headers=shown, HTTP_TRANSFER_ENCODING="chunked"
        )
    )


def wrong_scope(scene: Scene, method: str, path: str) -> Answer:
    """Ask with a key that may do one thing, and not this."""
    scope = "members:read" if path.endswith("/advance") else "clock:write"
    caller = another_key(scene.api, scopes=(scope,))
    return scene.send(method, path, caller=caller)


def from_elsewhere(scene: Scene, method: str, path: str) -> Answer:
    caller = another_key(scene.api, scopes=SCOPES, networks=["192.0.2.0/24"])
    return scene.send(method, path, caller=caller)


def in_flight(scene: Scene, method: str, path: str) -> Answer:
    actor = scene.caller(method, path).earn(scene.account, 1)["actor"]
    scope = answer_scope(program=scene.api.program, credential=actor, key="errand")
    with _claimed(scope):
        return scene.send(method, path)


def answer_withheld(scene: Scene, method: str, path: str) -> Answer:
    """Use a key whose first answer named somebody who was erased since."""
    caller = scene.caller(method, path)
    caller.post("/v1/members", {"external_id": "gone"}, key="errand")
    assert caller.post("/v1/members/ext:gone/erase").status == 200
    return scene.send(method, path)


@contextmanager
def _claimed(scope: bytes) -> Iterator[None]:
    """Hold the claim of a key, as another process does that has not ended yet."""
    given = connection.get_connection_params()
    own = {
        k: given[k]
        for k in ("dbname", "host", "port", "user", "password")
        if given.get(k)
    }
    lock = int.from_bytes(scope[:8], "big", signed=True)
    with psycopg.connect(**own) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        yield


def too_many_requests(scene: Scene, method: str, path: str) -> Answer:
    """Ask for something else first, and have no more than that one call."""
    # What it is about is there before.
    scene.path(path)
    with override_settings(RATE_LIMIT=(1, 86_400)):
        scene.caller(method, path).get("/v1/ping")
        return scene.send(method, path)


def cursor_expired(scene: Scene, method: str, path: str) -> Answer:
    """Go on from where a reader stopped who has missed something since."""
    relay_all()
    cursor = scene.api.get("/v1/events?limit=1").body["resume_cursor"]
    forget_by_hand(scene.api.program, upto=2)
    return scene.send(method, path, query=f"?cursor={cursor}")


def clock_backwards(scene: Scene, method: str, path: str) -> Answer:
    first, second = {"to": "2032-01-01T00:00:00Z"}, {"to": START.isoformat()}
    scene.send(method, path, body=first, key="before")
    return scene.send(method, path, body=second)


def clock_not_in_test(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, caller=make_api(mode="live"))


WRONG: dict[str, dict[str, Any]] = {
    "malformed": {"query": "?no_such_parameter=1"},
    "invalid_cursor": {"query": "?cursor=zzz"},
    "invalid_json": {"body": b"{"},
    "too_large": {"body": TOO_LARGE},
    "unsupported_media_type": {"content_type": "text/plain"},
    "idempotency_key_required": {"key": None},
}
"""Code -> what is said otherwise than it should."""

AT_THE_DOOR = {
    *WRONG,
    "unauthenticated",
    "forbidden",
    "address_not_allowed",
    "length_required",
    "too_many_requests",
}
"""What is refused before anything is looked for: one scene will do for all of it."""

ERRANDS: dict[str, Errand] = {
    **LEDGER,
    **PEOPLE,
    **JOBS,
    **ORDERS,
    "forbidden": wrong_scope,
    "address_not_allowed": from_elsewhere,
    "length_required": without_length,
    "in_flight": in_flight,
    "cursor_expired": cursor_expired,
    "answer_withheld": answer_withheld,
    "too_many_requests": too_many_requests,
    "clock_backwards": clock_backwards,
    "clock_not_in_test": clock_not_in_test,
}
"""Code -> the call that meets it, where one wrong thing said is not enough."""


def meet(scene: Scene, method: str, path: str, code: str) -> Answer:
    """Make the call that meets this refusal."""
    if code == "unauthenticated":
        nobody = Api(program=scene.api.program, secret="")
        return scene.send(method, path, caller=nobody)
    if code == "too_large" and path.endswith("/file"):
        with override_settings(UPLOAD_MAX_BYTES=len(TOO_LARGE) - 1):
            return scene.send(method, path, body=TOO_LARGE)
    if code in WRONG:
        return scene.send(method, path, **WRONG[code])
    return ERRANDS[code](scene, method, path)


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with temporary("punchcard-limits-") as server:
        yield server


@pytest.fixture(autouse=True)
def counted(
    valkey: ValkeyServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count where something is limited, however slow the machine is."""
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", 60.0)
    settings.BROKER = env.broker(valkey.url)


@lru_cache(maxsize=1)
def scene_for_all() -> Scene:
    return Scene()


def stored_of(scene: Scene) -> tuple[int, int, int]:
    """Return how much there is: entries, remembered refusals, kept answers."""
    account = untyped("acc", scene.api.get(scene.account).body["id"])
    ((entries, refused, kept),) = rows(
        "SELECT (SELECT count(*) FROM ledger_entry WHERE account_id = %s),"
        " (SELECT count(*) FROM ledger_refusal WHERE account_id = %s),"
        " (SELECT count(*) FROM kernel_kept_answer WHERE program_id = %s)",
        (account, account, scene.api.program),
    )
    return entries, refused, kept


@pytest.mark.parametrize(("method", "path", "code"), documented())
def test_a_documented_refusal_is_met(method: str, path: str, code: str) -> None:
    scene = scene_for_all() if code in AT_THE_DOOR else Scene()
    answer = meet(scene, method, path, code)
    assert answer.code == code, answer.body
    told = PATHS[path][method.lower()]["responses"][str(answer.status)]["description"]
    assert f"`{code}`" in told
    if code in AT_THE_DOOR:
        # Nothing was done, and the key is as good as new.
        assert stored_of(scene) == (4, 0, 0)


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, item in PATHS.items()
        for parameter in item.get("post", {}).get("parameters", [])
        if parameter["name"] == "dry_run" and not path.endswith(":batch")
    ],
)
def test_a_dry_run_is_answered_200(path: str) -> None:
    scene = Scene()
    before = scene.api.get(scene.account).body["last_sequence"]
    answer = scene.send("POST", path, query="?dry_run=true")
    assert answer.status == 200, answer.body
    assert scene.api.get(scene.account).body["last_sequence"] == before
