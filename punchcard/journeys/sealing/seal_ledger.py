"""Write a seal: the heads of all accounts at one moment, signed, into a folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from punchcard.kernel import clock
from punchcard.ledger.sealing import open_heads

from .files import write_seal
from .keys import show_public, signing_key
from .place import Sealing


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A seal that was written."""

    path: Path
    accounts: int
    entries: int
    signed_by: str
    new_key: bool
    """Whether the key was made with it."""


def seal_ledger(*, sealing: Sealing, folder: Path | None = None) -> Made:
    """Write the next seal of the folder's chain; left out, of its own folder.

    Raises:
        SealRefused: the key is none, or the folder cannot be written.
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    key, new_key = signing_key(sealing.given_key, sealing.kept_key)
    sealed_at = clock.read()
    with open_heads() as heads:
        path = write_seal(folder or sealing.folder, heads, key, sealed_at)
    return Made(
        path=path,
        accounts=heads.accounts,
        entries=heads.entries,
        signed_by=show_public(key.public_key()),
        new_key=new_key,
    )
