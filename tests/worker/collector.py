"""A collector of traces: OTLP over HTTP, as those of real ones speak it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import MAX_WBITS, decompress

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


@dataclass(frozen=True)
class Told:
    """A span that was sent."""

    name: str
    kind: str
    service: str
    trace: str
    span: str
    parent: str
    failed: bool
    facts: dict[str, Any]


@dataclass
class Collector:
    """What was sent, by whomever."""

    port: int
    spans: list[Told] = field(default_factory=list)

    def named(self, name: str) -> list[Told]:
        return [span for span in self.spans if span.name == name]

    def below(self, parent: Told) -> list[Told]:
        return [
            s for s in self.spans if (s.trace, s.parent) == (parent.trace, parent.span)
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = decompress(body, MAX_WBITS | 16)
            assert self.path == "/v1/traces"
            collector.spans += decoded(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def decoded(body: bytes) -> Iterator[Told]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = facts(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(
                    name=span.name,
                    kind=span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    service=service,
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    facts=facts(span.attributes) | {"events": len(span.events)},
                )


def facts(attributes: Any) -> dict[str, Any]:
    return {
        said.key: getattr(said.value, str(said.value.WhichOneof("value")))
        for said in attributes
    }
