"""Balance files: what a row must say, and how balances get into a program."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import msgspec

from punchcard.interfaces.importing.csv_files import BadCell, check_text
from punchcard.interfaces.importing.running import (
    Batch,
    FileImport,
    Keep,
    explain_refusal,
)
from punchcard.interfaces.importing.staging import Shape, Staged
from punchcard.interfaces.importing.tally import WalletTally
from punchcard.interfaces.values import (
    parse_amount,
    parse_instant,
    show_instant,
)
from punchcard.journeys.import_balances import (
    NO_MEMBER,
    NO_WALLET,
    Lot,
    Terms,
    import_balances,
)
from punchcard.journeys.imported import Imported
from punchcard.ledger.outcomes import Outcome

KEY_OF_LOT = "balance:lot:"
KEY_OF_ROW = "balance:row:"
LOT_MAX = 200 - len(KEY_OF_LOT)
MEMBER_MAX = 200
REASON_MAX = 2_000
SOURCE = "admin"
_SOURCE_MAX = 40
_COLUMN_OF = {
    "description": "reason",
    "key": "lot",
    "key_reused": "lot",
    "limit_exceeded": "points",
    "reference_id": "lot",
}


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says."""

    member: str
    points: int
    expires_at: datetime | None
    lot: str
    """Its id where it comes from; empty: it has none."""
    wallet: str
    source: str
    reason: str


@dataclass
class Rules:
    """What makes a balance of a row."""

    program: str
    """Its slug."""
    wallets: Collection[str]
    """Codes of the program's wallets."""
    wallet: str
    """Of rows that name none."""
    reason: str
    """Of rows that have none."""
    at: datetime
    """When the members held it."""

    def read(self, cells: list[str]) -> BalanceRow:
        """Return what a row says.

        Raises:
            BadCell: one cell is not what it must be.
        """
        member, amount, expires, lot, wallet, source, reason, available = cells
        check_text("member", member, MEMBER_MAX)
        try:
            points = parse_amount(amount)
        except ValueError as error:
            raise BadCell("points", str(error)) from None
        expires_at = _instant("expires_at", expires)
        if expires_at is not None and points < 0:
            raise BadCell("expires_at", "is of points below zero, which never lapse")
        if lot:
            check_text("lot", lot, LOT_MAX)
        wallet = wallet or self.wallet
        if wallet not in self.wallets:
            known = ", ".join(sorted(self.wallets))
            message = f"is no wallet of `{self.program}`, which has: {known}"
            raise BadCell("wallet", message)
        source, reason = source or SOURCE, reason or self.reason
        check_text("source", source, _SOURCE_MAX)
        check_text("reason", reason, REASON_MAX)
        self._check_available(available)
        return BalanceRow(
            member=member,
            points=points,
            expires_at=expires_at,
            lot=lot,
            wallet=wallet,
            source=source,
            reason=reason,
        )

    def _check_available(self, text: str) -> None:
        """Refuse what is pending: an opening balance can be spent at once."""
        available_at = _instant("available_at", text)
        if available_at is not None and available_at > self.at:
            raise BadCell(
                "available_at",
                "is still to come, and an opening balance can be spent at once: "
                "import its order, or this row again from then on",
            )


@dataclass
class BalanceImport(FileImport[BalanceRow]):
    """Balances, member by member."""

    shape: ClassVar[Shape[BalanceRow]] = Shape(
        kind=BalanceRow,
        columns={
            "member": 'text COLLATE "C"',
            "points": "bigint",
            "expires_at": "timestamptz",
            "lot": 'text COLLATE "C"',
            "wallet": 'text COLLATE "C"',
            "source": "text",
            "reason": "text",
        },
        # A lot without an id is known by what it says, and by how many of the same
        # stand before it: a member may have two alike.
        identity=(
            "wallet",
            "member",
            "lot",
            "CASE WHEN lot = '' THEN points END",
            "CASE WHEN lot = '' THEN expires_at END",
        ),
        contents=("points", "expires_at", "source"),
        order=("wallet", "member"),
        named_by="lot",
    )

    rules: Rules
    terms: Terms
    clock: Callable[[], datetime]

    def read(self, cells: list[str]) -> BalanceRow:
        return self.rules.read(cells)

    def post(self, rows: list[Staged[BalanceRow]], keep: Keep) -> Batch:
        named = [row for row in rows if row.item.lot]
        nameless = [row for row in rows if not row.item.lot]
        firsts, others = self.first_of_their_id(named)
        others.rows = len(rows)
        lots = sorted([*firsts, *nameless], key=_by_member)
        imported = import_balances(
            terms=self.terms,
            lots=[_lot(row) for row in lots],
            now=self.clock(),
            along=lambda came: keep(self._count(lots, came, others)),
        )
        return self._count(lots, imported, others)

    def _count(
        self, rows: list[Staged[BalanceRow]], imported: Imported, others: Batch
    ) -> Batch:
        batch = Batch()
        tally = batch.tally
        tally.members = imported.members_created
        for row, outcome in zip(rows, imported.outcomes, strict=True):
            item = row.item
            if outcome is None:
                tally.nothing += 1
            elif not outcome.applied:
                self.refuse(batch, row, *self._explain(item, outcome))
            else:
                tally.applied += not outcome.replayed
                tally.known += outcome.replayed
                tally.wallets.setdefault(item.wallet, WalletTally()).count(
                    member=item.member, points=item.points, is_new=not outcome.replayed
                )
        return others + batch

    def _explain(self, item: BalanceRow, outcome: Outcome) -> tuple[str, str]:
        """Return our column and a sentence about what is refused."""
        if outcome.code == NO_MEMBER:
            message = (
                f"is no member of `{self.rules.program}`: import the members first, "
                "or say --enrol"
            )
            return "member", message
        if outcome.code == NO_WALLET:
            return "wallet", f"is no wallet of `{self.rules.program}` any more"
        if item.expires_at is not None and outcome.details.get("field") == "expires_at":
            return "expires_at", "has passed: these points have lapsed"
        return explain_refusal(outcome.code, outcome.details, _COLUMN_OF)


def _instant(column: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadCell(column, str(error)) from None


def _lot(row: Staged[BalanceRow]) -> Lot:
    item = row.item
    if item.lot:
        key = f"{KEY_OF_LOT}{item.lot}"
    else:
        key = f"{KEY_OF_ROW}{item.points}:{show_instant(item.expires_at)}:{row.nth}"
    return Lot(
        member=item.member,
        wallet=item.wallet,
        points=item.points,
        key=key,
        external_id=item.lot or None,
        expires_at=item.expires_at,
        source=item.source,
        reason=item.reason,
    )


def _by_member(row: Staged[BalanceRow]) -> tuple[str, str, int]:
    return row.item.wallet, row.item.member, row.line
