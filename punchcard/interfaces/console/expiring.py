"""`punchcard expiring`: what lapses of a wallet, period by period."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from punchcard.interfaces.console.choosing import choose_program, choose_wallet
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.values import show_instant
from punchcard.journeys.forecast_expiries import forecast_expiries
from punchcard.ledger.forecasting import FOREVER, Expiry
from punchcard.programs.queries import program_now

COLUMNS = ("period", "points", "first_at", "last_at")
SHOWN = 60
"""Rows of the table for the eye; --csv has them all."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print the forecast.

    Raises:
        Stop: there is no such program or wallet.
    """
    program = choose_program(arguments.program)
    wallet = choose_wallet(program, arguments.wallet)
    as_of = arguments.as_of or program_now(program)
    found = forecast_expiries(
        wallet=wallet.id,
        as_of=as_of,
        until=arguments.until or FOREVER,
        by=arguments.by,
    )
    if arguments.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(_cells, found))
    else:
        _print_table(found, f"{program.slug}: {wallet.code}", as_of)
    return 0


def _cells(expiry: Expiry) -> tuple[object, ...]:
    at = show_instant(expiry.first_at), show_instant(expiry.last_at)
    return (expiry.period, expiry.points, *at)


def _print_table(found: Sequence[Expiry], title: str, as_of: datetime) -> None:
    shown, more = found[:SHOWN], found[SHOWN:]
    title = f"{title}, what lapses after {show_instant(as_of)}"
    table = Table(title=title, title_justify="left")
    table.add_column("period")
    for name in COLUMNS[1:]:
        table.add_column(name.replace("_", " "), justify="right")
    for expiry in shown:
        period, points, *at = _cells(expiry)
        table.add_row(str(period), f"{points:,}", *map(str, at))
    total = sum(expiry.points for expiry in found)
    Console(markup=False, highlight=False, emoji=False).print(table)
    if more:
        sys.stdout.write(f"… and {len(more):,} more: --csv prints them all.\n")
    sys.stdout.write(f"{total:,} points in all.\n")
