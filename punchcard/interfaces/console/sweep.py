"""`punchcard sweep`: write what fell due in every program."""

from __future__ import annotations

import sys
from argparse import Namespace

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.installation import Installation
from punchcard.kernel import clock
from punchcard.ledger.operations import settle_due


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Settle.

    Raises:
        Stop: the instant is later than now.
    """
    now = clock.read()
    until = arguments.now or now
    if until > now:
        raise Stop("--now is later than now: what has not fallen due is not written.")
    settled = settle_due(now=until)
    sys.stdout.write(f"{settled:,} accounts settled.\n")
    return 0
