"""Accept an invitation by its link; the first admin of a program comes so too.

Note [An admin link proves no address]: the first admin says an address that no letter
has reached. They sign in with it, but it stays unproven: should a letter reach it one
day, an invitation to another program or a registration there, whoever reads it chooses
a password of their own, and what was chosen before opens nothing any more. Else an
admin could take the address of somebody who is yet to come to another program, and be
there, with the password of old, as soon as they do.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.access import errors
from punchcard.access.operations import links
from punchcard.access.operations.attempts import forgive_attempts
from punchcard.access.operations.links import make_link, use_link
from punchcard.access.operations.memberships import (
    Terms,
    accept_membership,
    create_membership,
)
from punchcard.access.operations.passwords import (
    has_password,
    hash_password,
    is_password_of,
    read_email,
    require_name,
)
from punchcard.access.operations.users import (
    change_profile,
    ensure_user,
    set_password,
)
from punchcard.access.queries import LinkView, find_link, find_user, get_user
from punchcard.kernel.audit import CONSOLE, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.programs.queries import get_program

from .throttling import knock, passwords_of, tokens_from

ADMIN = "admin"


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says who accepts."""

    password: str | None = None
    email: str | None = None
    """Of the first admin, whom nobody has invited by an address."""
    name: str = ""


def make_admin_link(*, program: UUID, now: datetime) -> str:
    """Return the token of a link that makes whoever uses it an admin of the program.

    Raises:
        ProgramNotFound: there is no such program.
    """
    with transaction():
        get_program(program=program)
        token = make_link(purpose=links.FIRST_ADMIN, program=program, now=now)
        author = Author(actor=CONSOLE, program=program)
        change = Change(action="admin.link_made", target=typed("prg", program))
        record_changes(author=author, changes=[change], now=now)
    return token


def accept_invitation(
    *,
    token: str,
    newcomer: Newcomer,
    address: str | None,
    request_id: str | None,
    now: datetime,
) -> None:
    """Let somebody in who has a link; a new user chooses a password.

    Who has proven an address before keeps the password, and says none: but by an
    admin link, which went to nobody's address, they must say the one they have. See
    Note [An admin link proves no address].

    Raises:
        TooManyAttempts: from this network address, or passwords of this person.
        LinkInvalid: unknown, used or expired, or the invitation was taken back.
        AccessMalformed: no e-mail address, a name, a weak password, none where one is
            needed, or one where there is one already.
        InvalidCredentials: the user has another password.
    """
    doors = tokens_from(address=address)
    knock(doors=doors, now=now)
    purposes = [links.INVITATION, links.FIRST_ADMIN]
    link = find_link(token=token, purposes=purposes, now=now)
    if link is None or link.program is None:
        raise errors.LinkInvalid
    require_name(newcomer.name)
    email = _email(link, newcomer)
    hashed = _password(link, newcomer, email, now)
    with transaction():
        forgive_attempts(clear=[], give_back=doors)
        use_link(token=token, purpose=link.purpose, now=now)
        user = ensure_user(email=email, now=now)
        by_mail = link.user is not None
        if hashed is not None and (user.proven if by_mail else user.has_password):
            # Somebody else has become this user since: they choose again.
            raise errors.LinkInvalid
        changes = []
        if hashed is not None:
            set_password(user=user.id, password=hashed, now=now, by_mail=by_mail)
            change_profile(user=user.id, name=newcomer.name or None)
        if hashed is not None and by_mail:
            verified = Change(
                action="user.email_verified", target=typed("usr", user.id)
            )
            changes.append(verified)
        changes.append(_enter(link, link.program, user.id, now))
        author = Author(
            actor=typed("usr", user.id), program=link.program, request_id=request_id
        )
        record_changes(author=author, changes=changes, now=now)


def _email(link: LinkView, newcomer: Newcomer) -> str:
    """Return whose link it is: the one it was sent to, or who says so."""
    if link.user is not None:
        if newcomer.email is not None:
            detail = "The invitation went to an address: leave it out."
            raise errors.AccessMalformed("email", detail)
        return get_user(user=link.user).email
    if newcomer.email is None:
        raise errors.AccessMalformed("email", "Say your e-mail address.")
    return read_email(newcomer.email)


def _password(
    link: LinkView, newcomer: Newcomer, email: str, now: datetime
) -> str | None:
    """Return the hash of a new password, None where the user has one that is theirs."""
    user = find_user(email=email)
    chosen = user is not None and has_password(user=user.id)
    by_mail = link.user is not None
    if user is None or not chosen or (by_mail and user.email_verified_at is None):
        if newcomer.password is None:
            raise errors.AccessMalformed("password", "Choose a password.")
        return hash_password(
            password=newcomer.password, email=email, name=newcomer.name
        )
    if by_mail:
        if newcomer.password is not None:
            detail = "You have a password already: leave it out."
            raise errors.AccessMalformed("password", detail)
        return None
    knock(doors=[passwords_of(email=email)], now=now)
    if not is_password_of(user=user.id, password=newcomer.password or ""):
        raise errors.InvalidCredentials
    with transaction():
        forgive_attempts(clear=[passwords_of(email=email)])
    return None


def _enter(link: LinkView, program: UUID, user: UUID, now: datetime) -> Change:
    if link.purpose == links.FIRST_ADMIN:
        membership: UUID | None = create_membership(
            program=program,
            user=user,
            terms=Terms(role=ADMIN),
            now=now,
            accepted_at=now,
        )
    else:
        membership = accept_membership(program=program, user=user, now=now)
    if membership is None:
        raise errors.LinkInvalid
    return Change(action="membership.accepted", target=typed("mbr", membership))
