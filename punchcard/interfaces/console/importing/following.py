"""An import that somebody watches: a bar, a file of broken rows, what came of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from punchcard.interfaces.console.failures import Stop, explain, is_lost
from punchcard.interfaces.console.importing.error_file import ErrorFile
from punchcard.interfaces.console.progress import progress
from punchcard.interfaces.importing.running import Batch, FileImport, Follower
from punchcard.interfaces.importing.tally import Tally
from punchcard.kernel.job_files import Fault

SOME_BROKEN = 3
"""Exit code: some rows are in the error file."""


def run_import(job: FileImport[Any], errors: ErrorFile) -> Tally:
    """Import; return what became of the rows.

    Raises:
        BadFile: the file cannot be read to its end; nothing was imported.
        Stop: the error file or the database failed; says what is done.
    """
    watcher = _Watcher(job.file.size, errors)
    try:
        with watcher.bars:
            job.run(watcher)
        errors.finish()
    except Exception as error:
        if not is_lost(error):
            raise
        raise Stop(f"{explain(error)} {watcher.so_far()}") from error
    finally:
        errors.close()
    watcher.tally.broken = errors.count
    return watcher.tally


class _Watcher(Follower):
    def __init__(self, size: int | None, errors: ErrorFile) -> None:
        self.tally = Tally()
        self.bars = ExitStack()
        self._errors = errors
        self._done = 0
        self._advance = self.bars.enter_context(progress("Reading", size, "bytes"))

    def fault(self, fault: Fault) -> None:
        self._errors.add(fault)

    def reading(self, position: int) -> None:
        self._advance(position)

    def posting(self, count: int) -> int:
        self._errors.flush()
        self.bars.close()
        self._advance = self.bars.enter_context(progress("Importing", count, "rows"))
        return 0

    def keep(self, batch: Batch) -> None:
        """Nothing: whoever runs it again finds the rows known."""

    def posted(self, batch: Batch) -> None:
        self.tally += batch.tally
        for fault in batch.faults:
            self._errors.add(fault)
        # The reasons stand in the file before the next batch is begun.
        self._errors.flush()
        self._done += batch.rows
        self._advance(self._done)

    def so_far(self) -> str:
        """Return a sentence about what is done already."""
        done = self.tally.applied + self.tally.known + self.tally.nothing
        if not done:
            return "Nothing was imported."
        return (
            f"{done:,} rows are imported, each of them whole; run the same command "
            "again to complete it."
        )
