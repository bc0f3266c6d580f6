"""Whose work a line of the log is part of: a request's id, its program, its actor.

Note [A request's id goes along]: whoever begins a piece of work (a door, a worker that
takes a task) says under which id; every line that is logged until the next one begins
has it. Who hands work on hands `request_id()` on with it. Ids only: a log is kept by
others than the database, for longer, and nobody is erased from it.
"""

from __future__ import annotations

from structlog import contextvars


def begin_work(*, request_id: str) -> None:
    """Begin a piece of work: nothing of the one before is said any more."""
    contextvars.clear_contextvars()
    contextvars.bind_contextvars(request_id=request_id)


def note(**facts: str) -> None:
    """Say something with every further line of this piece of work."""
    contextvars.bind_contextvars(**facts)


def end_work() -> None:
    """End a piece of work: what is logged from now on is part of none."""
    contextvars.clear_contextvars()


def request_id() -> str:
    """Return the id of the work under way; empty where nobody began any."""
    return str(contextvars.get_contextvars().get("request_id", ""))
