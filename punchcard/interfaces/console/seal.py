"""`punchcard seal`: the heads of all accounts, signed, kept outside the database."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from punchcard.interfaces.console.installation import Installation
from punchcard.interfaces.console.seal_files import write_seal
from punchcard.interfaces.console.seal_keys import show_public, signing_key
from punchcard.kernel import clock
from punchcard.ledger.sealing import open_heads


def run(arguments: Namespace, installation: Installation) -> int:
    """Write a seal and say where it is.

    Raises:
        Stop: the key is none, or the folder cannot be written.
    """
    keys = installation.sealing
    key, made = signing_key(keys.given_key, keys.kept_key)
    folder = keys.folder if arguments.to is None else Path(arguments.to)
    sealed_at = clock.read()
    with open_heads() as heads:
        path = write_seal(folder, heads, key, sealed_at)
    out = sys.stdout
    out.write(f"{path}: {heads.accounts:,} accounts, {heads.entries:,} entries.\n")
    out.write(f"Signed by {show_public(key.public_key())}\n")
    if made:
        out.write(
            f"{keys.kept_key} is new, and signs from now on. Keep its public half "
            f"({keys.kept_key}.pub) and the seals where who can change the database "
            "cannot change them.\n"
        )
    return 0
