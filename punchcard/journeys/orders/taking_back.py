"""Take back what orders earned that came back, and give back what points paid for.

In two steps around the one post of a transaction, as `awarding` does it: `plan_backs`
locks, reads, reckons and adds refunds and reverses; `keep_backs` writes what was taken.
Points that paid for the order come back first: they may cover what is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import floor
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.operations import (
    CounterKey,
    NewTaking,
    lock_counters,
    take_awards,
    write_counters,
)
from punchcard.earning.purchases import Used
from punchcard.earning.queries import (
    DecisionView,
    find_decisions,
    find_grants,
    get_decisions,
)
from punchcard.journeys.configuration.in_force import InForce, documents_of
from punchcard.kernel.ids import typed
from punchcard.ledger.commands import Refund, Reverse
from punchcard.ledger.entries import find_entries, find_reversed
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.members.queries import lock_members
from punchcard.orders.queries import OrderView, ReturnView, TenderView
from punchcard.programs.queries import ProgramView

from .answers import GivenBack, TakenBack
from .awarding import counter_key
from .posting import Posting
from .purchases import bare_purchase, place_codes
from .reckoning import Back, Due, Reckoning

EntryName = tuple[UUID, int]
"""Account and sequence."""


class PlannedBack(msgspec.Struct, frozen=True, kw_only=True):
    """What is due for something that came back, and where its commands wait."""

    back: Back
    due: tuple[Due, ...]
    reverses: Mapping[EntryName, int]
    """Entry that earned -> place in the post."""
    refunds: tuple[tuple[int, int, int], ...]
    """Of each tender: its number, points, place in the post."""


class BackPlans(msgspec.Struct, frozen=True, kw_only=True):
    """What is due for a batch, and what changed of what is counted."""

    planned: tuple[PlannedBack, ...]
    decisions: Mapping[UUID, DecisionView]
    """Those whose uses changed, as they stand after."""
    counters: Mapping[CounterKey, Used]
    """Those that changed."""


class TookBack(msgspec.Struct, frozen=True, kw_only=True):
    """What became of something that came back."""

    taken: tuple[TakenBack, ...]
    given_back: tuple[GivenBack, ...]
    shortfall: int
    entries: tuple[Entry, ...]
    short_of: Outcome | None
    """A reverse that was refused, as too little is left; only where that refuses."""


NOTHING = TookBack(taken=(), given_back=(), shortfall=0, entries=(), short_of=None)


def plan_backs(
    *,
    program: ProgramView,
    backs: Sequence[Back],
    posting: Posting,
    actor: str,
) -> BackPlans:
    """Lock the members, reckon one after the other, add the commands to the post.

    Raises:
        TransactionError: no transaction is open.
    """
    orders = [back.order for back in backs]
    lock_members(program=program.id, members=sorted({one.member for one in orders}))
    reckoning = _read(program, orders)
    before, counted = dict(reckoning.decisions), dict(reckoning.used)
    places = place_codes(program=program.id, of=orders)
    due = [
        reckoning.reckon(back, bare_purchase(order=back.order, places=places))
        for back in backs
    ]
    commands = _Commands(backs, due, posting, actor)
    return BackPlans(
        planned=tuple(
            commands.plan(back, of) for back, of in zip(backs, due, strict=True)
        ),
        decisions={
            one.id: one
            for one in reckoning.decisions.values()
            if one.uses != before[one.id].uses
        },
        counters={
            key: used for key, used in reckoning.used.items() if used != counted[key]
        },
    )


def keep_backs(
    *, program: ProgramView, plans: BackPlans, posting: Posting, now: datetime
) -> list[TookBack]:
    """Write what was taken back with the entries that reversed it; return it.

    Raises:
        TransactionError: no transaction is open.
    """
    take_awards(
        takings=[taking for one in plans.planned for taking in _takings(one, posting)],
        uses={one.id: one.uses for one in plans.decisions.values()},
        now=now,
    )
    write_counters(program=program.id, counters=plans.counters)
    return [_took_back(one, posting) for one in plans.planned]


def _read(program: ProgramView, orders: Sequence[OrderView]) -> Reckoning:
    """Read all that counts, and lock what is counted; seven statements at most."""
    of_orders = find_decisions(
        program=program.id, orders=sorted({order.id for order in orders})
    )
    payments = {order.id: order.times_paid for order in orders}
    standing = [
        one
        for order, decisions in of_orders.items()
        for one in decisions
        if one.payment == payments[order]
    ]
    keys = {
        counter_key(one.member, use.counter): (one.member, use.counter)
        for one in standing
        for use in one.uses
        if use.counted
    }
    found = find_grants(program=program.id, wanted=list(keys.values()))
    grants = {key: found[asked] for key, asked in keys.items()}
    known = {one.id for one in standing}
    others = get_decisions(
        program=program.id,
        decisions={grant.decision for of in grants.values() for grant in of} - known,
    )
    decisions = [*standing, *others.values()]
    used = lock_counters(
        program=program.id,
        wanted=list(
            {
                counter_key(one.member, use.counter): None
                for one in decisions
                for use in one.uses
            }
        ),
    )
    versions = {one.version for one in decisions if one.version is not None}
    documents = documents_of(program=program.id, versions=versions)
    return Reckoning(
        decisions=decisions,
        current={one.order: one.id for one in standing if one.order is not None},
        documents=documents,
        grants=grants,
        used=used,
        zone=ZoneInfo(program.time_zone),
    )


class _Commands:
    """The refunds and reverses of a batch: no more than what the ledger has left."""

    def __init__(
        self,
        backs: Sequence[Back],
        due: Sequence[Sequence[Due]],
        posting: Posting,
        actor: str,
    ) -> None:
        self.posting = posting
        self.actor = actor
        earned = {name for of in due for one in of if (name := _name(one)) is not None}
        spent = {
            name
            for back in backs
            for tender in back.order.tenders
            if (name := _entry_of(tender)) is not None
        }
        self.entries = find_entries(names=earned | spent)
        reversed_before = find_reversed(names=earned)
        self.left = {
            name: self.entries[name].amount - reversed_before.get(name, 0)
            for name in earned
        }

    def plan(self, back: Back, due: Sequence[Due]) -> PlannedBack:
        refunds = []
        for tender in back.order.tenders:
            name = _entry_of(tender)
            points = 0 if name is None else self._points_back(back, name, tender)
            if name is not None and points:
                place = self._refund(back, tender.n, name, points)
                refunds.append((tender.n, points, place))
        wanted: defaultdict[EntryName, int] = defaultdict(int)
        for one in due:
            name = _name(one)
            if name is not None:
                wanted[name] += one.points
        reverses = {}
        for name, points in wanted.items():
            # Somebody may have reversed a part of it by hand.
            points = min(points, self.left[name])  # noqa: PLW2901
            if points:
                self.left[name] -= points
                reverses[name] = self._reverse(back, name, points)
        return PlannedBack(
            back=back, due=tuple(due), reverses=reverses, refunds=tuple(refunds)
        )

    def _points_back(self, back: Back, name: EntryName, tender: TenderView) -> int:
        """Return how many points of a spend come back: the share now, less before."""
        spent = self.entries[name].amount
        before, after = back.shares_of_tender(tender)
        return floor(spent * after) - floor(spent * before)

    def _refund(self, back: Back, n: int, name: EntryName, points: int) -> int:
        account, sequence = name
        return self.posting.add(
            Refund(
                account=account,
                entry=sequence,
                points=points,
                key=f"refund:{_key_of(back)}:{n}",
                reference_type="order",
                reference_id=back.order.external_id,
                at=back.at,
                actor=self.actor,
            )
        )

    def _reverse(self, back: Back, name: EntryName, points: int) -> int:
        account, sequence = name
        return self.posting.add(
            Reverse(
                account=account,
                entry=sequence,
                points=points,
                policy=back.policy,
                key=f"reverse:{_key_of(back)}:{sequence}",
                source=self.entries[name].source,
                reference_type="order",
                reference_id=back.order.external_id,
                at=back.at,
                actor=self.actor,
            )
        )


def _name(due: Due) -> EntryName | None:
    """Return the entry that earned an award; None: the ledger has none."""
    view = due.award
    if view.account is None or view.sequence is None:
        return None
    return (view.account, view.sequence)


def _entry_of(tender: TenderView) -> EntryName | None:
    """Return the entry that spent a tender's points; None: nobody named one."""
    if tender.account is None or tender.sequence is None:
        return None
    return (tender.account, tender.sequence)


def deducts(force: InForce) -> bool:
    """Return whether points that are spent already are deducted from the refund."""
    return force.document.returns.shortfall == "deduct_from_refund"


def ledger_policy(force: InForce) -> str | None:
    """Return what the ledger does with points that are spent already.

    What is deducted from a refund is written off in the ledger; None: as wallets say.
    """
    policy = force.document.returns.shortfall
    return "cap" if policy == "deduct_from_refund" else policy


def refund_key(returned: ReturnView, tender: int) -> str:
    """Return the key of what a return gives back of a tender."""
    return f"refund:{typed('ret', returned.id)}:{tender}"


def _key_of(back: Back) -> str:
    """Return what tells this from all else that is taken back of the order."""
    if back.returned is not None:
        return typed("ret", back.returned.id)
    return f"{typed('ord', back.order.id)}:{back.reason}:{back.order.times_paid}"


def _reverse_entry(one: PlannedBack, due: Due, posting: Posting) -> Entry | None:
    name = _name(due)
    if name is None or name not in one.reverses:
        return None
    outcome = posting.outcome(one.reverses[name])
    return outcome.entry if outcome.applied else None


def _takings(one: PlannedBack, posting: Posting) -> list[NewTaking]:
    found = []
    for due in one.due:
        entry = _reverse_entry(one, due, posting)
        found.append(
            NewTaking(
                decision=due.decision,
                n=due.award.n,
                in_all=due.award.taken + due.points,
                points=due.points,
                reason=one.back.reason,
                returned=None if one.back.returned is None else one.back.returned.id,
                account=None if entry is None else entry.account,
                sequence=None if entry is None else entry.sequence,
            )
        )
    return found


def _took_back(one: PlannedBack, posting: Posting) -> TookBack:
    reversed_ = [posting.outcome(place) for place in one.reverses.values()]
    refunded = [(n, points, posting.outcome(at)) for n, points, at in one.refunds]
    entries = [
        outcome.entry
        for outcome in (*(done for _, _, done in refunded), *reversed_)
        if outcome.applied and outcome.entry is not None
    ]
    return TookBack(
        taken=tuple(_taken(one, due, posting) for due in one.due),
        given_back=tuple(
            GivenBack(
                tender=n,
                points=points if done.applied else 0,
                refusal=None if done.applied else done.code,
            )
            for n, points, done in refunded
        ),
        shortfall=sum(written_off(entry) for entry in entries),
        entries=tuple(entries),
        short_of=next((o for o in reversed_ if o.code == "insufficient_points"), None),
    )


def _taken(one: PlannedBack, due: Due, posting: Posting) -> TakenBack:
    entry = _reverse_entry(one, due, posting)
    return TakenBack(
        rule=due.award.award.rule,
        of=due.award.award.of,
        points=due.points,
        entry=None if entry is None else (entry.account, entry.sequence),
    )


def written_off(entry: Entry) -> int:
    """Return how much of a reverse was written off, as it was spent already."""
    said = msgspec.json.decode(entry.metadata)
    return int(said.get("written_off", 0))
