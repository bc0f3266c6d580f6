"""What lists of orders and activities are narrowed to: whose, and where."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.authentication import Caller
from punchcard.interfaces.api.permissions import MEMBER
from punchcard.interfaces.api.references import NOBODY, resolve_members
from punchcard.programs.queries import find_places

SoughtMember = Annotated[
    str,
    Meta(
        description="Whose: `mem_…`, or `ext:<external id>`.",
        max_length=texts.MEMBER_MAX,
        pattern=texts.whole(texts.MEMBER),
        examples=["ext:anna"],
    ),
]
SoughtPlace = Annotated[
    str,
    Meta(
        description="Code of the place where they happened.",
        max_length=texts.CODE_MAX,
        pattern=texts.whole(texts.CODE),
        examples=["old-town"],
    ),
]


def member_sought(caller: Caller, text: str | None) -> UUID | None:
    """Return whose are wanted; None: everybody's.

    Of a member nobody's but their own are there.
    """
    own = caller.member if caller.role == MEMBER else None
    if text is None:
        return own
    found = resolve_members(program=caller.program.id, texts=[text])
    sought = found.get(text, NOBODY)
    return sought if own is None or sought == own else NOBODY


def place_sought(program: UUID, code: str | None) -> UUID | None:
    """Return the place where those that are wanted happened; None: anywhere."""
    if code is None:
        return None
    found = find_places(program=program, codes=[code])
    return found[0].id if found else NOBODY
