"""How each refusal about jobs is met: code -> the call that meets it."""

from __future__ import annotations

from punchcard.interfaces.jobs.running import work_on_jobs
from punchcard.kernel.ids import untyped
from punchcard.kernel.jobs import OPEN_MAX
from tests.builders import rows
from tests.interfaces.conftest import Answer
from tests.interfaces.errands import Errand
from tests.interfaces.scene import FILE, Scene


def job_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"job": "nobody"})


def job_ended(scene: Scene, method: str, path: str) -> Answer:
    """Cancel it before it has a file, or let it fail."""
    if path.endswith("/file"):
        assert scene.api.post(f"/v1/jobs/{scene.job}/cancel").status == 200
        return scene.send(method, path)
    scene.send("PUT", "/v1/jobs/{job}/file", body=b"nothing\n")
    work_on_jobs()
    return scene.send(method, path)


def job_has_file(scene: Scene, method: str, path: str) -> Answer:
    assert scene.send(method, path).status == 202
    return scene.send(method, path, body=FILE + b"dora\n")


def job_takes_no_file(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, named={"job": scene.ask("export_members")})


def job_has_no_result(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path)


def too_many_jobs(scene: Scene, method: str, path: str) -> Answer:
    copied = rows(
        "INSERT INTO kernel_job SELECT (jsonb_populate_record(j, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM kernel_job j, generate_series(2, %s)"
        " WHERE j.id = %s RETURNING 1",
        (OPEN_MAX, untyped("job", scene.job)),
    )
    assert len(copied) == OPEN_MAX - 1
    return scene.send(method, path)


def wallet_not_found(scene: Scene, method: str, path: str) -> Answer:
    return scene.send(method, path, body={"kind": "import_orders", "wallet": "coins"})


JOBS: dict[str, Errand] = {
    "job_not_found": job_not_found,
    "job_ended": job_ended,
    "job_has_file": job_has_file,
    "job_takes_no_file": job_takes_no_file,
    "job_has_no_result": job_has_no_result,
    "too_many_jobs": too_many_jobs,
    "wallet_not_found": wallet_not_found,
}
