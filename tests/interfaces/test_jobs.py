"""Jobs over the API: asked for, given a file, done by whoever comes, looked at."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from punchcard.interfaces.jobs.running import work_on_jobs
from punchcard.journeys.forget_expired import forget_expired
from punchcard.kernel import clock
from punchcard.kernel.jobs import KEPT, OPEN_MAX
from tests.builders import rows
from tests.interfaces.asking_jobs import (
    ask,
    counted,
    exported,
    held,
    id_of,
    imported,
    left,
    look,
    orders,
    result,
    send,
)
from tests.interfaces.conftest import Answer, Api, another_key, make_api
from tests.journeys.store import PER_EURO, a_store_of

pytestmark = pytest.mark.usefixtures("nothing_is_sent")


def test_orders_are_imported_with_their_faults_told(api: Api) -> None:
    job = imported(api, "import_orders", orders(20, broken=2), points_per_unit="2")
    assert (job["status"], job["failure"]) == ("succeeded", None)
    assert counted(job) == {
        "total": 22,
        "done": 22,
        "applied": 20,
        "broken": 2,
        "members_created": 7,
    }
    # m0 has the orders 0, 7 and 14.
    assert held(api, "m0")["available"] == 2 * (1 + 8 + 15)
    errors = api.get(f"/v1/jobs/{job['id']}/errors?limit=1").body
    assert errors["data"] == [
        {
            "line": 22,
            "column": "amount_minor",
            "reason": "is no whole number of minor units, as in 1150 for 11.50",
            "value": "ten",
        }
    ]
    more = f"/v1/jobs/{job['id']}/errors?cursor={errors['next_cursor']}"
    assert [error["line"] for error in api.get(more).body["data"]] == [23]
    assert [row["line"] for row in result(api, job)] == ["22", "23"]


def test_the_same_orders_again_change_nothing(api: Api) -> None:
    imported(api, "import_orders", orders(20))
    before = held(api, "m1")
    again = imported(api, "import_orders", orders(20))
    assert counted(again) == {"total": 20, "done": 20, "known": 20}
    assert held(api, "m1") == before


def test_returns_are_imported_and_take_back_what_was_earned(api: Api) -> None:
    store = a_store_of(api.program, "anna")
    then = datetime(2020, 1, 1, tzinfo=UTC)
    store.configure({"id": "base", "earn": PER_EURO}, at=then)
    store.bought("1001", "1x1000, 2x500", at=then)
    store.bought("1002", "1x350", at=then)
    file = (
        "return,order,occurred_at,line,quantity,amount\n"
        "R1,1001,2020-02-01,2,1,\n"
        "R2,1002,2020-02-02,,,199\n"
        "R3,1001,2020-02-03,1,2,\n"
        "R4,1003,2020-02-03,1,1,\n"
        "R5,1001,2020-02-03,,1,\n"
        "R1,1001,2020-02-01,2,1,\n"
        "R2,1002,2020-02-02,,,198\n"
    )
    columns = {"external_id": "return"}
    job = imported(api, "import_returns", file, columns=columns)
    assert (job["status"], job["failure"]) == ("succeeded", None)
    assert counted(job) == {
        "total": 7,
        "done": 7,
        "applied": 2,
        "known": 1,
        "broken": 4,
    }
    faults = [(row["line"], row["column"], row["reason"]) for row in result(api, job)]
    assert sorted(faults) == [
        ("4", "quantity", "is more than what is left: 2 is asked for, 1 is left"),
        ("5", "order", "is no order of the program"),
        ("6", "line", "is empty, and the order has 2 lines"),
        ("8", "return", "stands in line 3 with other contents"),
    ]
    # 1.51 of 3.50 are kept.
    assert store.balance() == 15 + 1
    again = imported(api, "import_returns", file, columns=columns)
    assert counted(again) == {"total": 7, "done": 7, "known": 3, "broken": 4}
    assert store.balance() == 16


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes])
def test_files_may_be_packed(api: Api, pack: Callable[[bytes], bytes]) -> None:
    assert counted(imported(api, "import_orders", pack(orders(3).encode()))) == {
        "total": 3,
        "done": 3,
        "applied": 3,
        "members_created": 3,
    }


def test_members_are_imported_exported_and_imported_elsewhere(api: Api) -> None:
    file = (
        "customer,email,city,country,tags,attributes\n"
        'anna,anna@example.org,Paris,FR,"vip;shop","{""size"": 42}"\n'
        "bo,,,,,\n"
    )
    job = imported(api, "import_members", file, columns={"external_id": "customer"})
    assert counted(job)["applied"] == 2
    found = exported(api, "export_members")
    assert [(row["external_id"], row["email"], row["city"]) for row in found] == [
        ("anna", "anna@example.org", "Paris"),
        ("bo", "", ""),
    ]
    other = make_api()
    text = io.StringIO()
    writer = csv.DictWriter(text, found[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    assert counted(imported(other, "import_members", text.getvalue()))["applied"] == 2
    same = [
        row | {"id": "", "created_at": ""} for row in exported(other, "export_members")
    ]
    assert same == [row | {"id": "", "created_at": ""} for row in found]


def test_balances_are_imported_and_exported(api: Api) -> None:
    file = (
        "member,points,expires_at,lot\n"
        "anna,100,2031-01-01,a\nanna,50,,b\nbo,-20,,c\nbo,1,2000-01-01,d\n"
    )
    job = imported(api, "import_balances", file, enrol=True)
    assert counted(job) == {
        "total": 4,
        "done": 4,
        "applied": 3,
        "broken": 1,
        "members_created": 2,
    }
    assert job["rows"]["wallets"] == {
        "points": {
            "members": 2,
            "lots": 3,
            "points": 130,
            "new_lots": 3,
            "new_points": 130,
        }
    }
    found = exported(api, "export_balances")
    assert [(row["member"], row["available"]) for row in found] == [
        ("anna", "150"),
        ("bo", "-20"),
    ]


def test_entries_are_exported_as_the_accounts_have_them(api: Api) -> None:
    imported(api, "import_orders", orders(10))
    api.post("/v1/accounts/ext:m0@points/redeem", {"points": 3}, key="r")
    found = exported(api, "export_entries")
    assert len(found) == 11
    for member in ("m0", "m3"):
        told = api.get(f"/v1/accounts/ext:{member}@points/entries?limit=100").body
        want = [
            (str(e["sequence"]), e["type"], str(e["balance"])) for e in told["data"]
        ]
        have = [
            (row["sequence"], row["type"], row["balance"])
            for row in found
            if row["member"] == member
        ]
        assert have == want[::-1]
    some = exported(
        api,
        "export_entries",
        effective_from="2025-03-01T00:00:00Z",
        effective_to="2025-05-01T00:00:00Z",
    )
    assert sorted(row["reference_id"] for row in some) == ["o2", "o3"]


BAD_FILES = {
    "\n": "The file is empty: its first line must name the columns.",
    "a,b\n1,2\n": "The file, line 1: has no column `external_id`; it has: a, b. "
    'Say "columns": {"external_id": its name there}.',
    "\x00\x01\x02": "The file is no CSV: its first line is not text in UTF-8.",
}


@pytest.mark.parametrize(("file", "detail"), BAD_FILES.items())
def test_a_file_that_is_none_fails_the_job(api: Api, file: str, detail: str) -> None:
    job = imported(api, "import_orders", file)
    assert job["status"] == "failed"
    assert job["failure"] == {"code": "bad_file", "detail": detail}
    assert not job["has_result"]
    assert api.get(f"/v1/jobs/{job['id']}/result").code == "job_has_no_result"
    assert api.get("/v1/members").body["data"] == []


def test_a_file_cut_short_imports_nothing(api: Api) -> None:
    job = imported(api, "import_orders", gzip.compress(orders(500).encode())[:-20])
    assert job["status"] == "failed"
    assert job["failure"]["detail"].endswith("Nothing was imported.")
    assert api.get("/v1/members").body["data"] == []


def test_what_can_be_seen_at_once_is_refused_at_once(api: Api) -> None:
    def refused(**body: Any) -> Answer:
        answer = api.post("/v1/jobs", body)
        assert answer.status in {400, 404}
        return answer

    assert refused(kind="import_orders", wallet="coins").code == "wallet_not_found"
    (error,) = refused(kind="import_orders", columns={"total": "x"}).body["errors"]
    assert error["pointer"] == "/columns/total"
    assert "amount_minor" in error["detail"]
    late = refused(kind="import_balances", at="2999-01-01T00:00:00Z").body["errors"]
    assert late[0]["pointer"] == "/at"
    assert refused(kind="import_world").code == "malformed"
    assert refused(kind="export_members", wallet="points").code == "malformed"
    assert refused().code == "malformed"
    assert api.get("/v1/jobs").body["data"] == []


def test_a_file_is_taken_once(api: Api) -> None:
    job = ask(api, "import_orders")
    assert send(api, job, orders(3), content_type="application/json").status == 415
    assert send(api, job, orders(3)).status == 202
    assert send(api, job, orders(3)).body["status"] == "queued"
    assert send(api, job, orders(4)).code == "job_has_file"
    export = ask(api, "export_members")
    assert send(api, export, orders(3)).code == "job_takes_no_file"
    waiting = ask(api, "import_orders")
    assert api.post(f"/v1/jobs/{waiting['id']}/cancel").status == 200
    assert send(api, waiting, orders(3)).code == "job_ended"
    work_on_jobs()
    assert send(api, job, orders(3)).body["status"] == "succeeded"
    assert api.post(f"/v1/jobs/{job['id']}/cancel").code == "job_ended"


def test_a_file_that_is_too_large_is_not_taken(api: Api, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    job = ask(api, "import_orders")
    answer = send(api, job, b"x" * (1024 * 1024 + 1))
    assert (answer.status, answer.code) == (413, "too_large")
    assert look(api, job)["status"] == "awaiting_file"
    assert left(job, "file") == 0


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ({"kind": "import_members"}, ("members:write",)),
        ({"kind": "import_orders"}, ("ledger:earn", "members:write")),
        ({"kind": "import_returns"}, ("orders:write",)),
        ({"kind": "import_balances"}, ("ledger:adjust",)),
        (
            {"kind": "import_balances", "enrol": True},
            ("ledger:adjust", "members:write"),
        ),
        ({"kind": "export_members"}, ("members:export",)),
        ({"kind": "export_balances"}, ("ledger:read", "members:read")),
        ({"kind": "export_entries"}, ("ledger:read", "members:read")),
    ],
)
def test_a_job_does_no_more_than_its_caller_may(
    api: Api, kind: dict[str, Any], needed: tuple[str, ...]
) -> None:
    for without in needed:
        scopes = {"jobs:read", "jobs:write", *needed} - {without}
        caller = another_key(api, scopes=tuple(sorted(scopes)))
        answer = caller.post("/v1/jobs", kind)
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.body["details"] == {"scope": without}
    allowed = another_key(api, scopes=("jobs:read", "jobs:write", *needed))
    job = allowed.post("/v1/jobs", kind).body
    reader = another_key(api, scopes=("jobs:read",))
    assert reader.get(f"/v1/jobs/{job['id']}").status == 200
    for path in ("result", "errors"):
        assert reader.get(f"/v1/jobs/{job['id']}/{path}").code == "forbidden"


def test_jobs_of_another_program_are_not_there(api: Api) -> None:
    job = ask(api, "import_orders")
    stranger = make_api()
    answers = [
        stranger.get(f"/v1/jobs/{job['id']}"),
        stranger.get(f"/v1/jobs/{job['id']}/result"),
        stranger.get(f"/v1/jobs/{job['id']}/errors"),
        stranger.post(f"/v1/jobs/{job['id']}/cancel"),
        send(stranger, job, orders(1)),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {
        (404, "job_not_found")
    }
    assert stranger.get("/v1/jobs").body["data"] == []


def test_jobs_are_listed_and_narrowed(api: Api) -> None:
    made = [ask(api, "import_orders"), ask(api, "export_members")]
    listed = api.get("/v1/jobs").body["data"]
    assert listed == made[::-1]
    assert api.get("/v1/jobs?kind=export_members").body["data"] == made[1:]
    assert api.get("/v1/jobs?status=awaiting_file").body["data"] == made[:1]
    assert api.get("/v1/jobs?sort=created_at&limit=1").body["data"] == made[:1]
    work_on_jobs()


def test_a_program_has_so_many_open_jobs(api: Api) -> None:
    first = ask(api, "import_orders")
    rows(
        "INSERT INTO kernel_job SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM kernel_job j, generate_series(2, %s)"
        " WHERE j.id = %s RETURNING 1",
        (OPEN_MAX, id_of(first)[0]),
    )
    assert api.post("/v1/jobs", {"kind": "import_orders"}).code == "too_many_jobs"
    assert make_api().post("/v1/jobs", {"kind": "import_orders"}).status == 202
    rows("DELETE FROM kernel_job WHERE program_id = %s RETURNING 1", (api.program,))


def test_jobs_are_forgotten_a_week_after_their_end(api: Api) -> None:
    job = imported(api, "import_orders", orders(3, broken=1))
    waiting = ask(api, "import_orders")
    forget_expired(now=clock.read() + timedelta(hours=25))
    assert look(api, waiting)["status"] == "cancelled"
    assert look(api, job) == job
    forget_expired(now=clock.read() + KEPT)
    assert api.get(f"/v1/jobs/{job['id']}").code == "job_not_found"
    assert left(job, "fault") == 0


def test_what_was_read_is_forgotten_when_the_job_ends(api: Api) -> None:
    job = imported(api, "import_orders", orders(3))
    assert left(job, "file") == 0


def test_an_erasure_takes_away_what_jobs_have_made(api: Api) -> None:
    file = "external_id,email,birth_date\nanna,anna@example.org,\nbo,,\ncy,,anna-soon\n"
    job = imported(api, "import_members", file)
    assert result(api, job)[0]["value"] == "anna-soon"
    export = ask(api, "export_members")
    work_on_jobs()
    assert look(api, export)["has_result"]
    assert api.post("/v1/members/ext:anna/erase").status == 200
    assert not look(api, export)["has_result"]
    assert api.get(f"/v1/jobs/{export['id']}/result").code == "job_has_no_result"
    assert result(api, job)[0]["value"] == ""
    assert [row["external_id"] for row in exported(api, "export_members")] == ["bo"]


def test_workers_are_told_at_once(api: Api, nothing_is_sent: list[str]) -> None:
    job = ask(api, "import_orders")
    assert nothing_is_sent == []
    send(api, job, orders(1))
    ask(api, "export_members")
    assert nothing_is_sent == ["punchcard.work_on_jobs"] * 2
    work_on_jobs()


def test_asking_and_cancelling_stand_in_the_audit(api: Api) -> None:
    job = ask(api, "import_orders")
    api.post(f"/v1/jobs/{job['id']}/cancel")
    listed = api.get(f"/v1/audit?target={job['id']}").body["data"]
    assert [(row["action"], row["fields"]) for row in listed] == [
        ("job.cancelled", {"kind": "import_orders", "rows_done": 0}),
        ("job.created", {"kind": "import_orders"}),
    ]
