"""Memberships: what a user is in a program, by invitation or registration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from punchcard.access import errors
from punchcard.access.models import Membership, MembershipPlace
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

from .sessions import end_sessions

ADJUST_LIMIT = 1_000
"""Points of one adjustment by support at most, where nobody said otherwise."""

ADJUST_LIMIT_MAX = 10**15
_ADMIN = Membership.Role.ADMIN
_CASHIER = Membership.Role.CASHIER
_MEMBER = Membership.Role.MEMBER
_SUPPORT = Membership.Role.SUPPORT


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is in a program."""

    role: str
    name: str = ""
    member: UUID | None = None
    places: Sequence[UUID] = ()
    adjust_limit: int | None = None
    """Of support; None: `ADJUST_LIMIT`."""


def create_membership(
    *,
    program: UUID,
    user: UUID,
    terms: Terms,
    now: datetime,
    accepted_at: datetime | None = None,
) -> UUID:
    """Make a user a part of a program; one who was removed comes back on new terms.

    Raises:
        AccessMalformed: the terms do not fit the role.
        MembershipExists: the user belongs to the program already.
    """
    require_transaction()
    _require_fitting(terms)
    fresh = _columns(terms) | {"created_at": now, "accepted_at": accepted_at}
    made = Membership(id=new_id(), program_id=program, user_id=user, **fresh)
    # Of two at once the second waits here, and finds what the first made.
    Membership.objects.bulk_create([made], ignore_conflicts=True)
    row = _locked(program).get(user_id=user)
    if row.pk != made.pk:
        if row.removed_at is None:
            raise errors.MembershipExists
        back = fresh | {"removed_at": None, "disabled_at": None}
        Membership.objects.filter(pk=row.pk).update(**back)
    _set_places(row.pk, terms.places)
    found: UUID = row.pk
    return found


def restore_membership(
    *, program: UUID, user: UUID, terms: Terms, now: datetime
) -> UUID:
    """Let somebody back in who was removed, and had come before: they need no letter.

    Raises:
        AccessMalformed: the terms do not fit the role.
        UserNotFound: the user never belonged to the program, or never came.
        MembershipExists: the user belongs to the program.
    """
    require_transaction()
    _require_fitting(terms)
    row = _locked(program).filter(user_id=user, accepted_at__isnull=False).first()
    if row is None:
        raise errors.UserNotFound
    if row.removed_at is None:
        raise errors.MembershipExists
    return create_membership(
        program=program,
        user=user,
        terms=terms,
        now=now,
        accepted_at=row.accepted_at,
    )


def accept_membership(*, program: UUID, user: UUID, now: datetime) -> UUID | None:
    """Note that somebody who was invited has come; None if they are not any more."""
    require_transaction()
    rows = _locked(program).filter(user_id=user, removed_at=None)
    row = rows.first()
    if row is None:
        return None
    if row.accepted_at is None:
        Membership.objects.filter(pk=row.pk).update(accepted_at=now)
    found: UUID = row.pk
    return found


def change_membership(
    *, program: UUID, membership: UUID, given: dict[str, Any]
) -> list[str]:
    """Set those of the `Terms` that are given; return what is different now, by name.

    What the new role has no use for goes with the old one.

    Raises:
        MembershipNotFound: the program has none with this id.
        AccessMalformed: the terms do not fit the role.
        LastAdmin: the program would have no admin any more.
    """
    row = _get(program, membership)
    before = Terms(
        role=row.role,
        name=row.name,
        member=row.member,
        places=_places(membership),
        adjust_limit=row.adjust_limit,
    )
    kept = before if given.get("role", row.role) == row.role else _of_any_role(before)
    after = msgspec.structs.replace(kept, **given)
    _require_fitting(after)
    if row.role == _ADMIN and after.role != _ADMIN:
        require_other_admins(program=program, than=row.user_id)
    columns = _columns(after)
    changed = [name for name, value in columns.items() if value != getattr(row, name)]
    if changed:
        Membership.objects.filter(pk=membership).update(**columns)
    if set(after.places) != set(before.places):
        _set_places(membership, after.places)
        changed.append("places")
    return sorted(changed)


def remove_membership(*, program: UUID, membership: UUID, now: datetime) -> None:
    """Take somebody out of a program.

    Raises:
        MembershipNotFound: the program has none with this id.
        LastAdmin: the program would have no admin any more.
    """
    row = _get(program, membership)
    require_other_admins(program=program, than=row.user_id)
    Membership.objects.filter(pk=membership).update(removed_at=now)
    end_sessions(now=now, membership_id=membership)


def disable_membership(*, program: UUID, membership: UUID, now: datetime) -> bool:
    """Shut somebody out of a program for a while; False if they are already.

    Raises:
        MembershipNotFound: the program has none with this id.
        LastAdmin: the program would have no admin any more.
    """
    row = _get(program, membership)
    if row.disabled_at is not None:
        return False
    require_other_admins(program=program, than=row.user_id)
    Membership.objects.filter(pk=membership).update(disabled_at=now)
    end_sessions(now=now, membership_id=membership)
    return True


def enable_membership(*, program: UUID, membership: UUID) -> bool:
    """Let somebody in again; False if nobody had shut them out.

    Raises:
        MembershipNotFound: the program has none with this id.
    """
    row = _get(program, membership)
    Membership.objects.filter(pk=membership).update(disabled_at=None)
    return row.disabled_at is not None


def require_other_admins(*, program: UUID, than: UUID) -> None:
    """Refuse when this user is the only admin of the program who can come in.

    Raises:
        LastAdmin: nobody else could.
    """
    # All of them are locked: of two who remove each other, one is refused.
    admins = _locked(program).filter(
        role=_ADMIN,
        accepted_at__isnull=False,
        disabled_at=None,
        removed_at=None,
        user__disabled_at=None,
    )
    ordered = admins.order_by("id").values_list("user_id", flat=True)
    if list(ordered) == [than]:
        raise errors.LastAdmin


def _get(program: UUID, membership: UUID) -> Membership:
    require_transaction()
    # With the admins, whom this may be about, and in one order: of two admins who
    # remove each other the second waits here, and finds itself the last.
    wanted = Q(pk=membership, removed_at=None) | Q(role=_ADMIN)
    for row in _locked(program).filter(wanted).order_by("id"):
        if row.pk == membership and row.removed_at is None:
            found: Membership = row
            return found
    raise errors.MembershipNotFound


def _locked(program: UUID) -> Any:
    # The membership alone: the user's row is somebody else's to lock.
    rows = Membership.objects.filter(program_id=program)
    return rows.select_for_update(of=("self",))


def _places(membership: UUID) -> list[UUID]:
    rows = MembershipPlace.objects.filter(membership_id=membership)
    return list(rows.order_by("place_id").values_list("place_id", flat=True))


def _set_places(membership: UUID, places: Sequence[UUID]) -> None:
    MembershipPlace.objects.filter(membership_id=membership).delete()
    MembershipPlace.objects.bulk_create(
        MembershipPlace(id=new_id(), membership_id=membership, place_id=place)
        for place in sorted(set(places))
    )


def _of_any_role(terms: Terms) -> Terms:
    return Terms(role=terms.role, name=terms.name)


def _columns(terms: Terms) -> dict[str, Any]:
    limit = terms.adjust_limit
    if terms.role == _SUPPORT and limit is None:
        limit = ADJUST_LIMIT
    return {
        "role": terms.role,
        "name": terms.name,
        "member": terms.member,
        "adjust_limit": limit,
    }


def _require_fitting(terms: Terms) -> None:
    def refuse(field: str, detail: str) -> None:
        raise errors.AccessMalformed(field, detail)

    if terms.role not in Membership.Role.values:
        refuse("role", f"The role is one of: {', '.join(Membership.Role.values)}.")
    if (terms.role == _MEMBER) != (terms.member is not None):
        refuse("member", "The role `member`, and no other, has a member.")
    if (terms.role == _CASHIER) != bool(terms.places):
        refuse("places", "The role `cashier`, and no other, has places, at least one.")
    limit = terms.adjust_limit
    if limit is not None and terms.role != _SUPPORT:
        refuse("adjust_limit", "Only the role `support` has a limit of adjustments.")
    if limit is not None and not 0 <= limit <= ADJUST_LIMIT_MAX:
        refuse("adjust_limit", f"The limit is 0 to {ADJUST_LIMIT_MAX} points.")
