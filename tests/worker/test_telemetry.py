"""Traces: of a request, its statements and its task; they name nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.worker.collector import Collector, Told, collecting
from tests.worker.place import Place, until
from tests.worker.test_up import free_ports

OFF = "import sys; assert not any(m.startswith('opentelemetry') for m in sys.modules)"
SEND = """
import django
django.setup()
from punchcard.project import celery, telemetry
assert telemetry.begin()
from opentelemetry.sdk.trace import TracerProvider
from punchcard.project import tracing
with tracing._span("asked", tracing.SpanKind.SERVER) as span:
    task = celery.app.send_task("punchcard.settle_due_points", queue="normal")
tracing._flush()
print(task.id, tracing._trace_id(span))
"""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as made:
        endpoint = f"http://127.0.0.1:{made.port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield made


def python(place: Place, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {"DJANGO_SETTINGS_MODULE": "punchcard.project.settings"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=place.env | settings | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_request_and_its_statements_are_one_trace_that_names_nobody(
    place: Place, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUNCHCARD_LOG_STYLE", "json")
    port, _ = free_ports()
    place.run("program", "create", "traced", "--currency", "EUR")
    secret = place.run("key", "create", "--program", "traced").split()[0]
    words = ("web", "--port", port, "--workers", 1)
    with (
        place.running(*words, ready="") as web,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {secret}"},
        ) as client,
    ):

        def answers() -> bool:
            try:
                return client.get("/health/ready").is_success
            except httpx.TransportError:
                return False

        until(answers, lambda: web.said)
        caller = "0af7651916cd43dd8448eb211c80319c"
        enrolled = client.post("/v1/members", json={"external_id": "nora-41"})
        found = client.get(
            "/v1/members/ext:nora-41?expand=nora",
            headers={"traceparent": f"00-{caller}-b7ad6b7169203331-01"},
        )
        assert enrolled.status_code == 201
        assert found.status_code in {200, 400, 422}
        client.request("NORA", "/nora-42")
        until(lambda: bool(collector.named("other unknown")), lambda: web.said)
        assert web.stop() == 0
    (post,) = collector.named("POST /v1/members")
    assert (post.kind, post.service, post.parent) == ("SERVER", "punchcard", "")
    assert post.facts == {
        "http.request.method": "POST",
        "http.route": "/v1/members",
        "http.response.status_code": 201,
        "punchcard.request_id": enrolled.headers["X-Request-Id"],
        "events": 0,
    }
    statements = collector.below(post)
    assert {span.kind for span in statements} == {"CLIENT"}
    told = " ".join(span.facts["db.query.text"] for span in statements)
    # Whose key it is, and what came of it: without a single parameter.
    assert "FROM access_api_key" in told
    assert "INSERT INTO ledger_account" in told
    (get,) = collector.named("GET /v1/members/{member}")
    assert (get.trace, get.parent) == (caller, "b7ad6b7169203331")
    assert "nora" not in str(collector.spans).lower()
    assert "/health/ready" not in str(collector.spans)
    lines = [json.loads(x) for x in web.said.splitlines() if x[:1] == "{"]
    traces = {line.get("route"): line.get("trace_id") for line in lines}
    assert traces["/v1/members"] == post.trace
    assert traces["/v1/members/{member}"] == caller


def test_a_task_is_part_of_the_trace_that_sent_it(
    place: Place, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")

    def done(task: str) -> Told:
        known = ("messaging.message.id", task)

        def told() -> list[Told]:
            return [span for span in collector.spans if known in span.facts.items()]

        until(lambda: bool(told()), lambda: (worker.said, collector.spans))
        return told()[0]

    with place.worker("traced") as worker:
        sent = python(place, SEND)
        assert sent.returncode == 0, sent.stderr
        task, trace = sent.stdout.split()
        asked, span = collector.named("asked")[0], done(task)
        assert (span.trace, span.parent) == (asked.trace, asked.span)
        assert (span.trace, span.kind, span.service) == (trace, "CONSUMER", "shop")
        assert (span.name, span.failed) == ("punchcard.settle_due_points", False)
        assert collector.below(span)
        worker.says(f"trace_id={trace}")
        alone = done(place.send("settle_due_points", queue="normal"))
        assert (alone.parent, alone.trace != trace) == ("", True)
        assert worker.stop() == 0
    # Who only waits for work tells nothing of it.
    assert {s.name for s in collector.spans if not s.parent} == {"asked", span.name}


def test_without_its_settings_nothing_of_it_is_loaded(place: Place) -> None:
    code = (
        "import django; django.setup(); from punchcard.project import celery,"
        " telemetry, wsgi; assert not telemetry.begin()\n"
    )
    done = python(place, code + OFF)
    assert done.returncode == 0, done.stderr


def test_that_it_is_not_installed_is_said_in_a_sentence(place: Place) -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from punchcard.project.main import main\n"
        "sys.argv = ['punchcard', 'sweep']; raise SystemExit(main())"
    )
    done = python(place, code, OTEL_TRACES_EXPORTER="otlp")
    assert done.returncode == 1
    assert "pip install 'punchcard[telemetry]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_collector_that_is_away_keeps_nobody_from_working(place: Place) -> None:
    away = "http://127.0.0.1:1"
    timeout = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    sent = python(place, SEND, OTEL_EXPORTER_OTLP_ENDPOINT=away, **timeout)
    assert sent.returncode == 0, sent.stderr
    assert len(sent.stdout.split()) == 2
