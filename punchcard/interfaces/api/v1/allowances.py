"""What a caller may ask of the ledger, command by command: scope, amount, place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from punchcard.interfaces.api.authentication import Caller
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.programs.queries import find_places

from .bodies import AdjustBody, AtPlace
from .translating import Asked, scope_of

CASHIER = "cashier"
PLACE = "place"


def allow_commands(caller: Caller, asked: Sequence[Asked]) -> None:
    """Refuse all of the commands if one of them is not the caller's to give.

    Raises:
        Problem: `forbidden`; names the command, and the scope or the limit.
    """
    for command in asked:
        scope = scope_of(type(command.body))
        if scope not in caller.scopes:
            detail = f"This command needs the scope `{scope}`."
            wrong = FieldError(code="forbidden", detail=detail, pointer=command.pointer)
            raise Problem("forbidden", detail, errors=[wrong], details={"scope": scope})
        if isinstance(command.body, AdjustBody):
            check_corrected(caller, command.body.points, command.pointer)


def check_corrected(caller: Caller, points: int, pointer: str = "") -> None:
    """Refuse to correct more points by hand than the caller may.

    Raises:
        Problem: `forbidden`; says how many they may.
    """
    limit = caller.adjust_limit
    if limit is None or abs(points) <= limit:
        return
    detail = f"You may correct {limit} points at a time."
    wrong = FieldError(code="forbidden", detail=detail, pointer=f"{pointer}/points")
    raise Problem("forbidden", detail, errors=[wrong], details={"adjust_limit": limit})


def places_of(caller: Caller, asked: Sequence[Asked]) -> list[str | None]:
    """Return the code of the place at which each command happens; None: nowhere.

    Raises:
        Problem: `malformed`, for a place that the program does not have, or that is
            said in the metadata too; `forbidden`, where a cashier's is not theirs,
            or is not said though they have several.
    """
    said = {c.body.place for c in asked if isinstance(c.body, AtPlace)}
    at_till = caller.role == CASHIER and bool(said)
    codes = {code for code in said if code is not None}
    if not codes and not at_till:
        return [None] * len(asked)
    ids = sorted(caller.places) if at_till else []
    found = find_places(program=caller.program.id, ids=ids, codes=sorted(codes))
    known = {place.code for place in found}
    own = {place.code for place in found if place.id in caller.places}
    return [
        _place(command, own if at_till else None, known)
        if isinstance(command.body, AtPlace)
        else None
        for command in asked
    ]


def _place(
    command: Asked, own: Collection[str] | None, known: Collection[str]
) -> str | None:
    """Return the place of one command; `own` are those of a cashier."""
    body = command.body
    place = body.place if isinstance(body, AtPlace) else None
    if own is not None:
        if place is None and len(own) == 1:
            (place,) = own
        if place not in own:
            raise _misplaced(command, "forbidden", "Name one of your places.", own)
    elif place is not None and place not in known:
        raise _misplaced(command, "place_not_found", "There is no such place.")
    if place is not None and PLACE in (body.metadata or {}):
        detail = "`place` is said once: not in the metadata too."
        raise _misplaced(command, "malformed", detail)
    return place


def _misplaced(
    command: Asked, code: str, detail: str, own: Collection[str] = ()
) -> Problem:
    wrong = FieldError(code=code, detail=detail, pointer=f"{command.pointer}/{PLACE}")
    if code == "forbidden":
        places = {"places": sorted(own)}
        return Problem("forbidden", detail, errors=[wrong], details=places)
    return Problem("malformed", detail, errors=[wrong])
