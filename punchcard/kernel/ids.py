"""Identities: UUIDv7 inside, TypeIDs (`mem_…`) outside."""

from __future__ import annotations

from uuid import UUID

import uuid_utils
from typeid import TypeID
from typeid.errors import TypeIDException


class IdError(ValueError):
    """The text is not an id of the wanted kind."""


def new_id() -> UUID:
    """Return a new UUIDv7: it sorts by the millisecond in which it was made."""
    return UUID(int=uuid_utils.uuid7().int)


def typed(prefix: str, value: UUID) -> str:
    """Return the TypeID of `value`, as in `mem_01h455vb4pex5vsknk084sn02q`."""
    # The stub asks for uuid_utils' own class; any UUID with bytes serves.
    return str(TypeID.from_uuid(value, prefix=prefix))  # type: ignore[arg-type]


def untyped(prefix: str, text: str) -> UUID:
    """Return the UUID inside a TypeID.

    Raises:
        IdError: the text is no TypeID, or has another prefix.
    """
    try:
        parsed = TypeID.from_string(text)
    except TypeIDException as error:
        raise IdError(f"{text!r} is not an id like {prefix}_…") from error
    if parsed.prefix != prefix:
        raise IdError(f"{text!r} is not an id like {prefix}_…")
    return UUID(bytes=bytes(parsed.uuid.bytes))
