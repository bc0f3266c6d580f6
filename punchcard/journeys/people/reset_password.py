"""Choose another password: by letter for who forgot it, or with the one before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access import errors
from punchcard.access.operations import links
from punchcard.access.operations.attempts import forgive_attempts
from punchcard.access.operations.links import forget_links, make_link, use_link
from punchcard.access.operations.passwords import (
    has_password,
    hash_password,
    is_password_of,
    read_email,
)
from punchcard.access.operations.sessions import TokenPair, open_session
from punchcard.access.operations.users import set_password
from punchcard.access.queries import (
    UserView,
    find_link,
    find_user,
    get_user,
    list_memberships_of_user,
)
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction

from .letters import (
    send_after_commit,
    write_password_changed,
    write_password_reset,
    write_unknown,
)
from .throttling import knock, letters, passwords_from, passwords_of, tokens_from


def request_password_reset(*, email: str, address: str | None, now: datetime) -> None:
    """Send a letter with a link; also to an address that we do not know, without one.

    Raises:
        AccessMalformed: this is no e-mail address.
        TooManyAttempts: letters to this address, or from this network address.
    """
    known_as = read_email(email)
    knock(doors=letters(email=known_as, address=address), now=now)
    user = find_user(email=known_as)
    # Nobody's, where nobody has come yet: no clock tells it.
    known = has_password(user=None if user is None else user.id)
    with transaction():
        whose = user.id if user is not None and known else None
        token = make_link(purpose=links.PASSWORD_RESET, user=whose, now=now)
    if known:
        send_after_commit(write_password_reset(to=known_as, token=token))
    else:
        send_after_commit(write_unknown(to=known_as))


def reset_password(
    *,
    token: str,
    password: str,
    address: str | None,
    request_id: str | None,
    now: datetime,
) -> None:
    """Set a password by a link, and sign the user out everywhere.

    Raises:
        TooManyAttempts: from this network address.
        LinkInvalid: unknown, used or expired.
        AccessMalformed: a weak password; the link is still good.
    """
    doors = tokens_from(address=address)
    knock(doors=doors, now=now)
    link = find_link(token=token, purposes=[links.PASSWORD_RESET], now=now)
    if link is None or link.user is None:
        raise errors.LinkInvalid
    user = get_user(user=link.user)
    hashed = hash_password(password=password, email=user.email, name=user.name)
    with transaction():
        use_link(token=token, purpose=links.PASSWORD_RESET, now=now)
        forgive_attempts(clear=[passwords_of(email=user.email)], give_back=doors)
        set_password(user=user.id, password=hashed, now=now)
        _note(user, "password.reset", request_id, now)
    send_after_commit(write_password_changed(to=user.email))


def change_password(
    *,
    user: UUID,
    program: UUID,
    membership: UUID,
    current: str,
    wanted: str,
    address: str | None,
    request_id: str | None,
    now: datetime,
) -> TokenPair:
    """Set a password by the one before; return tokens, as all others are over.

    Raises:
        TooManyAttempts: of this person, or from this network address.
        InvalidCredentials: the password before is another.
        AccessMalformed: a weak password.
    """
    found = get_user(user=user)
    mine, ours = passwords_of(email=found.email), passwords_from(address=address)
    knock(doors=[mine, *ours], now=now)
    if not is_password_of(user=user, password=current):
        raise errors.InvalidCredentials
    hashed = hash_password(
        password=wanted, email=found.email, name=found.name, field="new_password"
    )
    with transaction():
        forgive_attempts(clear=[mine], give_back=ours)
        set_password(user=user, password=hashed, now=now, by_mail=False)
        _note(found, "password.changed", request_id, now)
        pair = open_session(
            user=user,
            program=program,
            membership=membership,
            version=get_user(user=user).token_version,
            now=now,
        )
    send_after_commit(write_password_changed(to=found.email))
    return pair


def _note(user: UserView, action: str, request_id: str | None, now: datetime) -> None:
    """Record that the password is another, and let no older letter change it."""
    forget_links(user=user.id, purpose=links.PASSWORD_RESET)
    target = typed("usr", user.id)
    # A user is of all their programs, and each has an audit of its own.
    for membership in list_memberships_of_user(user=user.id):
        author = Author(actor=target, program=membership.program, request_id=request_id)
        change = Change(action=action, target=target)
        record_changes(author=author, changes=[change], now=now)
