"""What the reads of an account share: which account, and places in its lists."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from punchcard.interfaces.api.endpoint import Call
from punchcard.interfaces.api.references import resolve_account

# What a cursor may name: numbers that PostgreSQL can compare with.
SequencePlace = Annotated[int, Meta(ge=0, lt=2**53)]
SmallPlace = Annotated[int, Meta(ge=0, lt=2**31)]


def account_of(call: Call[Any, Any]) -> UUID:
    """Return the account that the path names.

    Raises:
        AccountNotFound: the program has no such account.
    """
    return resolve_account(program=call.program.id, text=call.path["account"])
