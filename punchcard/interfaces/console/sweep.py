"""`punchcard sweep`: write what fell due in every program, forget what expired."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import timedelta

from punchcard.interfaces.console.failures import FAILED, Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.forget_expired import forget_expired
from punchcard.journeys.settle_due_points import settle_due_points
from punchcard.kernel import clock
from punchcard.kernel.ids import typed


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Settle, and forget; 1 where accounts are harmed.

    Raises:
        Stop: the instant is later than now.
    """
    now = clock.read()
    until = arguments.now or now
    if until > now:
        raise Stop("--now is later than now: what has not fallen due is not written.")
    swept = settle_due_points(now=now, until=until, measured_every=timedelta())
    # By the clock: it is the people's time that is over, not a program's.
    forget_expired(now=now)
    sys.stdout.write(f"{swept.settled:,} accounts settled.\n")
    for account, said in swept.refused.items():
        sys.stdout.write(f"{typed('acc', account)} is harmed, and frozen: {said}\n")
    if swept.stuck:
        sys.stdout.write(f"{swept.stuck:,} accounts are harmed; `verify` says how.\n")
    if swept.more:
        sys.stdout.write("So many are harmed that it stopped: see to that first.\n")
    return FAILED if swept.refused or swept.stuck else 0
