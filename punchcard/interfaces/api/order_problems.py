"""What is refused of an order, a return or an activity, as callers see it.

The facts of a refusal are its fields; ids among them are told as callers write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel.ids import typed
from punchcard.orders import errors as orders

from .problems import TABLE, FieldError, Problem

_IDS = {"order": "ord", "returned": "ret", "activity": "act", "account": "acc"}
_NAMES = {"returned": "return"}
_PLACES = {
    "total_differs": "total",
    "tenders_differ": "tenders",
    "member_not_found": "member",
    "member_erased": "member",
    "currency_differs": "currency",
    "activity_type_unknown": "type",
    "order_reused": "external_id",
    "return_reused": "external_id",
    "activity_reused": "external_id",
}
"""Code -> the field that it is about, where the refusal itself names none."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What is refused: a sentence, the place in what was said, facts for programs."""

    code: str
    detail: str
    pointer: str | None
    details: Mapping[str, Any]

    @property
    def status(self) -> int:
        """What HTTP calls it."""
        return TABLE[self.code].status


def refusal_of(error: Exception | None, *, pointer: str = "") -> Refusal:
    """Return the refusal of something that is said at this place of the body."""
    code = str(getattr(error, "code", "unexpected"))
    field = getattr(error, "field", _PLACES.get(code))
    said = str(error or "") or TABLE[code].title
    return Refusal(
        code=code,
        detail=f"`{field}` {said}." if code in _OF_A_FIELD else said,
        pointer=None if field is None else f"{pointer}/{field}",
        details={
            _NAMES.get(name, name): _told(name, value)
            for name, value in vars(error or Exception()).items()
            if name != "field"
        },
    )


def order_problem(error: Exception | None) -> Problem:
    """Return the problem of something that is refused, said by the whole body."""
    refusal = refusal_of(error)
    wrong = []
    if refusal.pointer is not None:
        code = "wrong_value" if refusal.code in _OF_A_FIELD else refusal.code
        wrong.append(
            FieldError(code=code, detail=refusal.detail, pointer=refusal.pointer)
        )
    return Problem(refusal.code, refusal.detail, errors=wrong, details=refusal.details)


_OF_A_FIELD = {orders.OrderMalformed.code, "activity_facts_malformed"}
"""Their sentences go on from the field's name."""


def _told(name: str, value: object) -> object:
    return typed(_IDS[name], value) if isinstance(value, UUID) else value
