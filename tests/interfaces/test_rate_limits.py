"""How much a credential may ask: one budget for all processes, on a real Valkey."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import django
import pytest
from redis import Redis

from punchcard.access.queries import SCOPES
from punchcard.interfaces.api import rate_limits
from punchcard.interfaces.api.rate_limits import BYTES_OF_ONE, PREFIX, Limiter
from punchcard.kernel.metrics import RATE_LIMITED
from punchcard.project import env
from punchcard.project.servers.valkey import ValkeyServer, temporary
from tests.interfaces.conftest import Answer, Api, another_key, make_api
from tests.interfaces.operations import NAMES, fill
from tests.interfaces.people import a_person, visitor
from tests.interfaces.scene import PATHS

DAY = 86_400
"""A window in which nothing fills up again while a test runs."""

PATIENCE = 60.0
"""A loaded machine is slow: none of these tests is about how long an answer takes."""


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with temporary("punchcard-limits-") as made:
        yield made


@pytest.fixture(autouse=True)
def limits(
    server: ValkeyServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", PATIENCE)
    settings.BROKER = env.broker(server.url)


def allow(settings: Any, quota: int, window: int = DAY) -> None:
    settings.RATE_LIMIT = (quota, window)


def entries_of(api: Api, account: str) -> int:
    return len(api.get(f"{account}/entries").body["data"])


def standing(answer: Answer) -> tuple[int, int]:
    """Return what an answer says is left, and in how many seconds there is more."""
    said = re.fullmatch(
        r'"default";r=(\d+);t=(\d+)', answer.response.headers["RateLimit"]
    )
    assert said is not None
    return int(said[1]), int(said[2])


def counted(outcome: str) -> float:
    return float(RATE_LIMITED.labels(outcome)._value.get())  # type: ignore[no-untyped-call]


def test_what_is_asked_beyond_the_budget_is_refused_and_nothing_is_done(
    api: Api, settings: Any
) -> None:
    account = api.enrol()
    allow(settings, 3)
    for n, left in enumerate((2, 1, 0)):
        answer = api.post(f"{account}/earn", {"points": 1}, key=f"earn {n}")
        assert (answer.status, standing(answer)[0]) == (201, left)
        policy = answer.response.headers["RateLimit-Policy"]
        assert policy == f'"default";q=3;w={DAY}'
    refused = api.post(f"{account}/earn", {"points": 1}, key="one too many")
    assert (refused.status, refused.code) == (429, "too_many_requests")
    left, seconds = standing(refused)
    assert left == 0
    assert int(refused.response.headers["Retry-After"]) == seconds
    # A third of a day until one of three is there again, less what has passed since.
    assert DAY // 3 - PATIENCE * 5 < seconds <= DAY // 3
    settings.RATE_LIMIT = None
    assert entries_of(api, account) == 3
    again = api.post(f"{account}/earn", {"points": 1}, key="one too many")
    assert (again.status, again.replayed) == (201, False), "its key is as good as new"
    assert entries_of(api, account) == 4


def test_a_refused_call_costs_nothing_and_what_it_lacks_fills_up(
    server: ValkeyServer,
) -> None:
    limiter = Limiter(server.url, quota=10, window=DAY, patience=PATIENCE, pause=0)
    for _ in range(10):
        assert limiter.take("till").passed
    before = Redis.from_url(server.url).get(PREFIX + "till")
    assert not limiter.take("till").passed
    assert Redis.from_url(server.url).get(PREFIX + "till") == before
    # As if a tenth of a day had passed.
    whole_at = int(before) - DAY * 100_000
    Redis.from_url(server.url).set(PREFIX + "till", whole_at)
    assert limiter.take("till").passed
    assert not limiter.take("till").passed


def test_a_budget_that_is_whole_again_is_forgotten(server: ValkeyServer) -> None:
    limiter = Limiter(server.url, quota=1_000_000, window=1, patience=PATIENCE, pause=0)
    client = Redis.from_url(server.url)
    for _ in range(50):
        # A microsecond each: of this, nobody can ask too much.
        assert limiter.take("till").passed
    limiter = Limiter(server.url, quota=4, window=DAY, patience=PATIENCE, pause=0)
    assert limiter.take("desk").passed
    assert 0 < client.pttl(PREFIX + "desk") <= DAY * 250


def test_two_credentials_do_not_share(api: Api, settings: Any) -> None:
    other, person = another_key(api, scopes=SCOPES), a_person(api, "admin")
    elsewhere = make_api()
    allow(settings, 1)
    for caller in (api, other, person, elsewhere):
        assert [caller.get("/v1/wallets").status for _ in range(2)] == [200, 429]


def test_who_shows_no_good_credential_shares_their_address(
    api: Api, settings: Any
) -> None:
    allow(settings, 2)
    guest, guesser = visitor(api), Api(program=api.program, secret="sk_test_nobody's")
    for caller in (guest, guesser):
        caller.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    asked = {"email": "nora@example.com", "password": "of no matter"}
    assert guest.post("/v1/auth/token", asked).status == 401
    assert guesser.get("/v1/wallets").code == "unauthenticated"
    assert guesser.get("/v1/wallets").code == "too_many_requests"
    assert guest.post("/v1/auth/token", asked).code == "too_many_requests"
    guest.client.defaults["REMOTE_ADDR"] = "192.0.2.8"
    assert guest.post("/v1/auth/token", asked).status == 401
    assert api.get("/v1/wallets").status == 200, "who has one is not in their way"


def test_an_address_is_not_kept_as_it_is(
    api: Api, server: ValkeyServer, settings: Any
) -> None:
    allow(settings, 9)
    guest = visitor(api)
    guest.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    guest.post("/v1/auth/token", {})
    (key,) = Redis.from_url(server.url, decode_responses=True).keys()
    assert re.fullmatch(re.escape(PREFIX) + "[0-9a-f]{64}", key)


def test_health_is_asked_as_often_as_one_likes(api: Api, settings: Any) -> None:
    allow(settings, 1)
    for _ in range(3):
        for path in ("/health/live", "/health/ready"):
            answer = api.get(path)
            assert answer.status == 200
            assert "RateLimit" not in answer.response.headers


def test_a_body_costs_as_much_as_it_is_long(api: Api, settings: Any) -> None:
    account = api.enrol().removeprefix("/v1/accounts/")
    allow(settings, 100)
    said = {"account": account, "type": "earn", "points": 1}
    commands = [{**said, "key": f"k{n}"} for n in range(500)]
    answer = api.post("/v1/entries:batch", {"commands": commands})
    assert answer.status == 200, answer.body
    length = int(answer.response.wsgi_request.META["CONTENT_LENGTH"])  # type: ignore[attr-defined]
    assert length > 2 * BYTES_OF_ONE
    assert standing(answer)[0] == 100 - 1 - length // BYTES_OF_ONE


def test_a_large_call_passes_where_anything_is_left_and_the_rest_is_owed(
    server: ValkeyServer,
) -> None:
    limiter = Limiter(server.url, quota=10, window=DAY, patience=PATIENCE, pause=0)
    taken = [limiter.take("till", cost) for cost in (9, 8, 1)]
    assert [budget.passed for budget in taken] == [True, True, False]
    assert [budget.left for budget in taken] == [1, 0, 0]
    # Seven are owed, and one more is asked for: eight tenths of a day.
    assert DAY * 0.7 < taken[2].seconds <= DAY * 0.8


def test_more_than_the_whole_budget_costs_the_whole(
    api: Api, server: ValkeyServer, settings: Any
) -> None:
    allow(settings, 2)
    blank = b"{}" + b" " * BYTES_OF_ONE * 5
    assert api.post("/v1/members", blank).code == "malformed"
    refused = api.get("/v1/wallets")
    assert refused.code == "too_many_requests"
    assert standing(refused)[1] <= DAY // 2


def test_a_file_costs_one_however_long_it_is(api: Api, settings: Any) -> None:
    allow(settings, 9)
    files = [
        (method.upper(), path)
        for path, item in PATHS.items()
        for method, operation in item.items()
        if "application/octet-stream"
        in operation.get("requestBody", {}).get("content", {})
    ]
    assert files
    for left, (method, path) in enumerate(files, 1):
        answer = api.call(
            method,
            fill(path, NAMES),
            b"x" * BYTES_OF_ONE * 5,
            content_type="text/plain",
        )
        assert answer.status in {400, 404, 415}, answer.body
        assert standing(answer)[0] == 9 - left


def test_a_replay_counts_like_any_call(api: Api, settings: Any) -> None:
    account = api.enrol()
    allow(settings, 2)
    answers = [api.post(f"{account}/earn", {"points": 1}, key="same") for _ in range(3)]
    assert [(a.status, a.replayed) for a in answers] == [
        (201, False),
        (201, True),
        (429, False),
    ]


def take_many(url: str, times: int, _number: int) -> int:
    limiter = Limiter(url, quota=100, window=DAY, patience=PATIENCE, pause=0)
    budgets = [limiter.take("till") for _ in range(times)]
    assert None not in budgets
    return sum(budget.passed for budget in budgets if budget is not None)


def test_eight_processes_share_one_budget(server: ValkeyServer) -> None:
    with ProcessPoolExecutor(8, get_context("spawn"), django.setup) as pool:
        passed = list(pool.map(partial(take_many, server.url, 50), range(8)))
    # 400 were asked for; another one is there every quarter of an hour.
    assert sum(passed) == 100, passed


def test_calls_go_on_while_valkey_is_away_and_limits_return_with_it(
    api: Api, server: ValkeyServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "PAUSE_SECONDS", 0.0)
    allow(settings, 1)
    assert [api.get("/v1/wallets").status for _ in range(2)] == [200, 429]
    server.stop()
    refused, uncounted = counted("refused"), counted("uncounted")
    for _ in range(3):
        answer = api.get("/v1/wallets")
        assert answer.status == 200
        assert "RateLimit" not in answer.response.headers
    assert counted("uncounted") == uncounted + 3
    assert counted("refused") == refused
    server.ensure()
    assert [api.get("/v1/wallets").status for _ in range(2)] == [429, 429]
    assert counted("uncounted") == uncounted + 3


def test_a_valkey_that_hangs_is_asked_once(server: ValkeyServer) -> None:
    watch = Redis.from_url(server.url)
    connected = "total_connections_received"
    before = watch.info("stats")[connected]
    process = watch.info("server")["process_id"]
    limiter = Limiter(server.url, quota=1, window=DAY, patience=0.05, pause=3600)
    os.kill(process, signal.SIGSTOP)
    try:
        assert [limiter.take("till") for _ in range(9)] == [None] * 9
    finally:
        os.kill(process, signal.SIGCONT)
    assert watch.info("stats")[connected] == before + 1
    assert watch.get(PREFIX + "till") is None
    assert limiter.take("till") is None, "nor now, before its pause is over"


def test_a_valkey_that_is_full_stops_nobody(
    server: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    Redis.from_url(server.url).config_set("maxmemory", "1")
    limiter = Limiter(server.url, quota=1, window=DAY, patience=PATIENCE, pause=0)
    assert [limiter.take("till") for _ in range(3)] == [None] * 3
    Redis.from_url(server.url).config_set("maxmemory", "0")
    assert limiter.take("till").passed
    assert not limiter.take("till").passed


@pytest.mark.parametrize(
    ("said", "meant"),
    [("600/60", (600, 60)), ("1/86400", (1, 86_400)), ("off", None), ("0", None)],
)
def test_the_setting_is_read(
    said: str, meant: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PC_X", said)
    assert env.rate("PC_X", "1/1") == meant


@pytest.mark.parametrize(
    "said", ["", "600", "0/60", "600/0", "9/86401", "1000001/1", "-1/60", "1/60/2", "a"]
)
def test_a_wrong_setting_is_loud(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PC_X", said)
    with pytest.raises(env.EnvironmentMistake, match="PC_X"):
        env.rate("PC_X", "1/1")
