"""`punchcard verify`: every invariant of the ledger, in one snapshot; and seals."""

from __future__ import annotations

import sys
from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from punchcard.interfaces.console.failures import FAILED
from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.values import show_instant
from punchcard.journeys.sealing.errors import SealRefused
from punchcard.journeys.sealing.files import Seal, check_seal, list_seals, read_heads
from punchcard.journeys.sealing.keys import checking_key
from punchcard.journeys.verify_ledger import look_at_ledger
from punchcard.kernel.ids import typed
from punchcard.ledger.sealing import find_broken

SHOWN = 20
"""Breaches of one invariant, or of one seal, that are named."""


def run(arguments: Namespace, installation: Installation) -> int:
    """Print rows and seconds of each invariant, and what breaks it; 1 on a breach.

    Raises:
        SealRefused: a seal is none, or is not what was signed; or a seal between is
            missing.
    """
    # Whether a seal is one at all is soon said; the ledger may take a while.
    seals = _check_seals(arguments, installation)
    report = look_at_ledger()
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
            where = _name(breach.account, breach.sequence)
            out.write(f"      {where}: {breach.what}\n")
    broken = [_compare(seal) for seal in seals]
    clean = report.clean and not any(broken)
    out.write("\n" + ("Clean.\n" if clean else "The ledger is harmed.\n"))
    return 0 if clean else FAILED


def _check_seals(arguments: Namespace, installation: Installation) -> list[Seal]:
    """Return the seals that are asked for, the oldest first; of a folder, its chain."""
    if arguments.seal is None:
        return []
    keys = installation.sealing
    key = checking_key(arguments.public_key, keys.given_key, keys.kept_key)
    seals = [check_seal(path, key) for path in list_seals(Path(arguments.seal))]
    for before, seal in pairwise(seals):
        if seal.previous != before.digest:
            raise SealRefused(
                f"{seal.path} does not follow {before.path}: a seal between them is "
                "missing, or one was put in another's place."
            )
    return seals


def _compare(seal: Seal) -> int:
    """Print whether the ledger still has what was sealed; return how much is not."""
    out = sys.stdout
    out.write(
        f"\nseal of {show_instant(seal.sealed_at)}: {seal.accounts:,} accounts, "
        f"{seal.entries:,} entries\n"
    )
    count = 0
    for count, broken in enumerate(find_broken(heads=read_heads(seal)), 1):
        if count <= SHOWN:
            where = _name(broken.account, broken.sequence)
            out.write(f"      {where}: {broken.what}\n")
    if count > SHOWN:
        out.write(f"      … and {count - SHOWN:,} more\n")
    out.write(f"      {f'{count:,} ACCOUNTS ARE NOT AS SEALED' if count else 'ok'}\n")
    return count


def _name(account: UUID | None, sequence: int | None) -> str:
    where = "no account" if account is None else typed("acc", account)
    return where if sequence is None else f"{where}/{sequence}"
