"""What an import tells when it is done."""

from __future__ import annotations

from collections.abc import Sequence

from punchcard.interfaces.console.importing.error_file import ErrorFile
from punchcard.interfaces.importing.csv_files import CsvFile
from punchcard.interfaces.importing.tally import Tally

_SHOWN = 20


def summarise(
    tally: Tally,
    *,
    file: CsvFile,
    errors: ErrorFile,
    program: str,
    nothing: str = "",
    more: Sequence[str] = (),
) -> str:
    """Return what became of the rows; `nothing` says which rows say nothing, if any."""
    if tally.rows == 0:
        return f"{file.name} has no rows: nothing changed.\n"
    lines = [
        f"{file.name}: {tally.rows:,} rows for the {program}:",
        f"  {tally.applied:>9,} applied, {tally.members:,} new members",
        f"  {tally.known:>9,} known already",
    ]
    if nothing:
        lines.append(f"  {tally.nothing:>9,} {nothing}")
    lines.append(f"  {tally.broken:>9,} broken")
    if tally.broken:
        lines[-1] += f": line, column and reason in {errors.path}"
    lines += more
    if not tally.changed:
        lines.append("Nothing changed.")
    return "\n".join(lines) + "\n"


def tell_ignored(file: CsvFile) -> list[str]:
    """Return a line with the columns that nobody read, if there are any.

    Where a column may be left out, one with a wrong name would be as good as absent.
    """
    if not file.ignored:
        return []
    return [f"Columns that are not read: {', '.join(file.ignored[:_SHOWN])}"]
