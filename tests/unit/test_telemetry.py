"""Whether traces are wanted is said by OpenTelemetry's own settings."""

from __future__ import annotations

import pytest

from punchcard.project.env import EnvironmentMistake
from punchcard.project.telemetry import is_wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
        (ENDPOINT, True),
        (TRACES, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, True),
    ],
)
def test_traces_are_wanted_where_it_is_said_where_to(
    environment: dict[str, str], wanted: bool
) -> None:
    assert is_wanted(environment) is wanted


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "say otlp or none"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "say http/protobuf"),
        (TRACES | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "say http/protobuf"),
    ],
)
def test_what_cannot_be_is_said(environment: dict[str, str], said: str) -> None:
    with pytest.raises(EnvironmentMistake, match=said):
        is_wanted(environment)
