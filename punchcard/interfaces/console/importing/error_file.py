"""The file of broken rows: line, column, reason, and what stands there."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, TextIO

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.importing.csv_files import STANDARD_INPUT
from punchcard.kernel.job_files import Fault

HEADER = ",".join(Fault._fields) + "\n"
SUFFIX = ".errors.csv"


def open_error_file(source: str, kind: str, chosen: str | None) -> ErrorFile:
    """Return where the broken rows of `source` go: chosen, or beside it.

    Raises:
        Stop: the chosen one is the file to import.
    """
    if chosen is None:
        return ErrorFile(Path((kind if source == STANDARD_INPUT else source) + SUFFIX))
    path, imported = Path(chosen), Path(source)
    is_source = (
        source != STANDARD_INPUT
        and path.exists()
        and imported.exists()
        and path.samefile(imported)
    )
    if is_source:
        raise Stop(f"--errors {path} is the file to import: choose another place.")
    return ErrorFile(path)


class ErrorFile:
    """Made with the first fault: without one there is none."""

    def __init__(self, path: Path) -> None:
        """Take the path; what an earlier run left there is replaced or removed."""
        self.path = path
        self.count = 0
        self._file: TextIO | None = None
        self._writer: Any = None

    def add(self, fault: Fault) -> None:
        """Write one fault.

        Raises:
            Stop: the file cannot be written.
        """
        try:
            if self._file is None:
                self._file = self.path.open(
                    "w", encoding="utf-8", errors="backslashreplace", newline=""
                )
                self._file.write(HEADER)
                self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(fault)
        except OSError as error:
            raise self._stop(error) from None
        self.count += 1

    def flush(self) -> None:
        """See to it that what was added stands in the file.

        Raises:
            Stop: the file cannot be written.
        """
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise self._stop(error) from None

    def finish(self) -> None:
        """Close it; with no fault, remove what an earlier run left.

        Raises:
            Stop: the file cannot be written.
        """
        self.flush()
        self.close()
        if not self.count and self._is_ours():
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it, whatever happened."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise self._stop(error) from None

    def _is_ours(self) -> bool:
        try:
            with self.path.open(encoding="utf-8") as file:
                return file.read(len(HEADER)) == HEADER
        except (OSError, UnicodeDecodeError):
            return False

    def _stop(self, error: OSError) -> Stop:
        said = error.strerror or str(error)
        return Stop(
            f"The broken rows cannot be written to {self.path}: {said}. "
            "Choose another place with --errors, and run the import again."
        )
