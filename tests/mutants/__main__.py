"""Run the seeded faults: exit 1 when one of them survives its test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import psycopg
from rich.console import Console
from rich.table import Table

from punchcard.project.servers.postgres import PostgresServer, temporary
from tests.mutants.faults import FAULTS, Fault

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("punchcard", "tests", "bench", "pyproject.toml")
LANES = 2
SECONDS = 180
PASSED, FAILED = 0, 1


class Lane:
    """A copy of the tree with a database of its own; one fault at a time."""

    def __init__(self, number: int, folder: Path, server: PostgresServer) -> None:
        self.tree = folder / f"lane-{number}"
        self.tree.mkdir()
        for name in COPIED:
            source, target = REPOSITORY / name, self.tree / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=_IGNORED)
            else:
                shutil.copy(source, target)
        database = f"mutants_{number}"
        with psycopg.connect(**server.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        address = server.dsn()
        self.url = (
            f"postgresql://{address['user']}@/{database}"
            f"?host={address['host']}&port={address['port']}"
        )

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        """Apply the fault, and take it back."""
        path = self.tree / fault.file
        whole = path.read_text()
        path.write_text(whole.replace(fault.old, fault.new))
        try:
            yield
        finally:
            path.write_text(whole)

    def run(self, *tests: str) -> tuple[int, str]:
        """Run these tests in the copy; return pytest's code and output."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PUNCHCARD_", "DJANGO_", "PYTEST_"))
        }
        environment |= {
            "DATABASE_URL": self.url,
            "PYTHONPATH": str(self.tree),
            # Bytecode is told from source by seconds and size: a patch may keep both.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
            cwd=self.tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        return done.returncode, done.stdout


_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "results", ".hypothesis")


def verdict(fault: Fault, code: int, output: str) -> str:
    """Say what became of a fault: `killed`, or why that is not what happened."""
    if code == PASSED:
        return "SURVIVED"
    name = fault.test.rpartition("::")[2]
    if code != FAILED or not re.search(rf"^FAILED .*::{name}\b", output, re.MULTILINE):
        return "BROKEN: the test did not run"
    # Lines that pytest marks are those of the failure itself, not of the source.
    reasons = "\n".join(re.findall(r"^E .*$", output, re.MULTILINE))
    if re.search(r"ImportError|ModuleNotFoundError|SyntaxError|NameError", reasons):
        return "BROKEN: the patched code does not run"
    if not re.search(fault.because, reasons):
        return f"OTHER REASON: {reasons[:200]}"
    return "killed"


def main() -> int:
    begin = time.monotonic()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with (
        temporary("pc-mutants-") as server,
        tempfile.TemporaryDirectory(prefix="pc-mutants-") as folder,
    ):
        lanes: SimpleQueue[Lane] = SimpleQueue()
        for number in range(LANES):
            lanes.put(Lane(number, Path(folder), server))
        whole = lanes.get()
        code, output = whole.run(*dict.fromkeys(fault.test for fault in FAULTS))
        lanes.put(whole)
        if code != PASSED:
            console.print(output, markup=False)
            console.print("The tests do not pass without any fault.")
            return 1

        def judge(fault: Fault) -> str:
            if (REPOSITORY / fault.file).read_text().count(fault.old) != 1:
                return "STALE: it does not apply exactly once"
            lane = lanes.get()
            try:
                with lane.broken(fault):
                    return verdict(fault, *lane.run(fault.test))
            finally:
                lanes.put(lane)

        with ThreadPoolExecutor(LANES) as pool:
            verdicts = list(pool.map(judge, FAULTS))
    table = Table(title="Seeded faults")
    for column in ("fault", "killed by", "verdict"):
        table.add_column(column)
    for fault, said in zip(FAULTS, verdicts, strict=True):
        table.add_row(fault.name, fault.test.rpartition("::")[2], said)
    console.print(table)
    killed = verdicts.count("killed")
    seconds = time.monotonic() - begin
    console.print(f"{killed} of {len(FAULTS)} killed in {seconds:.0f} s")
    return 0 if killed == len(FAULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
