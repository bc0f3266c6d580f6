"""Import what members hold elsewhere: one adjust for each lot, with its expiry.

One batch is one transaction. An interrupted import is posted again from its start:
every lot has a key, so what is there already is answered, not repeated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.ledger.commands import Adjust
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome
from punchcard.members import operations as members
from punchcard.members.queries import find_members
from punchcard.programs.queries import list_wallets

from .imported import Imported, join_imported
from .open_member_accounts import open_member_accounts
from .retrying import UNEXPECTED, in_one_transaction

REFERENCE_TYPE = "lot"
ACTOR = "import"
NO_MEMBER = "member_not_found"
NO_WALLET = "wallet_not_found"
_NOBODY = UUID(int=0)


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """What a member holds of one credit: how much, and until when."""

    member: str
    """External id of the member."""
    wallet: str
    """Code of a wallet of the program."""
    points: int
    """Below zero: a debt. 0 is nothing; the member still gets an account."""
    key: str
    """Names the lot in its account, for ever: the same key is the same lot."""
    external_id: str | None = None
    """The lot's id where it comes from."""
    expires_at: datetime | None = None
    """None: as the wallet has it. A debt has none."""
    source: str
    reason: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Where the lots go, and on whose word."""

    author: Author
    program: UUID
    at: datetime | None = None
    """When the members held them; None: now."""
    enrol: bool = False
    """Whether members are enrolled that are not there yet."""


def import_balances(
    *,
    terms: Terms,
    lots: Sequence[Lot],
    now: datetime,
    along: Callable[[Imported], object] | None = None,
) -> Imported:
    """Open the members' accounts and post an adjust for each lot: one transaction.

    A lot whose member or wallet is not there is answered `member_not_found` or
    `wallet_not_found`, one known with another content `key_reused`; what the database
    refuses unexpectedly fails alone, as `unexpected`. Lifetime is not touched.

    `along` is called with what became of them, in their transaction.

    Raises:
        ExternalIdMalformed: a member's id is not as it must be; nothing is written.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            post the same batch again to know, and to have it once.
    """
    return in_one_transaction(
        lots,
        lambda some: _import_batch(terms, some, now),
        _unexpected,
        join=join_imported,
        along=along,
    )


def _unexpected(_lot: Lot) -> Imported:
    # The account is unknown: not even that could be written.
    refused = Outcome(account=_NOBODY, code=UNEXPECTED)
    return Imported(outcomes=[refused], members_created=0)


def _import_batch(terms: Terms, lots: Sequence[Lot], now: datetime) -> Imported:
    names = sorted({lot.member for lot in lots})
    holders, created = _find_holders(terms, names, now)
    wallets = {wallet.code: wallet for wallet in list_wallets(program=terms.program)}
    accounts = open_member_accounts(
        wallets=list(wallets.values()), members=list(holders.values()), now=now
    )
    outcomes: list[Outcome | None] = []
    adjusts: list[Adjust] = []
    places: list[int] = []
    for place, lot in enumerate(lots):
        outcomes.append(None)
        holder, wallet = holders.get(lot.member), wallets.get(lot.wallet)
        if holder is None:
            outcomes[place] = Outcome(account=_NOBODY, code=NO_MEMBER)
        elif wallet is None:
            outcomes[place] = Outcome(account=_NOBODY, code=NO_WALLET)
        elif lot.points:
            adjusts.append(_adjust(terms, lot, accounts[wallet.id][holder]))
            places.append(place)
    for place, outcome in zip(places, post(commands=adjusts, now=now), strict=True):
        outcomes[place] = outcome
    new = [
        lot
        for lot, outcome in zip(lots, outcomes, strict=True)
        if outcome is not None and outcome.applied and not outcome.replayed
    ]
    of_wallets = {code: wallet.id for code, wallet in wallets.items()}
    record_changes(author=terms.author, changes=_changes(new, of_wallets), now=now)
    return Imported(outcomes=outcomes, members_created=created)


def _find_holders(
    terms: Terms, names: Sequence[str], now: datetime
) -> tuple[dict[str, UUID], int]:
    """Return external id → member of those that there are, and how many are new."""
    if not terms.enrol:
        return find_members(program=terms.program, external_ids=names), 0
    enrolled = members.enrol_members(program=terms.program, external_ids=names, now=now)
    found = {member.external_id: member.id for member in enrolled}
    return found, sum(member.created for member in enrolled)


def _adjust(terms: Terms, lot: Lot, account: UUID) -> Adjust:
    return Adjust(
        account=account,
        points=lot.points,
        reason=lot.reason,
        policy="debt" if lot.points < 0 else None,
        expires_at=lot.expires_at,
        source=lot.source,
        reference_type=None if lot.external_id is None else REFERENCE_TYPE,
        reference_id=lot.external_id,
        key=lot.key,
        at=terms.at,
        actor=ACTOR,
    )


def _changes(lots: Iterable[Lot], wallets: dict[str, UUID]) -> list[Change]:
    """Return what the audit keeps: a sum for each wallet, the entries have the rest."""
    points: dict[str, list[int]] = defaultdict(list)
    for lot in lots:
        points[lot.wallet].append(lot.points)
    return [
        Change(
            action="balances.imported",
            target=typed("wal", wallets[code]),
            fields={"lots": len(amounts), "points": sum(amounts)},
        )
        for code, amounts in sorted(points.items())
    ]
