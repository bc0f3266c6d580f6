"""`punchcard seal`: the heads of all accounts, signed, kept outside the database."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import msgspec

from punchcard.interfaces.console.installation import Installation, Sealing
from punchcard.interfaces.console.seal_files import write_seal
from punchcard.interfaces.console.seal_keys import show_public, signing_key
from punchcard.kernel import clock
from punchcard.ledger.sealing import open_heads


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A seal that was written."""

    path: Path
    accounts: int
    entries: int
    signed_by: str
    new_key: bool
    """Whether the key was made with it."""


def run(arguments: Namespace, installation: Installation) -> int:
    """Write a seal and say where it is.

    Raises:
        Stop: the key is none, or the folder cannot be written.
    """
    keys = installation.sealing
    made = make_seal(keys, keys.folder if arguments.to is None else Path(arguments.to))
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


def make_seal(keys: Sealing, folder: Path) -> Made:
    """Write the next seal of the folder's chain.

    Raises:
        Stop: the key is none, or the folder cannot be written.
    """
    key, new_key = signing_key(keys.given_key, keys.kept_key)
    sealed_at = clock.read()
    with open_heads() as heads:
        path = write_seal(folder, heads, key, sealed_at)
    return Made(
        path=path,
        accounts=heads.accounts,
        entries=heads.entries,
        signed_by=show_public(key.public_key()),
        new_key=new_key,
    )
