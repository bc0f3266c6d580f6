"""The cases of `idempotency.json`, one by one: what we answer, and what did not happen.

Each case is met by a ledger command, whose key the ledger keeps for ever, and by a
call whose answer is kept for a day, where it applies to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from punchcard.kernel import clock
from punchcard.kernel.answers import KEPT, forget_expired_answers
from punchcard.kernel.transactions import transaction
from tests.builders import rows
from tests.interfaces import key_answers, key_itself, key_troubles
from tests.interfaces.keys import LINES, Case, Place, same
from tests.interfaces.served import Served, serving

TOLD = (key_answers, key_itself, key_troubles)
VECTORS = Path(__file__).parents[3] / "shared/data/vectors/idempotency.json"
# ruff: noqa: E501 - the cases as they are given
CASES = {
    "I1": (
        "POST without the header where it is required",
        "400 problem+json",
    ),
    "I2": (
        "same key, same body, after completion",
        "same status, same body, same resource id; a marker header such as Idempotency-Hit/Idempotent-Replayed",
    ),
    "I3": (
        "same key, other body",
        "422 problem+json, nothing moves",
    ),
    "I4": (
        "same key while the first is still running (hold the row lock in a psql session)",
        "409 problem+json (or waits and replays); never a second effect",
    ),
    "I5": (
        "50 parallel requests, one key",
        "exactly one effect; every 2xx names the same id",
    ),
    "I6": (
        "same key, same JSON with keys reordered / whitespace / 1.0 for 1",
        "documented; must not double",
    ),
    "I7": (
        "same key, other endpoint",
        "no collision or 422; never the other endpoint's answer",
    ),
    "I8": (
        "same key, another member / tenant",
        "independent; never leaks the first one's response",
    ),
    "I9": (
        "first answer was a 4xx (insufficient points), points arrive, same key again",
        "documented: replay of the refusal (Stripe, TigerBeetle) or re-execution; never both in one API",
    ),
    "I10": (
        "first answer was 500 or the connection broke before the answer",
        "retry with the key settles it: one effect",
    ),
    "I11": (
        "process killed -9 between ledger commit and response",
        "same as I10",
    ),
    "I12": (
        "key is not an RFC 8941 string (unquoted), empty, 300 chars, with NUL, non-ASCII",
        "400 or accepted as documented, never 500",
    ),
    "I13": (
        "key after its retention window",
        "documented; business key (order id) still prevents a second earn",
    ),
    "I14": (
        "no key but the same order_id",
        'one earn (seed 001: "one earn per order")',
    ),
    "I15": (
        "same order_id from two merchants",
        "two earns",
    ),
    "I16": (
        "GET/DELETE with the header",
        "ignored",
    ),
}
"""The cases as they are given: what is done, and what is expected."""


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
    for module in TOLD:
        assert any(each.values[0].__module__ == module.__name__ for each in LINES)
    if VECTORS.exists():
        known = json.loads(VECTORS.read_text())["cases"]
        assert {c["id"]: (c["do"], c["expect"]) for c in known} == CASES


def test_a_sweep_forgets_what_has_expired_and_nothing_else() -> None:
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
