"""`punchcard seal`: the heads of all accounts, signed, kept outside the database."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from punchcard.interfaces.console.installation import Installation
from punchcard.journeys.sealing.seal_ledger import seal_ledger


def run(arguments: Namespace, installation: Installation) -> int:
    """Write a seal and say where it is.

    Raises:
        SealRefused: the key is none, or the folder cannot be written.
    """
    keys = installation.sealing
    folder = None if arguments.to is None else Path(arguments.to)
    made = seal_ledger(sealing=keys, folder=folder)
    out = sys.stdout
    out.write(f"{made.path}: {made.accounts:,} accounts, {made.entries:,} entries.\n")
    out.write(f"Signed by {made.signed_by}\n")
    if made.new_key:
        out.write(
            f"{keys.kept_key} is new, and signs from now on. Keep its public half "
            f"({keys.kept_key}.pub) and the seals where who can change the database "
            "cannot change them.\n"
        )
    return 0
