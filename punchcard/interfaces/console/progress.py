"""How far a long command is: a bar with rate and time left, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 5.0

Advance = Callable[[int], None]
"""Say how many are done by now."""


@contextmanager
def progress(doing: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Show how far it is of `total` units; None: nobody knows how many there are.

    Where standard error is no terminal, a line now and then.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(doing, total, unit).advance
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.update(task, completed=done)


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0
        return Text(f"{speed:,.0f} {self._unit}/s")


class _Lines:
    def __init__(self, doing: str, total: int | None, unit: str) -> None:
        self._doing, self._total, self._unit = doing, total, unit
        self._begin = self._told = time.monotonic()

    def advance(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = now
        rate = done / (now - self._begin)
        parts = [f"{self._doing}: {done:,}"]
        if self._total:
            left = (self._total - done) / rate if rate else 0
            parts = [f"{parts[0]} of {self._total:,}", f"{left:,.0f} s left"]
        parts.insert(1, f"{rate:,.0f} {self._unit}/s")
        sys.stderr.write(", ".join(parts) + "\n")
        sys.stderr.flush()
