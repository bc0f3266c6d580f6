"""The tasks that schedules call; each does one journey and says what it did."""

from __future__ import annotations

from django.conf import settings

from punchcard.interfaces.console.installation import Sealing
from punchcard.interfaces.console.seal import make_seal
from punchcard.interfaces.worker.queues import NORMAL, SLOW
from punchcard.interfaces.worker.running import scheduled
from punchcard.journeys.forget_expired import forget_expired as forget
from punchcard.kernel import clock
from punchcard.ledger.operations import settle_due
from punchcard.ledger.verifying import verify

SWEEPERS = 4
"""Workers that sweep at once: each takes accounts that no other has locked."""


class LedgerHarmed(Exception):
    """`verify` found what must not be; `punchcard verify` names all of it."""


@scheduled(queue=NORMAL, places=SWEEPERS)
def settle_due_points() -> str:
    """Write the releases and expiries that fell due."""
    return f"{settle_due(now=clock.read()):,} accounts settled"


@scheduled(queue=NORMAL)
def forget_expired() -> str:
    """Forget kept answers, links, sessions and attempts that have expired."""
    return f"{forget(now=clock.read()):,} rows forgotten"


@scheduled(queue=SLOW)
def verify_ledger() -> str:
    """Check every invariant of the whole ledger; a breach makes the task fail."""
    report = verify()
    if not report.clean:
        raise LedgerHarmed(
            "; ".join(
                f"{check.number} {check.name}: {breach.what} (account "
                f"{breach.account}, entry {breach.sequence})"
                for check in report.checks
                for breach in check.breaches[:1]
            )
        )
    return f"{report.entries:,} entries of {report.accounts:,} accounts are sound"


@scheduled(queue=SLOW)
def seal_ledger() -> str:
    """Write a seal: the heads of all accounts, signed."""
    sealing = Sealing(settings.SEALS, settings.SEAL_KEY, settings.SEAL_KEPT_KEY)
    made = make_seal(sealing, sealing.folder)
    return f"{made.path}: {made.accounts:,} accounts, {made.entries:,} entries"
