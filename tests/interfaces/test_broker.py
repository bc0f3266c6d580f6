"""What the web says of its broker, and that it answers without one."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from punchcard.interfaces.api import broker
from punchcard.interfaces.worker.carrying import carry
from punchcard.interfaces.worker.queues import QUEUES, SENT_AT
from punchcard.kernel import clock
from punchcard.project import env
from punchcard.project.servers.valkey import ValkeyServer
from tests.interfaces.conftest import Api
from tests.interfaces.test_metrics import TOKEN, read

LENGTH, AGE = "punchcard_queue_tasks", "punchcard_queue_seconds"


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with tempfile.TemporaryDirectory(prefix="punchcard-broker-") as folder:
        made = ValkeyServer(Path(folder))
        yield made
        made.stop()


@pytest.fixture
def client(server: ValkeyServer, settings: Any) -> Iterator[Redis]:
    """A broker that answers, and that this web is told of."""
    server.ensure()
    settings.BROKER = env.broker(server.url)
    settings.METRICS_TOKEN = TOKEN
    with Redis.from_url(settings.BROKER.client) as made:
        made.flushdb()
        yield made


@pytest.fixture
def away(settings: Any, tmp_path: Path) -> None:
    settings.BROKER = env.broker(f"unix://{tmp_path}/nobody.sock")
    settings.METRICS_TOKEN = TOKEN


def labelled(told: Any, name: str) -> dict[str, float]:
    return {
        dict(labels)["queue"]: value for (n, labels), value in told.items() if n == name
    }


def message(**headers: object) -> str:
    """A message as Celery puts it into a queue."""
    return json.dumps({"body": "W10=", "headers": {"task": "x", **headers}})


def test_what_waits_is_told_by_queue_with_the_age_of_the_oldest(
    api: Api, client: Redis
) -> None:
    told = read(api)
    assert told["punchcard_broker_up", frozenset()] == 1
    assert labelled(told, LENGTH) == labelled(told, AGE) == dict.fromkeys(QUEUES, 0)
    hour_ago = clock.read() - timedelta(hours=1)
    client.lpush("slow", message(**{SENT_AT: hour_ago.isoformat()}))
    headers: dict[str, Any] = {}
    carry(headers=headers)
    for queue in ("slow", "urgent"):
        client.lpush(queue, message(**headers))
    told = read(api)
    assert labelled(told, LENGTH) == {"urgent": 1, "normal": 0, "slow": 2}
    ages = labelled(told, AGE)
    assert 3600 <= ages["slow"] < 3600 + ages["urgent"] + 60
    assert 0 < ages["urgent"] < 60
    assert ages["normal"] == 0
    assert told["punchcard_tasks_taken", frozenset()] == 0
    client.zadd("unacked_index", {"one": 1, "two": 2})
    assert read(api)["punchcard_tasks_taken", frozenset()] == 2


@pytest.mark.parametrize(
    "strange",
    [
        "no message",
        "{}",
        json.dumps({"headers": {SENT_AT: "yesterday"}}),
        json.dumps({"headers": {"task": "x"}}),
        json.dumps({"headers": {SENT_AT: "2999-01-01T00:00:00+00:00"}}),
    ],
)
def test_a_message_that_does_not_say_when_is_counted_and_has_no_age(
    api: Api, client: Redis, strange: str
) -> None:
    client.lpush("normal", strange)
    told = read(api)
    assert labelled(told, LENGTH)["normal"] == 1
    assert labelled(told, AGE)["normal"] == 0


@pytest.mark.usefixtures("away")
def test_a_broker_that_is_down_is_a_number_and_takes_nothing_else_along(
    api: Api,
) -> None:
    told = read(api)
    assert told["punchcard_broker_up", frozenset()] == 0
    assert told["punchcard_database_up", frozenset()] == 1
    assert not labelled(told, LENGTH) | labelled(told, AGE)


@pytest.mark.usefixtures("away")
def test_without_its_broker_it_is_ready_and_says_what_is_down(api: Api) -> None:
    ready = api.get("/health/ready")
    assert ready.status == 200
    assert ready.body == {
        "status": "degraded",
        "dependencies": {"database": "up", "migrations": "up", "broker": "down"},
    }
    account = api.enrol()
    assert api.post(f"{account}/earn", {"points": 1}, key="k").status == 201


def test_with_all_it_works_with_it_is_well(
    api: Api, client: Redis, server: ValkeyServer
) -> None:
    up = dict.fromkeys(("database", "migrations", "broker"), "up")
    well = {"status": "ok", "dependencies": up}
    assert api.get("/health/ready").body == well
    # Killed and back: the connection that was kept is not believed.
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.ensure()
    assert api.get("/health/ready").body == well


def test_a_broker_that_does_not_answer_is_not_waited_for(
    api: Api, client: Redis, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "PATIENCE_SECONDS", 0.05)
    broker._client.cache_clear()
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert api.get("/health/ready").body["dependencies"]["broker"] == "down"
        assert read(api)["punchcard_broker_up", frozenset()] == 0
    finally:
        os.kill(pid, signal.SIGCONT)
        broker._client.cache_clear()
    assert api.get("/health/ready").body["status"] == "ok"
