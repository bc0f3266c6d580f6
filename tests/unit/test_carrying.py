"""What a message carries on from whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from punchcard.interfaces.worker.carrying import begin_task, carry, end_task
from punchcard.kernel.log_context import begin_work, end_work, note, request_id


@pytest.fixture(autouse=True)
def nothing_under_way() -> Iterator[None]:
    end_work()
    yield
    end_work()


def a_task(**headers: object) -> Any:
    return SimpleNamespace(name="punchcard.x", request=headers)


def sent() -> dict[str, Any]:
    headers: dict[str, Any] = {"task": "punchcard.x"}
    carry(headers=headers, sender="punchcard.x", exchange="", routing_key="normal")
    return headers


def test_what_is_sent_in_a_request_is_part_of_it_and_so_is_what_that_sends() -> None:
    begin_work(request_id="mine")
    note(actor="key_1")
    first = sent()
    assert set(first) == {"task", "sent_at", "request_id"}
    end_work()
    begin_task(task_id="t1", task=a_task(**first))
    assert request_id() == sent()["request_id"] == "mine"
    end_task()
    assert not request_id()


def test_what_nobody_asked_for_is_work_of_its_own() -> None:
    assert set(sent()) == {"task", "sent_at"}
    begin_task(task_id="t1", task=a_task())
    assert request_id() == sent()["request_id"] == "t1"
    begin_task(task_id="t2", task=a_task())
    assert request_id() == "t2"


@pytest.mark.parametrize("strange", ["", "x" * 129, 7, None])
def test_an_id_that_is_none_is_not_taken(strange: object) -> None:
    begin_task(task_id="t1", task=a_task(request_id=strange))
    assert request_id() == "t1"


def test_whoever_says_of_what_it_is_part_is_believed() -> None:
    begin_work(request_id="mine")
    headers: dict[str, Any] = {"request_id": "another"}
    carry(headers=headers)
    assert headers["request_id"] == "another"
