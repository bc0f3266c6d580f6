"""Who changed what, when: written with the change, in its transaction, for ever.

Rows hold ids and facts, never personal data: of a person's fields only the names,
so that an erased person is not found here either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from punchcard.kernel import sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.models import AuditRow
from punchcard.kernel.transactions import require_transaction

CONSOLE = "console"
"""Whoever has a shell on the machine."""

SYSTEM = "system"
"""What happens by itself."""

CHUNK = 1_000
_FIELDS = ("id", "actor", "action", "target", "fields", "request_id", "at")


class AuditRowNotFound(LookupError):
    """There is no such row of the audit."""

    code = "audit_row_not_found"


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """For whom something is changed."""

    actor: str
    """`usr_…`, `key_…`, `console` or `system`."""
    program: UUID | None
    """In which program; None: in the whole installation."""
    request_id: str | None = None

    @property
    def is_person(self) -> bool:
        """Whether somebody did it, rather than a machine."""
        return self.actor.startswith("usr_") or self.actor == CONSOLE


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done to one target."""

    action: str
    """`<subject>.<what happened to it>`, as in `member.erased`."""
    target: str
    """A TypeID."""
    fields: dict[str, Any] = {}
    """Facts without personal data: of personal fields only the names."""


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit."""

    id: UUID
    actor: str
    action: str
    target: str
    fields: dict[str, Any]
    request_id: str | None
    at: datetime


def record_changes(*, author: Author, changes: Sequence[Change], now: datetime) -> None:
    """Write one row per change, with the change itself; one statement.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not changes:
        return
    sql.cursor().execute(
        "INSERT INTO kernel_audit"
        " (id, program_id, actor, action, target, fields, request_id, at)"
        " SELECT id, %(program)s, %(actor)s, action, target, fields::jsonb,"
        " %(request)s, %(now)s"
        " FROM unnest(%(ids)s, %(actions)s, %(targets)s, %(fields)s)"
        " AS new (id, action, target, fields)",
        {
            "program": author.program,
            "actor": author.actor,
            "request": author.request_id,
            "now": now,
            "ids": sql.Uuids([new_id() for _ in changes]),
            "actions": sql.Texts([change.action for change in changes]),
            "targets": sql.Texts([change.target for change in changes]),
            "fields": sql.Texts(
                [msgspec.json.encode(change.fields).decode() for change in changes]
            ),
        },
    )


def get_change(*, program: UUID, row: UUID) -> AuditView:
    """Return one row of this program's audit.

    Raises:
        AuditRowNotFound: the program has none with this id.
    """
    found = AuditRow.objects.filter(pk=row, program=program)
    values = found.values_list(*_FIELDS).first()
    if values is None:
        raise AuditRowNotFound
    return _view(values)


def list_changes(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    at_from: datetime | None = None,
    at_to: datetime | None = None,
    newest_first: bool = True,
) -> list[AuditView]:
    """Return this program's rows in the order of time, `limit` of them, after a row.

    `at_from` is included, `at_to` is not.
    """
    wanted = {
        "program": program,
        "id__lt" if newest_first else "id__gt": after,
        "actor": actor,
        "action": action,
        "target": target,
        "at__gte": at_from,
        "at__lt": at_to,
    }
    asked = {name: value for name, value in wanted.items() if value is not None}
    rows = AuditRow.objects.filter(**asked).order_by("-id" if newest_first else "id")
    return [_view(values) for values in rows.values_list(*_FIELDS)[:limit]]


def each_change_about(*, program: UUID, names: Sequence[str]) -> Iterator[AuditView]:
    """Yield all rows of this program that somebody did, or that were done to them."""
    rows = AuditRow.objects.filter(
        Q(actor__in=names) | Q(target__in=names), program=program
    )
    last: UUID | None = None
    while True:
        wanted = rows if last is None else rows.filter(id__gt=last)
        chunk = list(wanted.order_by("id").values_list(*_FIELDS)[:CHUNK])
        yield from map(_view, chunk)
        if len(chunk) < CHUNK:
            return
        last = chunk[-1][0]


def _view(values: tuple[Any, ...]) -> AuditView:
    return AuditView(**dict(zip(_FIELDS, values, strict=True)))
