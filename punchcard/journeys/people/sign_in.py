"""Sign in with e-mail and password; refresh what that gave; sign out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from punchcard.access import errors
from punchcard.access.operations.attempts import forgive_attempts
from punchcard.access.operations.passwords import is_password_of, read_email
from punchcard.access.operations.sessions import (
    TokenPair,
    open_session,
    revoke_session,
    rotate_session,
)
from punchcard.access.operations.users import note_sign_in
from punchcard.access.queries import (
    MembershipView,
    find_user,
    list_memberships_of_user,
)
from punchcard.kernel.audit import SYSTEM, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction

from .throttling import knock, passwords_from, passwords_of


def sign_in(
    *,
    email: str,
    password: str,
    program: str | None,
    address: str | None,
    now: datetime,
) -> TokenPair:
    """Return tokens for a program (its slug), or for the only one of this person.

    An unknown address, a wrong password, somebody who was invited and never came,
    somebody disabled and a program that is not theirs are all the same answer, with
    as much work.

    Raises:
        AccessMalformed: this is no e-mail address.
        TooManyAttempts: with this address, or from this network address.
        InvalidCredentials: no.
        ProgramRequired: the person belongs to several programs.
    """
    known_as = read_email(email)
    mine, ours = passwords_of(email=known_as), passwords_from(address=address)
    knock(doors=[mine, *ours], now=now)
    user = find_user(email=known_as)
    right = is_password_of(user=None if user is None else user.id, password=password)
    if user is None or not right or user.disabled_at is not None:
        raise errors.InvalidCredentials
    chosen = _choose(list_memberships_of_user(user=user.id), program)
    with transaction():
        # What was counted comes before the user, as where a password is changed.
        forgive_attempts(clear=[mine], give_back=ours)
        note_sign_in(user=user.id, version=user.token_version, now=now)
        return open_session(
            user=user.id,
            program=chosen.program,
            membership=chosen.id,
            version=user.token_version,
            now=now,
        )


def refresh_session(
    *, refresh: str, request_id: str | None, now: datetime
) -> TokenPair:
    """Return new tokens for a refresh token, which is used up by that.

    One that was used up before is in two hands: all sessions of this person in this
    program end.

    Raises:
        TokenInvalid: forged, expired, used up, or its session is over.
    """
    with transaction():
        # The refusal commits: that the sessions end is what it is about.
        refreshed = rotate_session(refresh=refresh, now=now)
        if refreshed.reused is not None:
            change = Change(
                action="session.reused", target=typed("mbr", refreshed.reused)
            )
            author = Author(
                actor=SYSTEM, program=refreshed.program, request_id=request_id
            )
            record_changes(author=author, changes=[change], now=now)
    if refreshed.pair is None:
        raise errors.TokenInvalid
    return refreshed.pair


def sign_out(*, refresh: str, now: datetime) -> None:
    """End the session of a refresh token; of what is none there is nothing to end."""
    with transaction():
        revoke_session(refresh=refresh, now=now)


def _choose(
    memberships: Sequence[MembershipView], program: str | None
) -> MembershipView:
    active = [found for found in memberships if found.status == "active"]
    if program is not None:
        active = [found for found in active if found.program_slug == program]
    if not active:
        raise errors.InvalidCredentials
    if len(active) > 1:
        raise errors.ProgramRequired([found.program_slug for found in active])
    return active[0]
