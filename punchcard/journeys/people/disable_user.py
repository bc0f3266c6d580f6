"""Shut a user out of the whole installation, or let them in again: the operator's."""

from __future__ import annotations

from datetime import datetime

from punchcard.access import errors
from punchcard.access.operations import users
from punchcard.access.operations.passwords import read_email
from punchcard.access.queries import find_user
from punchcard.kernel.audit import CONSOLE, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction


def disable_user(*, email: str, now: datetime) -> bool:
    """Shut a user out of every program, at once; False if they are already.

    Raises:
        AccessMalformed: this is no e-mail address.
        UserNotFound: nobody has it.
        LastAdmin: a program would have no admin any more.
    """
    return _set(email, now, disable=True)


def enable_user(*, email: str, now: datetime) -> bool:
    """Let a user in again; False if nobody had shut them out.

    Raises:
        AccessMalformed: this is no e-mail address.
        UserNotFound: nobody has it.
    """
    return _set(email, now, disable=False)


def _set(email: str, now: datetime, *, disable: bool) -> bool:
    user = find_user(email=read_email(email))
    if user is None:
        raise errors.UserNotFound
    with transaction():
        if disable:
            changed = users.disable_user(user=user.id, now=now)
        else:
            changed = users.enable_user(user=user.id)
        if changed:
            change = Change(
                action="user.disabled" if disable else "user.enabled",
                target=typed("usr", user.id),
            )
            author = Author(actor=CONSOLE, program=None)
            record_changes(author=author, changes=[change], now=now)
    return changed
