"""Writes of orders: in batches, one outcome for each, a refusal stops nobody else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

import msgspec
from msgspec.structs import replace

from punchcard.kernel import sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction

from . import contents, errors
from .announcing import (
    announce_activities,
    announce_moved,
    announce_recorded,
    announce_returned,
)
from .contents import (
    Move,
    NewActivity,
    NewLine,
    NewOrder,
    NewReturn,
    NewTender,
    RefundOutcome,
    ReturnedPart,
)
from .order import ActivityView, OrderView, ReturnView
from .queries import (
    find_kept_activities,
    find_kept_orders,
    find_kept_returns,
    get_activities,
    get_orders,
    get_returns,
    lock_orders,
)
from .refunding import RefundSettled, settle_refunds
from .rules.composing import compose, is_paid_alike, numbered, tendered
from .rules.moving import check_move
from .rules.returning import take_back
from .writing import insert_activities, insert_orders, insert_returns, update_moved

__all__ = [
    "Move",
    "NewActivity",
    "NewLine",
    "NewOrder",
    "NewReturn",
    "NewTender",
    "RefundOutcome",
    "RefundSettled",
    "ReturnedPart",
    "settle_refunds",
]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order that was told."""

    order: OrderView | None = None
    """As it stands; None: it was refused."""
    created: bool = False
    """Whether this delivery made it: else it was known, and may stand elsewhere."""
    refusal: errors.OrderRefused | None = None


class ActivityRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an activity that was told."""

    activity: ActivityView | None = None
    created: bool = False
    """Whether this delivery made it: else it was known."""
    refusal: errors.OrderRefused | None = None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a move."""

    before: OrderView | None = None
    order: OrderView | None = None
    refusal: errors.OrderRefused | None = None

    @property
    def changed(self) -> bool:
        """Whether the order stood elsewhere before."""
        return self.before != self.order


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a return that was told."""

    returned: ReturnView | None = None
    before: OrderView | None = None
    """The order before this return; of a known one as it stands."""
    order: OrderView | None = None
    """The order after it; of a known one as it stands."""
    created: bool = False
    refusal: errors.OrderRefused | None = None


def record_orders(
    *, program: UUID, orders: Sequence[NewOrder], now: datetime
) -> list[Recorded]:
    """Write orders that are not there yet; answer all, in the order asked.

    The same contents under the same external id are the order that is there, and other
    contents are refused (`OrderReused`). Members and places must exist. Seven
    statements at most, whatever the size of the batch.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    answers: dict[int, Recorded] = {}
    wanted: dict[str, OrderView] = {}
    prints: dict[str, bytes] = {}
    said: dict[int, bytes] = {}
    ids = _new_ids(len(orders))
    for place, order in enumerate(orders):
        try:
            composed = _new_order(ids[place], program, order, now)
        except errors.OrderRefused as refusal:
            answers[place] = Recorded(refusal=refusal)
            continue
        said[place] = contents.fingerprint_order(order)
        wanted.setdefault(order.external_id, composed)
        prints.setdefault(order.external_id, said[place])
    standing = _insert_or_find(program, wanted, prints, now)
    for place, fingerprint in said.items():
        order = orders[place]
        first, stands = standing[order.external_id]
        same = first == fingerprint
        if not same or not is_paid_alike(stands=stands.tenders, said=order.tenders):
            answers[place] = Recorded(refusal=errors.OrderReused(stands.id))
        else:
            created = stands.id == ids[place]
            answers[place] = Recorded(order=stands, created=created)
    return [answers[place] for place in range(len(orders))]


def record_activities(
    *, program: UUID, activities: Sequence[NewActivity], now: datetime
) -> list[ActivityRecorded]:
    """Write activities that are not there yet; answer all, in the order asked.

    The same contents under the same external id are the activity that is there, and
    other contents are refused (`ActivityReused`). Four statements at most.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    answers: dict[int, ActivityRecorded] = {}
    wanted: dict[str, ActivityView] = {}
    prints: dict[str, bytes] = {}
    ids = _new_ids(len(activities))
    for place, activity in enumerate(activities):
        try:
            contents.check_activity(activity, now=now)
        except errors.OrderRefused as refusal:
            answers[place] = ActivityRecorded(refusal=refusal)
            continue
        view = _new_activity(ids[place], program, activity, now)
        wanted.setdefault(activity.external_id, view)
        prints.setdefault(activity.external_id, contents.fingerprint_activity(activity))
    standing = _insert_or_find_activities(program, wanted, prints)
    for place, activity in enumerate(activities):
        if place in answers:
            continue
        first, stands = standing[activity.external_id]
        if first != contents.fingerprint_activity(activity):
            reused = errors.ActivityReused(stands.id)
            answers[place] = ActivityRecorded(refusal=reused)
        else:
            created = stands.id == ids[place]
            answers[place] = ActivityRecorded(activity=stands, created=created)
    return [answers[place] for place in range(len(activities))]


def forget_facts(*, program: UUID, member: UUID) -> int:
    """Forget what a member's activities said: their words, maybe. Return of how many.

    That they happened stays, and so does what two deliveries have in common.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    cursor = sql.cursor()
    cursor.execute(
        "UPDATE orders_activity SET facts = '{}'"
        " WHERE program_id = %(program)s AND member_id = %(member)s AND facts <> '{}'",
        {"program": program, "member": member},
    )
    return cursor.rowcount


def move_orders(*, program: UUID, moves: Sequence[Move], now: datetime) -> list[Moved]:
    """Pay, cancel or reopen orders; answer all, in the order asked.

    An order that stands there already is answered so. Six statements at most.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    standing = lock_orders(program=program, orders=[move.order for move in moves])
    answers, moved, pairs = [], set(), []
    for move in moves:
        before = standing.get(move.order)
        try:
            if move.order in moved:
                raise errors.OrderMalformed("order", "moves once in a batch")
            after = _move(before, move, now)
        except errors.OrderRefused as refusal:
            answers.append(Moved(refusal=refusal))
            continue
        moved.add(move.order)
        answers.append(Moved(before=before, order=after))
        if before is not None and after is not before:
            pairs.append((before, after))
    if pairs:
        update_moved(moved=pairs)
        announce_moved(orders=[new for _, new in pairs])
    return answers


def record_returns(
    *,
    program: UUID,
    returns: Sequence[NewReturn],
    now: datetime,
    withhold: Collection[str] = (),
) -> list[Returned]:
    """Write returns that are not there yet; answer all, in the order asked.

    Of the pending refunds of those with the external ids `withhold`, nothing is to be
    taken back before they have succeeded.

    Each is decided on the order as those before it leave it. The same contents under
    the same external id are the return that is there, and other contents are refused
    (`ReturnReused`). Ten statements at most.

    Raises:
        TransactionError: no transaction is open.
        IntegrityError: (psycopg's) somebody used an external id for a return of
            another order at this moment; the same batch again is answered.
    """
    require_transaction()
    before = lock_orders(program=program, orders=[one.order for one in returns])
    # Read after the locks are had: a twin that came first has committed by now.
    known = _known_returns(program, [one.external_id for one in returns])
    batch = _Returning(program, dict(before), known, now, withhold)
    answers = [batch.answer(asked) for asked in returns]
    made = [one.returned for one in answers if one.created and one.returned]
    if made:
        insert_returns(
            program=program,
            returns=made,
            fingerprints=[batch.known[one.external_id][0] for one in made],
            orders=[
                (before[order], batch.standing[order])
                for order in dict.fromkeys(one.order for one in made)
            ],
            now=now,
        )
        announce_returned(
            returns=[
                (one.returned, one.order)
                for one in answers
                if one.created and one.returned and one.order
            ]
        )
    return answers


def _new_ids(count: int) -> list[UUID]:
    # Sorted: of two of one batch at one instant the first is the earlier one.
    return sorted([new_id() for _ in range(count)], key=attrgetter("int"))


def _new_order(
    identity: UUID, program: UUID, order: NewOrder, now: datetime
) -> OrderView:
    contents.check_order(order, now=now)
    composed = compose(order=order)
    paid = order.status == "paid"
    return OrderView(
        id=identity,
        program=program,
        member=order.member,
        external_id=order.external_id,
        status=order.status,
        currency=order.currency,
        channel=order.channel,
        place=order.place,
        tax_included=order.tax_included,
        occurred_at=order.occurred_at,
        created_at=now,
        paid_at=order.occurred_at if paid else None,
        version=1,
        times_paid=int(paid),
        shipping=order.shipping,
        total=composed.total,
        returns=0,
        returned_shipping=0,
        returned_amount=0,
        lines=composed.lines,
        tenders=composed.tenders,
    )


def _new_activity(
    identity: UUID, program: UUID, activity: NewActivity, now: datetime
) -> ActivityView:
    return ActivityView(
        id=identity,
        program=program,
        member=activity.member,
        external_id=activity.external_id,
        type=activity.type,
        place=activity.place,
        facts=activity.facts,
        occurred_at=activity.occurred_at,
        created_at=now,
    )


def _insert_or_find_activities(
    program: UUID, wanted: dict[str, ActivityView], prints: dict[str, bytes]
) -> dict[str, tuple[bytes, ActivityView]]:
    """Write those that are not there yet; return all, with their fingerprints."""
    if not wanted:
        return {}
    made = insert_activities(
        activities=list(wanted.values()), fingerprints=list(prints.values())
    )
    new = {text: view for text, view in wanted.items() if view.id in made}
    announce_activities(activities=list(new.values()))
    asked = [text for text in wanted if text not in new]
    kept = find_kept_activities(program=program, external_ids=asked)
    found = get_activities(
        program=program, activities=[one.id for one in kept.values()]
    )
    known = {text: (one.fingerprint, found[one.id]) for text, one in kept.items()}
    return known | {text: (prints[text], view) for text, view in new.items()}


def _insert_or_find(
    program: UUID,
    wanted: dict[str, OrderView],
    prints: dict[str, bytes],
    now: datetime,
) -> dict[str, tuple[bytes, OrderView]]:
    """Write the orders that are not there yet; return all, with their fingerprints."""
    if not wanted:
        return {}
    made = insert_orders(
        program=program,
        orders=list(wanted.values()),
        fingerprints=list(prints.values()),
        now=now,
    )
    new = {text: order for text, order in wanted.items() if order.id in made}
    announce_recorded(orders=list(new.values()))
    # Read after who had them first has committed: the writing waited for that.
    asked = [text for text in wanted if text not in new]
    kept = find_kept_orders(program=program, external_ids=asked)
    found = get_orders(program=program, orders=[one.id for one in kept.values()])
    known = {text: (one.fingerprint, found[one.id]) for text, one in kept.items()}
    return known | {text: (prints[text], order) for text, order in new.items()}


def _move(before: OrderView | None, move: Move, now: datetime) -> OrderView:
    contents.check_move(move, now=now)
    if before is None:
        raise errors.OrderNotFound
    if not is_paid_alike(stands=before.tenders, said=move.tenders):
        raise errors.OrderReused(before.id)
    if before.status == move.to:
        return before
    check_move(status=before.status, to=move.to)
    after = replace(before, status=move.to, version=before.version + 1)
    if move.to != "paid":
        return after
    tenders = before.tenders
    if not tenders:
        paid_with = tendered(tenders=move.tenders, total=before.total)
        tenders = numbered(tenders=paid_with)
    times = before.times_paid + 1
    return replace(after, tenders=tenders, times_paid=times, paid_at=move.at)


def _known_returns(
    program: UUID, external_ids: Sequence[str]
) -> dict[str, tuple[bytes, ReturnView]]:
    kept = find_kept_returns(program=program, external_ids=external_ids)
    found = get_returns(program=program, returns=[one.id for one in kept.values()])
    return {text: (one.fingerprint, found[one.id]) for text, one in kept.items()}


class _Returning:
    """A batch of returns while it is decided: what is known, and how orders stand."""

    def __init__(
        self,
        program: UUID,
        standing: dict[UUID, OrderView],
        known: dict[str, tuple[bytes, ReturnView]],
        now: datetime,
        withhold: Collection[str],
    ) -> None:
        self.program = program
        self.standing = standing
        self.known = known
        self.now = now
        self.withhold = withhold

    def answer(self, asked: NewReturn) -> Returned:
        """Decide one return on what those before it left."""
        try:
            contents.check_return(asked, now=self.now)
            fingerprint = contents.fingerprint_return(asked)
            if asked.external_id in self.known:
                return self._again(asked, fingerprint)
            return self._take(asked, fingerprint)
        except errors.OrderRefused as refusal:
            return Returned(refusal=refusal)

    def _again(self, asked: NewReturn, fingerprint: bytes) -> Returned:
        first, returned = self.known[asked.external_id]
        if first != fingerprint:
            raise errors.ReturnReused(returned.id)
        order = self.standing[asked.order]
        return Returned(returned=returned, before=order, order=order)

    def _take(self, asked: NewReturn, fingerprint: bytes) -> Returned:
        if asked.order not in self.standing:
            raise errors.OrderNotFound
        before = self.standing[asked.order]
        taken = take_back(order=before, asked=asked)
        returned = ReturnView(
            id=new_id(),
            program=self.program,
            order=before.id,
            n=taken.after.returns,
            external_id=asked.external_id,
            occurred_at=asked.occurred_at,
            created_at=self.now,
            amount=taken.amount,
            shipping=taken.shipping,
            refund="pending" if asked.refund_pending else "none",
            withheld=asked.refund_pending and asked.external_id in self.withhold,
            lines=taken.lines,
            tenders=taken.tenders,
        )
        self.known[asked.external_id] = (fingerprint, returned)
        self.standing[before.id] = taken.after
        return Returned(
            returned=returned, before=before, order=taken.after, created=True
        )
