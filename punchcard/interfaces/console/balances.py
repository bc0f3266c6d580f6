"""`punchcard balances`: what every member holds at an instant."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice

from rich.console import Console
from rich.table import Table

from punchcard.interfaces.console.choosing import choose_program, choose_wallet
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.jobs.exports import BALANCE_COLUMNS, balance_cells
from punchcard.interfaces.values import show_instant
from punchcard.journeys.list_balances import list_balances
from punchcard.programs.queries import program_now

SHOWN = 50
"""Rows of the table for the eye; --csv has them all."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print the balances.

    Raises:
        Stop: there is no such program or wallet.
    """
    program = choose_program(arguments.program)
    wallet = choose_wallet(program, arguments.wallet)
    as_of = arguments.as_of or program_now(program)
    listed = list_balances(program=program.id, wallet=wallet.id, as_of=as_of)
    with closing(listed) as found:
        rows = map(balance_cells, found)
        if arguments.csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(BALANCE_COLUMNS)
            writer.writerows(rows)
        else:
            _print_table(rows, f"{program.slug}: {wallet.code}", as_of)
    return 0


def _print_table(
    rows: Iterator[tuple[object, ...]], title: str, as_of: datetime
) -> None:
    table = Table(title=f"{title}, as of {show_instant(as_of)}", title_justify="left")
    table.add_column("member", max_width=40, no_wrap=True)
    for name in BALANCE_COLUMNS[1:]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in islice(rows, SHOWN):
        cells = [row[0], *(f"{number:,}" for number in row[1:-1]), row[-1]]
        table.add_row(*map(str, cells))
    more = sum(1 for _ in rows)
    Console(markup=False, highlight=False, emoji=False).print(table)
    if more:
        sys.stdout.write(f"… and {more:,} more: --csv prints them all.\n")
