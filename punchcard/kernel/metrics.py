"""What is counted while we work, for Prometheus; `interfaces/api/metrics.py` tells it.

Note [Counted by several processes]: with PROMETHEUS_MULTIPROC_DIR, which the settings
set, each process counts in a file of its own, and whoever is asked adds them up.
Labels are of small, known sets: a caller can make no new one.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

_SIZES = (1, 2, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000)

COMMANDS = Counter(
    "punchcard_commands",
    "Commands to the ledger by type and outcome: applied, replayed, or a refusal.",
    ["type", "outcome"],
    registry=REGISTRY,
)
POST_SECONDS = Histogram(
    "punchcard_post_seconds",
    "How long posting a batch took, from its first statement to its commit.",
    registry=REGISTRY,
)
POST_COMMANDS = Histogram(
    "punchcard_post_commands",
    "How many commands a batch had.",
    buckets=_SIZES,
    registry=REGISTRY,
)
REQUESTS = Counter(
    "punchcard_http_requests",
    "Requests by address and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
RATE_LIMITED = Counter(
    "punchcard_rate_limited_requests",
    "Requests that have a budget: passed, refused, or uncounted for want of Valkey.",
    ["outcome"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "punchcard_http_request_seconds",
    "How long a request took until its answer began.",
    ["method", "route"],
    registry=REGISTRY,
)
