"""From what a caller writes (`mem_…`, `acc_…`, `ext:…`) to ids, within its program.

What is unknown and what is another program's cannot be told apart: both become
`NOBODY`, an id that nobody has, and are refused by whoever looks for it next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from punchcard.kernel.ids import IdError, typed, untyped
from punchcard.ledger.errors import AccountNotFound
from punchcard.ledger.queries import find_accounts, find_wallets
from punchcard.members.errors import MemberNotFound
from punchcard.members.queries import MemberView, find_ids, find_members, get_member
from punchcard.programs.errors import WalletNotFound
from punchcard.programs.queries import list_wallets, program_of_wallet

NOBODY = UUID(int=0)
EXTERNAL = "ext:"
HOLDER_KIND = "member"


def read_id(kind: str, text: str, otherwise: type[Exception]) -> UUID:
    """Return the id that a caller wrote as a TypeID of this kind.

    Raises:
        Exception: `otherwise`; it is none: what cannot be is not there.
    """
    try:
        return untyped(kind, text)
    except IdError:
        raise otherwise from None


def resolve_accounts(*, program: UUID, texts: Iterable[str]) -> dict[str, UUID]:
    """Return the account of each text, `NOBODY` for what is not the program's.

    A constant number of statements (one more per wallet that is named).
    """
    found = dict.fromkeys(texts, NOBODY)
    by_id: dict[str, UUID] = {}
    by_name: dict[str, tuple[str, str]] = {}
    for text in found:
        if text.startswith(EXTERNAL):
            holder, at, wallet = text[len(EXTERNAL) :].rpartition("@")
            if at:
                by_name[text] = holder, wallet
            continue
        try:
            by_id[text] = untyped("acc", text)
        except IdError:
            continue
    if by_id:
        found |= _own_accounts(program, by_id)
    if by_name:
        found |= _named_accounts(program, by_name)
    return found


def resolve_account(*, program: UUID, text: str) -> UUID:
    """Return the account that the text names.

    Raises:
        AccountNotFound: the program has no such account.
    """
    account = resolve_accounts(program=program, texts=[text])[text]
    if account == NOBODY:
        raise AccountNotFound
    return account


def resolve_members(*, program: UUID, texts: Iterable[str]) -> dict[str, UUID]:
    """Return the member of each text; what is not the program's is left out.

    Two statements at most.
    """
    by_id: dict[str, UUID] = {}
    by_name: dict[str, str] = {}
    for text in texts:
        if text.startswith(EXTERNAL):
            by_name[text] = text[len(EXTERNAL) :]
            continue
        try:
            by_id[text] = untyped("mem", text)
        except IdError:
            continue
    own = find_ids(program=program, members=list(by_id.values()))
    found = {text: member for text, member in by_id.items() if member in own}
    if by_name:
        named = find_members(program=program, external_ids=list(by_name.values()))
        found |= {text: named[name] for text, name in by_name.items() if name in named}
    return found


def resolve_member(*, program: UUID, text: str) -> MemberView:
    """Return the member that the text names.

    Raises:
        MemberNotFound: the program has no such member.
    """
    member = resolve_members(program=program, texts=[text]).get(text)
    if member is None:
        raise MemberNotFound
    return get_member(program=program, member=member)


class Names:
    """TypeIDs of one answer: each is made once (4 µs), however often it is written."""

    def __init__(self) -> None:
        """Start with none."""
        self._made: dict[tuple[str, UUID], str] = {}

    def account(self, account: UUID) -> str:
        """Return `acc_…`."""
        return self._name("acc", account)

    def member(self, member: UUID) -> str:
        """Return `mem_…`."""
        return self._name("mem", member)

    def _name(self, prefix: str, value: UUID) -> str:
        made = self._made.get((prefix, value))
        if made is None:
            made = self._made[prefix, value] = typed(prefix, value)
        return made


def _own_accounts(program: UUID, by_id: dict[str, UUID]) -> dict[str, UUID]:
    wallets = find_wallets(accounts=list(by_id.values()))
    return {
        text: account
        for text, account in by_id.items()
        if account in wallets and _owns(program, wallets[account])
    }


def _owns(program: UUID, wallet: UUID) -> bool:
    try:
        return program_of_wallet(wallet) == program
    except WalletNotFound:
        return False


def _named_accounts(
    program: UUID, by_name: dict[str, tuple[str, str]]
) -> dict[str, UUID]:
    wallets = {wallet.code: wallet.id for wallet in list_wallets(program=program)}
    holders = list({holder for holder, _ in by_name.values()})
    members = find_members(program=program, external_ids=holders)
    asked: dict[str, set[UUID]] = defaultdict(set)
    for holder, wallet in by_name.values():
        if holder in members and wallet in wallets:
            asked[wallet].add(members[holder])
    accounts = {
        wallet: find_accounts(
            wallet=wallets[wallet], holder_kind=HOLDER_KIND, holders=list(wanted)
        )
        for wallet, wanted in asked.items()
    }
    return {
        text: accounts[wallet][members[holder]]
        for text, (holder, wallet) in by_name.items()
        if holder in members and members[holder] in accounts.get(wallet, {})
    }
