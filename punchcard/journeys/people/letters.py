"""Letters to people: written in a journey, sent when it has committed.

A letter that cannot be sent is logged, and whoever misses it asks for it again: what it
is about has happened. Its token is in the letter alone.
"""

from __future__ import annotations

import logging
from functools import partial

import msgspec
from django.conf import settings
from django.core.mail import EmailMessage

from punchcard.kernel.transactions import after_commit, refuse_transaction

logger = logging.getLogger(__name__)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter."""

    kind: str
    """As the log names it."""
    to: str
    subject: str
    text: str


def send_after_commit(letter: Letter) -> None:
    """Send a letter now, or as soon as what it is about has committed."""
    after_commit(partial(_send, letter))


def write_invitation(*, to: str, program: str, role: str, token: str) -> Letter:
    """Return the letter to somebody whom an admin wants in a program."""
    return Letter(
        kind="invitation",
        to=to,
        subject=f"Your invitation to {program}",
        text=(
            f"You are invited to {program}, as {role}.\n\n"
            f"{_way_in('accept', token)}\n"
            "It is good once, for 7 days. If you expected no invitation, do nothing.\n"
        ),
    )


def write_welcome_back(*, to: str, program: str, role: str) -> Letter:
    """Return the letter to somebody who was let in again."""
    return Letter(
        kind="welcome_back",
        to=to,
        subject=f"You are back in {program}",
        text=f"You can sign in to {program} again, as {role}.\n",
    )


def write_confirmation(*, to: str, program: str, token: str) -> Letter:
    """Return the letter to somebody who registered, or says so."""
    return Letter(
        kind="confirmation",
        to=to,
        subject=f"Confirm your address for {program}",
        text=(
            f"Somebody, we hope you, registered this address for {program}.\n\n"
            f"{_way_in('verify', token)}\n"
            "It is good once, for 2 days. If it was not you, do nothing: then nothing\n"
            "has happened, and nothing is kept.\n"
        ),
    )


def write_known_already(*, to: str, program: str, token: str) -> Letter:
    """Return the letter to somebody who registers a second time, or whom another does.

    Only this letter says that there is an account; the answer to the caller does not.
    """
    return Letter(
        kind="known_already",
        to=to,
        subject=f"You have an account with {program}",
        text=(
            f"Somebody, we hope you, registered this address for {program}. There is\n"
            "an account already. If you forgot its password, choose another:\n\n"
            f"{_way_in('reset', token)}\n"
            "It is good once, for an hour. If it was not you, do nothing.\n"
        ),
    )


def write_password_reset(*, to: str, token: str) -> Letter:
    """Return the letter to somebody who forgot the password, or says so."""
    return Letter(
        kind="password_reset",
        to=to,
        subject="Choose another password",
        text=(
            "Somebody, we hope you, asked to choose another password.\n\n"
            f"{_way_in('reset', token)}\n"
            "It is good once, for an hour. If it was not you, do nothing: your\n"
            "password stays as it is.\n"
        ),
    )


def write_unknown(*, to: str) -> Letter:
    """Return the letter to an address with which nobody has signed up.

    It is sent so that an answer takes as long for it as for any other.
    """
    return Letter(
        kind="unknown",
        to=to,
        subject="There is no account with this address",
        text=(
            "Somebody, we hope you, asked to choose another password for the account\n"
            "with this address. There is none: perhaps you used another address.\n"
        ),
    )


def write_password_changed(*, to: str) -> Letter:
    """Return the letter that says so, in case it was somebody else."""
    return Letter(
        kind="password_changed",
        to=to,
        subject="Your password was changed",
        text=(
            "The password of your account was changed just now, and it was signed out\n"
            "everywhere. If it was not you, choose another at once, and tell us.\n"
        ),
    )


def _way_in(purpose: str, token: str) -> str:
    """Return the link to the page for it, or where there is none, the call to make."""
    if settings.MAIL_LINK is not None:
        link = settings.MAIL_LINK.replace("{purpose}", purpose)
        return f"Go on here:\n\n{link.replace('{token}', token)}\n"
    return f"Your code (for POST /v1/auth/{purpose}):\n\n{token}\n"


def _send(letter: Letter) -> None:
    refuse_transaction()
    message = EmailMessage(subject=letter.subject, body=letter.text, to=[letter.to])
    try:
        message.send()
    except OSError:
        # smtplib's own errors are OSErrors too. No address goes into the log.
        logger.exception("letter not sent: %s", letter.kind)
