"""Count what was posted, after it was: what is rolled back never happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import perf_counter

from punchcard.kernel import metrics
from punchcard.ledger.commands import Command
from punchcard.ledger.outcomes import Outcome


def count_posted(
    *, commands: Sequence[Command], outcomes: Sequence[Outcome], began: float
) -> None:
    """Count a batch by types and outcomes; `began` is what `perf_counter` said."""
    metrics.POST_SECONDS.observe(perf_counter() - began)
    metrics.POST_COMMANDS.observe(len(commands))
    counted = Counter(
        (type(command).__name__.lower(), "replayed" if out.replayed else out.code)
        for command, out in zip(commands, outcomes, strict=True)
    )
    for (kind, outcome), number in counted.items():
        metrics.COMMANDS.labels(kind, outcome).inc(number)
