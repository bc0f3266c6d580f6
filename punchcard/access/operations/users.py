"""Users: one for each e-mail address, whatever programs they belong to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.contrib.auth.hashers import is_password_usable, make_password
from django.db.models import F

from punchcard.access import errors
from punchcard.access.models import Membership, User
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

from .memberships import require_other_admins
from .sessions import end_sessions


class EnsuredUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user, and what is known of who they are."""

    id: UUID
    created: bool
    has_password: bool
    proven: bool
    """Somebody has shown that the address is theirs, and has a password."""


def ensure_user(*, email: str, now: datetime, name: str = "") -> EnsuredUser:
    """Return the user with this address, made if there is none; locked until the end.

    `email` is as `read_email` returns it.
    """
    require_transaction()
    made = User(
        id=new_id(),
        email=email,
        name=name,
        # Nothing is this password.
        password=make_password(None),
        created_at=now,
    )
    # Of two who make the same user at once the second waits, and makes nothing.
    User.objects.bulk_create([made], ignore_conflicts=True)
    fields = "id", "password", "email_verified_at"
    row = User.objects.select_for_update().values_list(*fields).get(email=email)
    has_password = is_password_usable(row[1])
    return EnsuredUser(
        id=row[0],
        created=row[0] == made.id,
        has_password=has_password,
        proven=has_password and row[2] is not None,
    )


def set_password(
    *, user: UUID, password: str, now: datetime, by_mail: bool = True
) -> None:
    """Give a user a password (hashed), and take away all tokens that they have.

    Who came by a letter has shown that the address is theirs; who came otherwise, by
    an admin link or with the password before, has not.
    """
    require_transaction()
    rows = User.objects.filter(pk=user)
    if by_mail:
        rows.filter(email_verified_at=None).update(email_verified_at=now)
    rows.update(password=password)
    revoke_tokens(user=user, now=now)


def change_profile(
    *, user: UUID, name: str | None = None, language: str | None = None
) -> list[str]:
    """Set what is given; return the names of what is different now."""
    require_transaction()
    given = {"name": name, "language": language}
    row = User.objects.select_for_update().values(*given).get(pk=user)
    changed = {
        field: value
        for field, value in given.items()
        if value is not None and value != row[field]
    }
    if changed:
        User.objects.filter(pk=user).update(**changed)
    return sorted(changed)


def disable_user(*, user: UUID, now: datetime) -> bool:
    """Shut a user out of every program; False if they are already.

    Raises:
        LastAdmin: a program would have no admin any more.
    """
    require_transaction()
    # The user first, as everybody else does.
    list(User.objects.select_for_update().filter(pk=user).values_list("pk"))
    programs = Membership.objects.filter(user_id=user, role=Membership.Role.ADMIN)
    ordered = programs.order_by("program_id").values_list("program_id", flat=True)
    for program in ordered:
        require_other_admins(program=program, than=user)
    if not User.objects.filter(pk=user, disabled_at=None).update(disabled_at=now):
        return False
    revoke_tokens(user=user, now=now)
    return True


def enable_user(*, user: UUID) -> bool:
    """Let a user in again; False if nobody had shut them out."""
    require_transaction()
    shut_out = User.objects.filter(pk=user, disabled_at__isnull=False)
    return bool(shut_out.update(disabled_at=None))


def revoke_tokens(*, user: UUID, now: datetime) -> None:
    """Make every token of a user useless, in every program."""
    require_transaction()
    User.objects.filter(pk=user).update(token_version=F("token_version") + 1)
    end_sessions(now=now, membership__user_id=user)


def note_sign_in(*, user: UUID, version: int, now: datetime) -> None:
    """Note that a user signs in with the password that was looked at.

    Raises:
        InvalidCredentials: it was changed since, or the user was disabled.
    """
    require_transaction()
    rows = User.objects.filter(pk=user, token_version=version, disabled_at=None)
    if not rows.update(last_login=now):
        raise errors.InvalidCredentials
