"""Measuring tools that every benchmark shares.

To add a benchmark, write a callable without arguments that does the work once and
returns (operations, seconds, extras), and hand `Bench("its name", it)` to `measure`.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypedDict

import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

BASELINE = "classic recipe 8 connections"
RESULTS = Path(__file__).parent / "results"
PAGE_BYTES = 8192
# Settings without which a figure says nothing.
SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_sync_method",
    "wal_compression",
    "commit_delay",
    "shared_buffers",
    "max_wal_size",
)


class Extras(TypedDict, total=False):
    """What a run may tell beside its rate.

    `wal_bytes_per_op` replaces what `measure` reads around the run: give it when the
    run also prepares data.
    """

    statements_per_op: float
    wal_bytes_per_op: float
    notes: str


Run: TypeAlias = Callable[[], tuple[float, float, Extras]]
"""Does the work once; returns (operations, seconds, extras)."""


class Bench(msgspec.Struct, frozen=True):
    """A piece of work to measure."""

    name: str
    run: Run
    unit: str = "commands/s"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark reached over its runs; `ops_per_s` is the median."""

    name: str
    ops_per_s: float
    min: float
    max: float
    runs: int
    unit: str
    statements_per_op: float | None = None
    wal_bytes_per_op: float | None = None
    notes: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that one run of the benchmarks found out; the shape of a results file."""

    results: list[Result]
    ratios: dict[str, float]
    machine: dict[str, object]
    fsync_ms: float | None


class _Sample(msgspec.Struct, frozen=True):
    ops_per_s: float
    extras: Extras


def measure(
    benches: Sequence[Bench],
    *,
    rounds: int = 3,
    conninfo: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Run all benchmarks in turn, `rounds` times over, and take medians.

    In turn, so that what drifts (a busy neighbour, a growing table) hits all alike.
    With `conninfo` the WAL that the server wrote meanwhile is counted too.

    Raises:
        ValueError: two benchmarks share a name; one did no work, or gave an extra
            that is not in `Extras`.
    """
    names = [bench.name for bench in benches]
    if len(set(names)) < len(names):
        message = f"two benchmarks share a name: {names}"
        raise ValueError(message)
    samples: dict[str, list[_Sample]] = {name: [] for name in names}
    for number in range(1, rounds + 1):
        for bench in benches:
            sample = _sample(bench, conninfo)
            samples[bench.name].append(sample)
            if progress is not None:
                rate = f"{sample.ops_per_s:,.0f} {bench.unit}"
                progress(f"{number}/{rounds} {bench.name}: {rate}")
    return [_summary(bench, samples[bench.name]) for bench in benches]


def ratios(results: Iterable[Result], baseline: str = BASELINE) -> dict[str, float]:
    """Return how many times the baseline's rate each result of its unit reached.

    Empty when the baseline was not among what was measured.
    """
    by_name = {result.name: result for result in results}
    base = by_name.get(baseline)
    if base is None:
        return {}
    return {
        name: round(result.ops_per_s / base.ops_per_s, 3)
        for name, result in by_name.items()
        if result.unit == base.unit
    }


def report(
    results: list[Result], *, conninfo: str, data_folder: Path | None = None
) -> Report:
    """Put results, ratios and the description of the machine together.

    Without `data_folder` (a server elsewhere) the fsync time stays unknown.
    """
    return Report(
        results=results,
        ratios=ratios(results),
        machine=machine(conninfo),
        fsync_ms=None if data_folder is None else fsync_ms(data_folder),
    )


def write(found: Report, folder: Path = RESULTS) -> Path:
    """Write `<UTC time>.json` into the folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    return path


def show(found: Report, console: Console | None = None) -> None:
    """Print the report as a table."""
    # A pipe or a CI log has no width of its own; 80 columns would break the names.
    console = console or Console(width=None if sys.stdout.isatty() else 110)
    table = Table(title="Benchmarks", caption=_caption(found))
    table.add_column("what", no_wrap=True)
    for column in ("median", "min", "max"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("unit")
    for column in ("x classic", "SQL/op", "WAL B/op"):
        table.add_column(column, justify="right")
    for result in found.results:
        ratio = found.ratios.get(result.name)
        table.add_row(
            result.name,
            *(f"{rate:,.0f}" for rate in (result.ops_per_s, result.min, result.max)),
            result.unit,
            "" if ratio is None else f"{ratio:.2f}",
            _number(result.statements_per_op),
            _number(result.wal_bytes_per_op),
        )
    console.print(table)
    for result in found.results:
        if result.notes:
            console.print(f"{result.name}: {result.notes}", markup=False)


def wal_position(conninfo: str) -> int:
    """Return how many bytes of WAL the server has written since it was made."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        ).fetchone()
    assert row is not None
    return int(row[0])


def fsync_ms(folder: Path, seconds: float = 1.0) -> float:
    """Return the median milliseconds of writing one page and `fdatasync`.

    As pg_test_fsync does it: the same page of one file over and over, so that only
    data goes to the disk. The folder must be on the disk that holds the WAL.
    """
    page = os.urandom(PAGE_BYTES)
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        descriptor = file.fileno()
        os.pwrite(descriptor, page, 0)
        os.fsync(descriptor)
        stop = time.perf_counter() + seconds
        while not times or time.perf_counter() < stop:
            started = time.perf_counter()
            os.pwrite(descriptor, page, 0)
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(times), 4)


def machine(conninfo: str) -> dict[str, object]:
    """Describe what a figure depends on: processor, memory, kernel, versions."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings"
            " WHERE name = ANY(%s) ORDER BY name",
            [["server_version", *SETTINGS]],
        ).fetchall()
    settings: dict[str, str] = dict(rows)
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "postgresql": settings.pop("server_version"),
        "python": platform.python_version(),
        "settings": settings,
    }


def _sample(bench: Bench, conninfo: str | None) -> _Sample:
    before = None if conninfo is None else wal_position(conninfo)
    operations, seconds, extras = bench.run()
    if operations <= 0 or seconds <= 0:
        message = f"{bench.name}: {operations} operations in {seconds} s"
        raise ValueError(message)
    # A misspelt key must not vanish, and only mypy checks a TypedDict.
    if unknown := extras.keys() - Extras.__annotations__.keys():
        message = f"{bench.name}: unknown extras {sorted(unknown)}"
        raise ValueError(message)
    if conninfo is not None and before is not None:
        written = (wal_position(conninfo) - before) / operations
        extras = {"wal_bytes_per_op": written, **extras}
    return _Sample(operations / seconds, extras)


def _summary(bench: Bench, samples: list[_Sample]) -> Result:
    rates = [sample.ops_per_s for sample in samples]
    kept = [sample.extras for sample in samples]
    return Result(
        name=bench.name,
        ops_per_s=round(statistics.median(rates), 1),
        min=round(min(rates), 1),
        max=round(max(rates), 1),
        runs=len(rates),
        unit=bench.unit,
        statements_per_op=_median(
            extras["statements_per_op"]
            for extras in kept
            if "statements_per_op" in extras
        ),
        wal_bytes_per_op=_median(
            extras["wal_bytes_per_op"]
            for extras in kept
            if "wal_bytes_per_op" in extras
        ),
        notes=kept[-1].get("notes", ""),
    )


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(statistics.median(found), 3) if found else None


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _caption(found: Report) -> str:
    about = found.machine
    fsync = "unknown" if found.fsync_ms is None else f"{found.fsync_ms:.3f} ms"
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB,"
        f" {about['kernel']}, PostgreSQL {about['postgresql']},"
        f" Python {about['python']}, fsync {fsync}"
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
