"""What a caller may do: nothing, but what its key's scopes name."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from punchcard.access.queries import Scope

from .authentication import Caller
from .problems import Problem

ANYONE: Final = "anyone"
"""No key is needed: health, and nothing else."""

ANY_KEY: Final = "any_key"
"""Every good key will do."""

Demand: TypeAlias = Scope | Literal["anyone", "any_key"]
"""What an operation asks of its caller; every operation must say."""


def require_scope(caller: Caller, demand: Demand) -> None:
    """Refuse a caller whose key lacks the scope.

    Raises:
        Problem: `forbidden`; says which scope is needed.
    """
    if demand != ANY_KEY and demand not in caller.scopes:
        detail = f"The API key needs the scope `{demand}`."
        raise Problem("forbidden", detail, details={"scope": demand})
