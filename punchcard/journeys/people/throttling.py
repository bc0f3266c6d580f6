"""What may be tried how often: by whom it is about, and by where it comes from.

Counted in a transaction of its own, before anything is looked at; so an attempt
counts whatever becomes of it, and counts the same for people whom we do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from punchcard.access.operations.attempts import Door, require_open, take_attempts
from punchcard.kernel.transactions import transaction

PASSWORDS_OF_ONE = 5
"""Wrong passwords for one person, until it is shut for a while."""

PASSWORDS_FROM_ONE = 50
"""Wrong passwords from one address: a shop's tills share one."""

LETTERS_TO_ONE = 3
LETTERS_FROM_ONE = 20
TOKENS_FROM_ONE = 20


def knock(*, doors: Sequence[Door], now: datetime) -> None:
    """Count an attempt at each of the doors, and refuse it where one is shut.

    Raises:
        TooManyAttempts: says for how long.
    """
    with transaction():
        shut = take_attempts(doors=doors, now=now)
    require_open(shut)


def passwords_of(*, email: str) -> Door:
    """Return the door of one person's password."""
    return Door(kind="password_email", value=email, limit=PASSWORDS_OF_ONE)


def passwords_from(*, address: str | None) -> list[Door]:
    """Return the door of passwords tried from one network address, if it is known."""
    return _from("password_address", address, PASSWORDS_FROM_ONE)


def letters(*, email: str, address: str | None) -> list[Door]:
    """Return the doors of letters to one person, and of those asked for from here."""
    one = Door(kind="letter_email", value=email, limit=LETTERS_TO_ONE)
    return [one, *_from("letter_address", address, LETTERS_FROM_ONE)]


def tokens_from(*, address: str | None) -> list[Door]:
    """Return the door of tokens of links tried from one network address."""
    return _from("token_address", address, TOKENS_FROM_ONE)


def _from(kind: str, address: str | None, limit: int) -> list[Door]:
    if address is None:
        return []
    return [Door(kind=kind, value=address, limit=limit)]
