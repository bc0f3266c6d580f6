"""The clock of a test program."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.interfaces.conftest import DAY, START, Api, make_api

ADVANCE = "/v1/test/clock/advance"


def _to(api: Api, days: float) -> dict[str, object]:
    answer = api.post(ADVANCE, {"to": (START + timedelta(days=days)).isoformat()})
    assert answer.status == 200, answer.body
    body: dict[str, object] = answer.body
    return body


def test_everything_due_happens_when_the_clock_advances() -> None:
    api = make_api(validity="P10D")
    _to(api, 0)
    account = api.enrol()
    assert api.earn(account, 100)["effective_at"] == "2030-01-01T00:00:00Z"
    assert _to(api, 9)["settled"] == 0
    assert api.get(account).body["balance"]["available"] == 100
    assert _to(api, 11) == {"clock_at": "2030-01-12T00:00:00Z", "settled": 1}
    assert api.get(account).body["balance"]["available"] == 0
    last = api.get(f"{account}/entries?limit=1").body["data"][0]
    assert last["type"] == "expire"
    assert last["effective_at"] == (START + 10 * DAY).isoformat().replace("+00:00", "Z")
    assert _to(api, 11)["settled"] == 0


def test_a_clock_never_goes_back_nor_absurdly_far(api: Api) -> None:
    _to(api, 1)
    back = api.post(ADVANCE, {"to": START.isoformat()})
    assert (back.status, back.code) == (409, "clock_backwards")
    far = api.post(ADVANCE, {"to": "9000-01-01T00:00:00Z"})
    assert (far.status, far.code) == (400, "malformed")
    assert far.body["errors"][0]["pointer"] == "/to"


@pytest.mark.parametrize(
    "to",
    [
        "tomorrow",
        "2030-01-01",
        "2030-01-01T00:00:00",
        7,
        None,
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_bad_instant_leaves_the_clock_alone(api: Api, to: object) -> None:
    answer = api.post(ADVANCE, {"to": to})
    assert answer.status in {400, 409}
    assert answer.code in {"malformed", "clock_backwards"}
    assert _to(api, 1)["clock_at"] == "2030-01-02T00:00:00Z"


def test_a_live_program_has_no_such_thing() -> None:
    api = make_api(mode="live")
    answer = api.post(ADVANCE, {"to": START.isoformat()})
    assert (answer.status, answer.code) == (404, "clock_not_in_test")


def test_only_the_own_programs_points_lapse() -> None:
    mine, other = make_api(validity="P10D"), make_api(validity="P10D")
    for api in (mine, other):
        _to(api, 0)
        api.earn(api.enrol(), 5)
    assert _to(mine, 20)["settled"] == 1
    account = other.get("/v1/accounts/ext:anna@points").body
    assert account["balance"]["available"] == 5
    assert account["last_sequence"] == 1
