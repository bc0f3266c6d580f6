"""Who may do what: roles, scopes, and what one implies of the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

Scope: TypeAlias = Literal[
    "members:read",
    "members:write",
    "members:erase",
    "members:export",
    "ledger:read",
    "ledger:earn",
    "ledger:spend",
    "ledger:correct",
    "ledger:adjust",
    "ledger:transfer",
    "ledger:manage",
    "ledger:write",
    "orders:read",
    "orders:write",
    "orders:cancel",
    "clock:write",
    "program:read",
    "program:write",
    "config:read",
    "config:write",
    "users:read",
    "users:write",
    "keys:read",
    "keys:write",
    "audit:read",
    "events:read",
    "jobs:read",
    "jobs:write",
    "reports:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)

UMBRELLA: Scope = "ledger:write"
"""Implies every ledger command; keys that had it before there were more keep it."""

COMMAND_SCOPES: frozenset[str] = frozenset(
    {
        "ledger:earn",
        "ledger:spend",
        "ledger:correct",
        "ledger:adjust",
        "ledger:transfer",
        "ledger:manage",
    }
)

PUBLISHABLE_SCOPES: frozenset[str] = frozenset({"program:read"})
"""What a key that everybody may see can do."""

Role: TypeAlias = Literal["member", "cashier", "support", "analyst", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

_OF_ROLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        # Of a member's own objects alone: see `interfaces/api/permissions.py`.
        "member": frozenset(
            {"members:read", "members:export", "ledger:read", "orders:read"}
        ),
        "cashier": frozenset(
            {
                "members:read",
                "ledger:read",
                "ledger:earn",
                "ledger:spend",
                "orders:read",
                "orders:write",
                "program:read",
            }
        ),
        "support": frozenset(
            {
                "members:read",
                "members:export",
                "ledger:read",
                "ledger:correct",
                "ledger:adjust",
                "orders:read",
                "orders:cancel",
                "program:read",
                "config:read",
                "audit:read",
            }
        ),
        "analyst": frozenset({"reports:read", "program:read", "config:read"}),
        "admin": frozenset(SCOPES),
    }
)


def scopes_of_role(role: str) -> frozenset[str]:
    """Return what a role may do; an unknown one may do nothing."""
    return _OF_ROLE.get(role, frozenset())


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with those that they imply."""
    return _implied(tuple(scopes))


@lru_cache(maxsize=1_000)
def _implied(scopes: tuple[str, ...]) -> frozenset[str]:
    whole = frozenset(scopes)
    return whole | COMMAND_SCOPES if UMBRELLA in whole else whole
