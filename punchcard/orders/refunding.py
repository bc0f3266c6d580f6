"""What became of the refunds of returns: pending, then succeeded, or failed for now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from punchcard.kernel.transactions import require_transaction

from . import contents, errors
from .contents import Refund, RefundOutcome
from .order import OrderView, ReturnView
from .queries import get_returns, lock_orders
from .writing import update_refunds

_ENDS: dict[Refund, frozenset[Refund]] = {
    "none": frozenset(),
    "pending": frozenset({"succeeded", "failed"}),
    "failed": frozenset({"succeeded"}),
    "succeeded": frozenset(),
}


class RefundSettled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an outcome that was told."""

    before: ReturnView | None = None
    returned: ReturnView | None = None
    order: OrderView | None = None
    refusal: errors.OrderRefused | None = None

    @property
    def changed(self) -> bool:
        """Whether the refund stood otherwise before."""
        return self.before != self.returned


def settle_refunds(
    *, program: UUID, outcomes: Sequence[RefundOutcome], now: datetime
) -> list[RefundSettled]:
    """Write what became of refunds; answer all, in the order asked.

    The same outcome again is answered as it stands. What failed may succeed later.
    Eight statements at most.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    asked = [one.returned for one in outcomes]
    known = get_returns(program=program, returns=asked)
    orders = lock_orders(
        program=program, orders=sorted({one.order for one in known.values()})
    )
    # Read again after the locks are had: somebody may have told of it meanwhile.
    standing = get_returns(program=program, returns=asked)
    changed: dict[UUID, ReturnView] = {}
    answers = []
    for outcome in outcomes:
        before = standing.get(outcome.returned)
        try:
            after = _settle(before, outcome, now)
        except errors.OrderRefused as refusal:
            answers.append(RefundSettled(refusal=refusal))
            continue
        if after != before:
            standing[after.id] = changed[after.id] = after
        answers.append(
            RefundSettled(before=before, returned=after, order=orders[after.order])
        )
    if changed:
        update_refunds(returns=list(changed.values()))
    return answers


def _settle(
    before: ReturnView | None, outcome: RefundOutcome, now: datetime
) -> ReturnView:
    contents.check_refund(outcome, now=now)
    if before is None:
        raise errors.ReturnNotFound
    to: Refund = "succeeded" if outcome.succeeded else "failed"
    if before.refund == to:
        return before
    if to not in _ENDS[before.refund] or (
        # What was taken at once was given back when the refund failed: that is final.
        before.refund == "failed" and not before.withheld
    ):
        raise errors.RefundEnded(before.refund)
    return replace(before, refund=to, withheld=before.withheld and to != "succeeded")
