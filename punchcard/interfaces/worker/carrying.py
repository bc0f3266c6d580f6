"""What a message carries besides its task, whoever sends it: when, and as part of what.

Signals of Celery call these, so that nobody who sends or does a task can forget it.
See Note [A request's id goes along].
"""

from __future__ import annotations

from typing import Any

from punchcard.interfaces.worker.queues import SENT_AT
from punchcard.kernel import clock
from punchcard.kernel.log_context import begin_work, end_work, note, request_id

REQUEST = "request_id"
_LENGTH_MAX = 128


def carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write it into the headers of a message that is about to be sent."""
    if headers is None:
        return
    headers[SENT_AT] = clock.read().isoformat()
    # Whoever says of what it is part is believed.
    if (part_of := request_id()) and not headers.get(REQUEST):
        headers[REQUEST] = part_of


def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Begin a task as a part of what it was sent in; a schedule's is work by itself."""
    given = task.request.get(REQUEST)
    known = isinstance(given, str) and 0 < len(given) <= _LENGTH_MAX
    begin_work(request_id=given if known else task_id)
    note(task=task.name, task_id=task_id)


def end_task(**_: Any) -> None:
    """End it: what the worker says until the next one is part of none."""
    end_work()
