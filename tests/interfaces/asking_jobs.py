"""Jobs as their callers see them: asked for, given a file, looked at, fetched."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID

from punchcard.interfaces.jobs.running import work_on_jobs
from punchcard.kernel.ids import untyped
from tests.builders import rows
from tests.interfaces.conftest import Answer, Api

ORDERS = "external_id,occurred_at,member,amount_minor,currency\n"


def ask(api: Api, kind: str, **options: Any) -> dict[str, Any]:
    answer = api.post("/v1/jobs", {"kind": kind, **options})
    assert answer.status == 202, answer.body
    job: dict[str, Any] = answer.body
    assert answer.response["Location"] == f"/v1/jobs/{job['id']}"
    return job


def send(api: Api, job: dict[str, Any], file: str | bytes, **options: Any) -> Answer:
    content = file.encode() if isinstance(file, str) else file
    options.setdefault("content_type", "text/csv")
    return api.call("PUT", f"/v1/jobs/{job['id']}/file", content, **options)


def look(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/jobs/{job['id']}").body
    return found


def imported(api: Api, kind: str, file: str | bytes, **options: Any) -> dict[str, Any]:
    job = ask(api, kind, **options)
    assert job["status"] == "awaiting_file"
    assert send(api, job, file).body["status"] == "queued"
    work_on_jobs()
    return look(api, job)


def exported(api: Api, kind: str, **options: Any) -> list[dict[str, str]]:
    job = ask(api, kind, **options)
    assert job["status"] == "queued"
    work_on_jobs()
    done = look(api, job)
    assert (done["status"], done["failure"]) == ("succeeded", None)
    assert done["rows"]["total"] == done["rows"]["done"]
    found = result(api, job)
    assert len(found) == done["rows"]["done"]
    return found


def held(api: Api, member: str) -> dict[str, int]:
    body = api.get(f"/v1/accounts/ext:{member}@points/balance").body
    found: dict[str, int] = body["balance"]
    return found


def result(api: Api, job: dict[str, Any]) -> list[dict[str, str]]:
    answer = api.get(f"/v1/jobs/{job['id']}/result")
    assert answer.status == 200, answer.body
    assert answer.response["Content-Type"] == "text/csv"
    text = b"".join(answer.response).decode()
    return list(csv.DictReader(io.StringIO(text)))


def orders(count: int, *, broken: int = 0) -> str:
    lines = [
        f"o{n},2025-{1 + n % 12:02}-01,m{n % 7},{(n + 1) * 100},EUR\n"
        for n in range(count)
    ]
    lines += [f"b{n},2025-01-01,m0,ten,EUR\n" for n in range(broken)]
    return ORDERS + "".join(lines)


def counted(job: dict[str, Any]) -> dict[str, Any]:
    return {name: n for name, n in job["rows"].items() if n and name != "wallets"}


def left(job: dict[str, Any], what: str) -> int:
    query = f"SELECT count(*) FROM kernel_job_{what} WHERE job_id = %s"
    return int(rows(query, id_of(job))[0][0])


def id_of(job: dict[str, Any]) -> tuple[UUID]:
    return (untyped("job", job["id"]),)
