"""What lapses when, over HTTP and on the console."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import rows
from tests.interfaces.conftest import DAY, START, Api, make_api
from tests.interfaces.test_lots import advance, in_days


@pytest.fixture
def account(api: Api) -> str:
    """An account at the start of 2030 in Paris, with points that lapse in its time."""
    name = api.enrol()
    advance(api, 0)
    # The first minute of February there is the last hour of January here.
    api.earn(name, 10, expires_at="2030-01-31T23:00:00Z")
    api.earn(name, 20, expires_at="2030-01-31T23:00:01Z")
    api.earn(name, 30, pending="P3D", validity="P1M/month")
    api.earn(name, 40, pending="event", validity="P1D")
    api.earn(name, 50)
    return name


def expiring(api: Api, account: str, query: str = "") -> list[tuple[str, int]]:
    answer = api.get(f"{account}/expiring{query}")
    assert answer.status == 200, answer.body
    return [(row["period"], row["points"]) for row in answer.body["data"]]


def test_what_lapses_is_told_by_month_day_and_instant(api: Api, account: str) -> None:
    before = api.get(account).body
    assert expiring(api, account, "?by=month") == [("2030-01", 10), ("2030-02", 50)]
    assert expiring(api, account, "?by=day") == [
        ("2030-01-31", 10),
        ("2030-02-01", 20),
        ("2030-02-28", 30),
    ]
    assert expiring(api, account) == [
        ("2030-01-31T23:00:00Z", 10),
        ("2030-01-31T23:00:01Z", 20),
        ("2030-02-28T23:00:00Z", 30),
    ]
    rows_ = api.get(f"{account}/expiring?by=month").body["data"]
    assert rows_[1] == {
        "period": "2030-02",
        "points": 50,
        "first_at": "2030-01-31T23:00:01Z",
        "last_at": "2030-02-28T23:00:00Z",
    }
    after = api.get(account).body
    assert after == before
    assert after["next_expiry"] == {"at": "2030-01-31T23:00:00Z", "points": 10}


@pytest.mark.parametrize(
    ("until", "points"),
    [
        ("2030-01-01T00:00:00Z", []),
        ("2030-01-31T22:59:59Z", []),
        ("2030-01-31T23:00:00Z", [10]),
        ("2030-02-01T00:00:00%2B01:00", [10]),
        ("2030-01-31T23:00:01Z", [10, 20]),
        ("9998-12-31T23:59:59Z", [10, 20, 30]),
        ("1900-01-01T00:00:00Z", []),
    ],
)
def test_up_to_an_instant_with_it(
    api: Api, account: str, until: str, points: list[int]
) -> None:
    found = expiring(api, account, f"?until={until}")
    assert [each for _, each in found] == points


def test_what_has_lapsed_since_is_not_told(api: Api, account: str) -> None:
    rows(
        "UPDATE programs_program SET clock_at = %s WHERE id = %s RETURNING id",
        (START + 32 * DAY, api.program),
    )
    written = api.get(account).body["last_sequence"]
    assert expiring(api, account, "?by=month") == [("2030-02", 30)]
    assert api.get(account).body["last_sequence"] == written


def test_the_forecast_comes_in_pages(api: Api) -> None:
    account = api.enrol()
    advance(api, 0)
    for n in range(1, 6):
        api.earn(account, n, expires_at=in_days(n))
    seen: list[Any] = []
    query = "?by=day&limit=2"
    while True:
        page = api.get(f"{account}/expiring{query}").body
        seen += [row["points"] for row in page["data"]]
        if not page["has_more"]:
            break
        assert len(page["data"]) == 2
        query = f"?by=day&limit=2&cursor={page['next_cursor']}"
    assert seen == [1, 2, 3, 4, 5]
    # A cursor is of one list: what is added up otherwise is another one.
    first = api.get(f"{account}/expiring?by=day&limit=2").body["next_cursor"]
    other = api.get(f"{account}/expiring?by=month&cursor={first}")
    assert (other.status, other.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("by=week", "by"),
        ("until=soon", "until"),
        ("until=2030-01-01", "until"),
        ("until=0001-01-01T00:00:00Z", "until"),
        ("until=9999-01-01T00:00:00Z", "until"),
        ("limit=0", "limit"),
        ("as_of=2030-01-01T00:00:00Z", "as_of"),
    ],
)
def test_what_is_asked_wrongly_is_named(
    api: Api, account: str, query: str, parameter: str
) -> None:
    answer = api.get(f"{account}/expiring?{query}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert [error["parameter"] for error in answer.body["errors"]] == [parameter]


def test_an_account_of_somebody_else_is_nobody_s(api: Api, account: str) -> None:
    itself = api.get(account).body["id"]
    foreign = make_api().get(f"/v1/accounts/{itself}/expiring")
    unknown = api.get("/v1/accounts/ext:nobody@points/expiring")
    for answer in (foreign, unknown):
        assert (answer.status, answer.code) == (404, "account_not_found")
