"""The tasks that schedules call; each does one journey and says what it did."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from kombu.exceptions import OperationalError as BrokerAway

from punchcard.interfaces.jobs.running import work_on_jobs as do_jobs
from punchcard.interfaces.worker.queues import NORMAL, SLOW
from punchcard.interfaces.worker.running import scheduled
from punchcard.journeys.forget_expired import forget_expired as forget
from punchcard.journeys.sealing.place import Sealing
from punchcard.journeys.sealing.seal_ledger import seal_ledger as seal
from punchcard.journeys.settle_due_points import settle_due_points as settle
from punchcard.journeys.verify_ledger import Verified
from punchcard.journeys.verify_ledger import verify_ledger as verify
from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.ledger.sweeping import Swept, has_more_due

SWEEPERS = 4
"""Who sweep at once: each takes accounts that no other has locked."""

SWEEP_SECONDS = min(20.0, settings.TASK_SECONDS / 4)
"""After so long a sweep makes room for other work, and sends for who goes on."""

JOBBERS = 4
"""Workers that do jobs at once: each takes jobs that no other works on."""

RECENTLY = timedelta(hours=3)
"""What the hourly check looks back at: should one fail, the next two see it too."""

SHOWN = 10
"""Breaches that the alarm names; `punchcard verify` names more."""


logger = logging.getLogger(__name__)


class LedgerHarmed(Exception):
    """An invariant is broken: the alarm, and the task fails."""


@scheduled(queue=NORMAL, places=SWEEPERS)
def settle_due_points() -> str:
    """Write the releases and expiries that fell due; of many, not alone."""
    now = clock.read()
    if has_more_due(now=now):
        _send_for_another()
    swept = settle(now=now, seconds=SWEEP_SECONDS)
    if swept.more:
        _send_for_another()
    return _tell_swept(swept)


@scheduled(queue=SLOW, places=JOBBERS)
def work_on_jobs() -> str:
    """Do the imports and exports that are asked for, and those that were cut off."""
    return f"{do_jobs():,} jobs begun"


@scheduled(queue=NORMAL)
def forget_expired() -> str:
    """Forget kept answers, links, sessions and attempts that have expired."""
    return f"{forget(now=clock.read()):,} rows forgotten"


@scheduled(queue=SLOW)
def verify_ledger() -> str:
    """Check every invariant of the whole ledger; freeze what is harmed."""
    return _tell_verified(verify())


@scheduled(queue=SLOW)
def verify_recent_entries() -> str:
    """Check the accounts that something happened to lately; freeze what is harmed."""
    return _tell_verified(verify(since=clock.read() - RECENTLY))


@scheduled(queue=SLOW)
def seal_ledger() -> str:
    """Write a seal: the heads of all accounts, signed."""
    place = Sealing(settings.SEALS, settings.SEAL_KEY, settings.SEAL_KEPT_KEY)
    made = seal(sealing=place)
    return f"{made.path}: {made.accounts:,} accounts, {made.entries:,} entries"


def _send_for_another() -> None:
    """Send for one who sweeps beside us, or after us, if there is one with time soon.

    Each sends for two at most, and who is not needed ends at once, or is never begun:
    so there are never many of these messages, and other work waits for few of them.
    """
    try:
        settle_due_points.apply_async(expires=SWEEP_SECONDS)
    except BrokerAway:
        logger.warning("nobody could be sent for; the schedule will", exc_info=True)


def _tell_swept(swept: Swept) -> str:
    """Return what was done.

    Raises:
        LedgerHarmed: accounts could not be settled, which were open until now.
    """
    done = f"{swept.settled:,} accounts settled"
    if swept.stuck:
        done += f", {swept.stuck:,} harmed ones are stuck"
    if swept.more:
        done += ", there are more"
    if not swept.refused:
        return done
    refused = [f"{typed('acc', a)}: {said}" for a, said in swept.refused.items()]
    shown = "; ".join(refused[:SHOWN])
    raise LedgerHarmed(f"{done}; {len(refused)} accounts refused and frozen: {shown}")


def _tell_verified(verified: Verified) -> str:
    """Return what was looked at.

    Raises:
        LedgerHarmed: not all of it is sound.
    """
    looked_at = f"{verified.entries:,} entries of {verified.accounts:,} accounts"
    if not verified.breaches:
        return f"{looked_at} are sound"
    count, shown = len(verified.breaches), "; ".join(verified.breaches[:SHOWN])
    message = f"{count} breaches, {len(verified.frozen)} accounts frozen: {shown}"
    raise LedgerHarmed(message)
