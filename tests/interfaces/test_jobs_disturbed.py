"""Jobs whose workers die, whose COMMITs are lost, that are cancelled: nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from punchcard.interfaces.importing import running as importing
from punchcard.interfaces.jobs import exports, imports
from punchcard.interfaces.jobs.running import work_on_jobs
from punchcard.journeys import retrying
from punchcard.journeys.retrying import LOST
from punchcard.kernel import job_work
from tests.builders import rows
from tests.interfaces.asking_jobs import (
    ask,
    counted,
    held,
    imported,
    look,
    orders,
    result,
    send,
)
from tests.interfaces.conftest import Api, make_api

pytestmark = pytest.mark.usefixtures("nothing_is_sent")


def work_and_die(after: int) -> None:
    """Let the worker die in the transaction of the batch after so many."""
    real, calls = job_work.keep_progress, 0

    def dying(**told: Any) -> dict[str, Any]:
        nonlocal calls
        kept = real(**told)
        if told.get("rows_before") is not None:
            calls += 1
            if calls > after:
                raise KeyboardInterrupt
        return kept

    with (
        patch.object(job_work, "keep_progress", dying),
        pytest.raises(KeyboardInterrupt),
    ):
        work_on_jobs()


@pytest.mark.parametrize("batches", [0, 1, 3, 5])
def test_a_killed_import_goes_on_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    file = orders(52, broken=3) + "o7,2025-08-01,m0,800,EUR\no8,2025-01-01,m1,1,EUR\n"
    undisturbed, disturbed = make_api(), make_api()
    whole = imported(undisturbed, "import_orders", file)
    job = ask(disturbed, "import_orders")
    send(disturbed, job, file)
    work_and_die(batches)
    half = look(disturbed, job)
    assert half["status"] == "running"
    assert half["rows"]["done"] == 3 + 10 * batches
    assert half["rows"]["total"] == 57
    work_on_jobs()
    done = look(disturbed, job)
    assert (done["status"], done["rows"]) == ("succeeded", whole["rows"])
    assert counted(done)["applied"] == 52
    assert result(disturbed, done) == result(undisturbed, whole)
    for member in range(7):
        assert held(disturbed, f"m{member}") == held(undisturbed, f"m{member}")


def test_a_batch_whose_commit_was_lost_is_counted_once(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    real, lost = retrying.transaction, []

    @contextmanager
    def losing() -> Iterator[None]:
        with real():
            yield
        if not lost:
            lost.append(1)
            raise LOST[2]("the answer to COMMIT was lost")

    job = ask(api, "import_orders")
    send(api, job, orders(25))
    monkeypatch.setattr(retrying, "transaction", losing)
    work_on_jobs()
    monkeypatch.setattr(retrying, "transaction", real)
    assert lost
    assert counted(look(api, job)) == {
        "total": 25,
        "done": 25,
        "applied": 25,
        "members_created": 7,
    }


def test_a_killed_export_is_made_anew(api: Api) -> None:
    imported(api, "import_orders", orders(10))
    job = ask(api, "export_entries")
    with (
        patch(
            "punchcard.interfaces.jobs.exports.complete_job",
            side_effect=KeyboardInterrupt,
        ),
        pytest.raises(KeyboardInterrupt),
    ):
        work_on_jobs()
    assert look(api, job)["status"] == "running"
    assert api.get(f"/v1/jobs/{job['id']}/result").code == "job_has_no_result"
    work_on_jobs()
    assert len(result(api, job)) == 10


def test_a_long_export_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.setattr(exports, "_ROWS_BETWEEN_LOOKS", 4)
    imported(api, "import_orders", orders(10))
    job = ask(api, "export_entries")
    told: list[int] = []
    real = exports.keep_progress

    def telling(**said: Any) -> None:
        real(**said)
        told.append(look(api, job)["rows"]["done"])

    monkeypatch.setattr(exports, "keep_progress", telling)
    work_on_jobs()
    assert told == [4, 8, 10]
    assert len(result(api, job)) == 10


def test_a_cancelled_job_stops_where_it_stands(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    job = ask(api, "import_orders")
    send(api, job, orders(50))
    posted, batches = imports._Keeper.posted, []

    def cancelled_after_the_second(self: Any, batch: importing.Batch) -> None:
        posted(self, batch)
        batches.append(batch)
        if len(batches) == 2:
            assert api.post(f"/v1/jobs/{job['id']}/cancel").status == 200

    monkeypatch.setattr(imports._Keeper, "posted", cancelled_after_the_second)
    work_on_jobs()
    done = look(api, job)
    assert done["status"] == "cancelled"
    assert counted(done)["done"] == counted(done)["applied"] == 20
    assert len(batches) == 2
    entries = rows(
        "SELECT count(*) FROM ledger_entry e JOIN ledger_account a ON a.id ="
        " e.account_id JOIN programs_wallet w ON w.id = a.wallet_id"
        " WHERE w.program_id = %s",
        (api.program,),
    )
    assert entries == [(counted(done)["applied"],)]
    assert api.post(f"/v1/jobs/{job['id']}/cancel").body == done
    assert work_on_jobs() == 0


def test_an_earlier_worker_writes_no_more(api: Api) -> None:
    job = ask(api, "import_orders")
    send(api, job, orders(5))
    real = importing.FileImport.run

    def overtaken(self: Any, follower: Any) -> None:
        rows("UPDATE kernel_job SET attempt = attempt + 1 RETURNING 1")
        real(self, follower)

    with patch.object(importing.FileImport, "run", overtaken):
        work_on_jobs()
    assert look(api, job)["rows"]["done"] == 0
    assert api.get("/v1/members").body["data"] == []
    work_on_jobs()
    assert look(api, job)["status"] == "succeeded"


def test_an_export_that_was_under_way_at_an_erasure_begins_anew(api: Api) -> None:
    imported(api, "import_members", "external_id\nanna\nbo\n")
    job = ask(api, "export_members")
    real = exports.complete_job

    def erased_meanwhile(**told: Any) -> None:
        assert api.post("/v1/members/ext:anna/erase").status == 200
        real(**told)

    with patch.object(exports, "complete_job", erased_meanwhile):
        work_on_jobs()
    assert look(api, job)["status"] == "queued"
    work_on_jobs()
    assert [row["external_id"] for row in result(api, job)] == ["bo"]


def test_a_job_that_never_comes_further_is_given_up(api: Api) -> None:
    job = ask(api, "export_members")
    with patch(
        "punchcard.interfaces.jobs.running.run_export", side_effect=RuntimeError("no")
    ) as run:
        for _ in range(7):
            work_on_jobs()
    assert run.call_count == 5
    done = look(api, job)
    assert (done["status"], done["failure"]["code"]) == ("failed", "unexpected")
