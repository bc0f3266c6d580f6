"""What a message carries besides its task, whoever sends it: when that was."""

from __future__ import annotations

from typing import Any

from punchcard.interfaces.worker.queues import SENT_AT
from punchcard.kernel import clock


def carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write it into the headers of a message that is about to be sent."""
    if headers is not None:
        headers[SENT_AT] = clock.read().isoformat()
