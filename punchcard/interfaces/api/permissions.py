"""What a caller may do: nothing, but what its scopes name.

A person with the role `member` may read what is their own, and nothing else: what is
another's is not there for them, as if nobody had it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from punchcard.access.queries import COMMAND_SCOPES, Scope, with_implied
from punchcard.ledger.errors import AccountNotFound
from punchcard.ledger.queries import get_account
from punchcard.members.errors import MemberNotFound

from .authentication import Caller
from .order_references import OWNERS
from .problems import Problem
from .references import HOLDER_KIND, resolve_account, resolve_members

ANYONE: Final = "anyone"
"""No credential is needed: health, and what gives credentials to people."""

ANY_KEY: Final = "any_key"
"""Every good credential will do."""

ANY_USER: Final = "any_user"
"""Every person who is signed in; no key."""

ANY_COMMAND: Final = "any_command"
"""Whoever may give one of the ledger's commands; each is looked at by itself."""

Demand: TypeAlias = Scope | Literal["anyone", "any_key", "any_user", "any_command"]
"""What an operation asks of its caller; every operation must say."""

MEMBER = "member"
_OWNED = {"member", "account", *OWNERS}
"""Parameters of addresses that name what is somebody's own."""


def require_scope(caller: Caller, demand: Demand) -> None:
    """Refuse a caller who lacks the scope.

    `ledger:write` stands for every command: whoever has it has their scopes too.

    Raises:
        Problem: `forbidden`; says which scope is needed.
    """
    if demand == ANY_USER:
        if caller.user is None:
            raise Problem("forbidden", "This is for people who are signed in.")
    elif demand == ANY_COMMAND:
        if not caller.scopes & COMMAND_SCOPES:
            detail = "This needs the scope of a ledger command."
            details = {"scopes": sorted(COMMAND_SCOPES)}
            raise Problem("forbidden", detail, details=details)
    elif demand != ANY_KEY and demand not in caller.scopes:
        detail = f"This needs the scope `{demand}`."
        raise Problem("forbidden", detail, details={"scope": demand})


def require_own(
    caller: Caller,
    demand: Demand,
    method: str,
    path: Mapping[str, Any],
    *,
    narrowed: bool = False,
) -> None:
    """Refuse a member whatever is not about their own member, and read only.

    Of other callers nothing is asked. A list that is `narrowed` shows a member what is
    their own, and is asked of nobody's object.

    Raises:
        Problem: `forbidden`; members never do this.
        MemberNotFound: the member of the address is another.
        AccountNotFound: the account of the address is another's.
        OrderRefused: the order, return or activity of the address is another's.
    """
    if caller.role != MEMBER or demand in {ANY_KEY, ANY_USER}:
        return
    if method != "GET" or not (narrowed or _OWNED & path.keys()):
        detail = "A member may read what is their own."
        raise Problem("forbidden", detail, details={"role": MEMBER})
    program = caller.program.id
    if "member" in path:
        text = path["member"]
        found = resolve_members(program=program, texts=[text]).get(text)
        if found is None or found != caller.member:
            raise MemberNotFound
    if "account" in path:
        account = resolve_account(program=program, text=path["account"])
        view = get_account(account=account)
        if view.holder_kind != HOLDER_KIND or view.holder != caller.member:
            raise AccountNotFound
    for name, (owner, absent) in OWNERS.items():
        if name in path and owner(program=program, text=path[name]) != caller.member:
            raise absent


def require_giveable(caller: Caller, scopes: Iterable[str]) -> None:
    """Refuse to give anybody more than the caller has.

    Raises:
        Problem: `forbidden`; says which scopes the caller lacks.
    """
    lacking = with_implied(scopes) - caller.scopes
    if lacking:
        detail = "Nobody can give more than they have."
        raise Problem("forbidden", detail, details={"lacking": sorted(lacking)})
