"""Write down what a scan found, for whoever watches: verdicts, and points outstanding.

See Note [What costs a scan is not read when asked].
"""

from __future__ import annotations

from datetime import datetime

from punchcard.kernel.readings import keep_readings
from punchcard.kernel.transactions import transaction
from punchcard.ledger.queries import sum_outstanding
from punchcard.ledger.verifying import Report

VERIFIED = "verify"
VERIFIED_RECENT = "verify recent"
OUTSTANDING = "outstanding"


def keep_verdict(*, report: Report, now: datetime, whole: bool = True) -> None:
    """Keep what `verify` found, in the whole ledger or in what was written lately."""
    values = {
        "breaches": sum(len(check.breaches) for check in report.checks),
        "entries": report.entries,
        "accounts": report.accounts,
    }
    name = VERIFIED if whole else VERIFIED_RECENT
    with transaction():
        keep_readings(name=name, values=values, now=now)


def measure_outstanding(*, now: datetime) -> None:
    """Add up what all accounts hold, by wallet and state, and keep it; one scan."""
    values = {
        f"{total.wallet} {state}": getattr(total, state)
        for total in sum_outstanding()
        for state in ("available", "pending", "reserved", "owed")
    }
    with transaction():
        keep_readings(name=OUTSTANDING, values=values, now=now)
