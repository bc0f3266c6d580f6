"""`punchcard sweep`: write what fell due in every program, forget what expired."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import timedelta

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.forget_expired import forget_expired
from punchcard.journeys.settle_due_points import settle_due_points
from punchcard.kernel import clock


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Settle, and forget.

    Raises:
        Stop: the instant is later than now.
    """
    now = clock.read()
    until = arguments.now or now
    if until > now:
        raise Stop("--now is later than now: what has not fallen due is not written.")
    settled = settle_due_points(now=now, until=until, measured_every=timedelta())
    # By the clock: it is the people's time that is over, not a program's.
    forget_expired(now=now)
    sys.stdout.write(f"{settled:,} accounts settled.\n")
    return 0
