"""Where orders and activities happen: a cashier's at one of their own places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from punchcard.interfaces.api.authentication import Caller
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.orders.errors import OrderMalformed
from punchcard.orders.queries import OrderView
from punchcard.programs.queries import find_places

from .allowances import CASHIER, PLACE


def places_said(
    caller: Caller, said: Mapping[str, str | None]
) -> list[UUID | OrderMalformed | None]:
    """Return the place of each code, in order; None: nowhere is said.

    `said` is by where it stands in the body. A place that the program does not have
    is answered as what is wrong with the one order that names it.

    Raises:
        Problem: `forbidden`; a cashier's place is not theirs, or is not said though
            they have several.
    """
    at_till = caller.role == CASHIER
    codes = {code for code in said.values() if code is not None}
    if not codes and not at_till:
        return [None] * len(said)
    ids = sorted(caller.places) if at_till else []
    found = find_places(program=caller.program.id, ids=ids, codes=sorted(codes))
    known = {place.code: place.id for place in found}
    own = sorted(place.code for place in found if place.id in caller.places)
    places: list[UUID | OrderMalformed | None] = []
    for pointer, code in said.items():
        here = own[0] if at_till and code is None and len(own) == 1 else code
        if at_till and here not in own:
            raise _misplaced("Name one of your places.", own, pointer)
        if here is None:
            places.append(None)
        elif here in known:
            places.append(known[here])
        else:
            places.append(OrderMalformed(PLACE, "must be a place of the program"))
    return places


def require_own_place(caller: Caller, order: OrderView) -> None:
    """Refuse a cashier what is about an order of a place that is not theirs.

    Raises:
        Problem: `forbidden`; says which places are.
    """
    if caller.role != CASHIER or order.place in caller.places:
        return
    found = find_places(program=caller.program.id, ids=sorted(caller.places))
    own = [place.code for place in found]
    raise _misplaced("The order is not of one of your places.", own)


def _misplaced(detail: str, own: Sequence[str], pointer: str | None = None) -> Problem:
    wrong: list[Any] = []
    if pointer is not None:
        wrong.append(
            FieldError(code="forbidden", detail=detail, pointer=f"{pointer}/{PLACE}")
        )
    return Problem("forbidden", detail, errors=wrong, details={"places": list(own)})
