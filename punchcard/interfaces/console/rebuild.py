"""`punchcard rebuild`: derived columns, computed anew from immutable rows."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import FAILED
from punchcard.interfaces.console.installation import Installation
from punchcard.kernel.ids import typed
from punchcard.ledger.rebuilding import Difference, rebuild

SHOWN = 100


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print what differs; 1 where something does and was not repaired."""
    report = rebuild(repair=arguments.repair)
    out = sys.stdout
    out.write(
        f"{report.accounts:,} accounts, {report.lots:,} lots, {report.holds:,} holds: "
        f"{len(report.differences):,} stored values differ from the rebuilt ones.\n"
    )
    for difference in report.differences[:SHOWN]:
        out.write(f"  {_describe(difference)}\n")
    if len(report.differences) > SHOWN:
        out.write(f"  … and {len(report.differences) - SHOWN:,} more\n")
    if not report.differences:
        return 0
    if arguments.repair:
        out.write("Repaired: the rebuilt values are stored. Run `punchcard verify`.\n")
        return 0
    out.write("Nothing was written: --repair writes the rebuilt values.\n")
    return FAILED


def _describe(difference: Difference) -> str:
    place = typed("acc", difference.account)
    for part in (difference.sequence, difference.n):
        if part is not None:
            place += f"/{part}"
    return (
        f"{difference.table} {place}: {difference.column} is {difference.stored}, "
        f"rebuilt {difference.rebuilt}"
    )
