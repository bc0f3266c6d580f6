"""Run the same work in several processes over the same stretch of time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

SETUP_SECONDS_MAX = 120.0

Ready: TypeAlias = Callable[[], float]
"""Waits until every process is set up; returns the `perf_counter` to stop at."""

_barrier: Barrier | None = None


def fan_out(
    work: Callable[..., int], *args: object, processes: int, seconds: float
) -> tuple[int, float]:
    """Run `work(number, ready, *args)` in each process; return (operations, seconds).

    `work` must be a module-level function. It sets itself up, calls `ready()` once,
    works until the `time.perf_counter()` that this returned, and gives back how many
    operations it completed. The seconds are those of the slowest process.

    Raises:
        Exception: whatever `work` raised first, in the order of the processes.
    """
    # Spawned, not forked: a child must not inherit open connections or Django.
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, _join, (barrier,)) as pool:
        futures = [
            pool.submit(_one, work, number, seconds, args)
            for number in range(processes)
        ]
        errors = [error for future in futures if (error := future.exception())]
    # A broken barrier is only how the others notice that one has failed.
    errors.sort(key=lambda error: isinstance(error, BrokenBarrierError))
    if errors:
        raise errors[0]
    counts, elapsed = zip(*(future.result() for future in futures), strict=True)
    return sum(counts), max(elapsed)


def _join(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier can only be inherited, not sent
    _barrier = barrier


def _one(
    work: Callable[..., int], number: int, seconds: float, args: tuple[object, ...]
) -> tuple[int, float]:
    barrier = _barrier
    assert barrier is not None
    started: list[float] = []

    def ready() -> float:
        barrier.wait(SETUP_SECONDS_MAX)
        started.append(time.perf_counter())
        return started[0] + seconds

    try:
        operations = work(number, ready, *args)
    except BaseException:
        barrier.abort()
        raise
    return operations, time.perf_counter() - started[0]
