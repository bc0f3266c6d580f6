"""`punchcard verify`: every invariant of the ledger, in one snapshot."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import FAILED
from punchcard.interfaces.console.installation import Installation
from punchcard.kernel.ids import typed
from punchcard.ledger.verifying import Breach, verify

SHOWN = 20
"""Breaches of one invariant that are named."""


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print rows and seconds of each invariant, and what breaks it; 1 on a breach."""
    report = verify()
    out = sys.stdout
    out.write(f"{report.entries:,} entries of {report.accounts:,} accounts\n\n")
    out.write(f"{'':>2}  {'invariant':<38} {'rows':>12} {'seconds':>8}\n")
    for check in report.checks:
        verdict = "ok" if not check.breaches else f"{len(check.breaches)} BREACHES"
        out.write(
            f"{check.number:>2}  {check.name:<38} {check.rows:>12,} "
            f"{check.seconds:>8.2f}  {verdict}\n"
        )
        for breach in check.breaches[:SHOWN]:
            out.write(f"      {_describe(breach)}\n")
    out.write("\n" + ("Clean.\n" if report.clean else "The ledger is harmed.\n"))
    return 0 if report.clean else FAILED


def _describe(breach: Breach) -> str:
    where = "no account"
    if breach.account is not None:
        where = typed("acc", breach.account)
    if breach.sequence is not None:
        where += f"/{breach.sequence}"
    return f"{where}: {breach.what}"
