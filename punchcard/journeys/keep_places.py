"""Create a place of a program, or give it another name."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import create_place as make_place
from punchcard.programs.operations import rename_place as give_name
from punchcard.programs.queries import PlaceView


def create_place(
    *, program: UUID, code: str, name: str, author: Author, now: datetime
) -> PlaceView:
    """Create a place.

    Raises:
        ProgramMalformed: the code or the name.
        PlaceCodeTaken: the program has a place with this code.
    """
    with transaction():
        place = make_place(program=program, code=code, name=name, now=now)
        change = Change(
            action="place.created",
            target=typed("plc", place.id),
            fields={"code": code},
        )
        record_changes(author=author, changes=[change], now=now)
    return place


def rename_place(
    *, program: UUID, place: UUID, name: str, author: Author, now: datetime
) -> PlaceView:
    """Give a place another name.

    Raises:
        ProgramMalformed: the name.
        PlaceNotFound: the program has no such place.
    """
    with transaction():
        renamed = give_name(program=program, place=place, name=name)
        change = Change(action="place.renamed", target=typed("plc", place))
        record_changes(author=author, changes=[change], now=now)
    return renamed
