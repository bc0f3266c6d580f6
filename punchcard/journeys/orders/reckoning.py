"""Reckon what is to be taken back of each award, in memory, return by return.

Note [A stamp that comes off its card]: what counted towards an achievement counts no
longer when it came back. Where the target is not reached any more, the last award of
that card goes, whichever order it came with; where it still is, none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from punchcard.earning.achieving import undone
from punchcard.earning.deciding import decide
from punchcard.earning.decisions import Reason, Use
from punchcard.earning.documents import Achieve, Ruleset
from punchcard.earning.operations import CounterKey
from punchcard.earning.purchases import PartOf, Purchase, Used
from punchcard.earning.queries import AwardView, DecisionView, Grant
from punchcard.earning.returning import (
    AwardKey,
    Taken,
    as_decided,
    keep,
    key_of,
    still_counted,
    take_back,
    take_back_anew,
)
from punchcard.journeys.configuration.document import EMPTY, Document
from punchcard.orders.queries import OrderView, ReturnView, TenderView

from .awarding import counter_key

ACHIEVE = "achieve"
Shares: TypeAlias = Mapping[PartOf, Fraction]


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came back: a return, or, of a cancelled order, all of it."""

    order: OrderView
    """After it."""
    returned: ReturnView | None
    reason: Reason
    at: datetime
    policy: str | None
    """The ledger's, for what is spent already; None: the wallet's own."""
    withheld: tuple[ReturnView, ...] = ()
    """Returns of the order of which nothing is taken back yet."""

    @property
    def shares(self) -> Shares:
        """Which share of each line, and of the shipping, has come back and counts."""
        order, lines = self.order, {line.n: line for line in self.order.lines}
        shares: dict[PartOf, Fraction] = {
            line.n: line.returned_share for line in order.lines
        }
        shares["shipping"] = order.returned_shipping_share
        for one in self._others():
            shares["shipping"] -= Fraction(one.shipping, order.shipping or 1)
            for part in one.lines:
                line = lines[part.line]
                shares[part.line] -= (
                    Fraction(part.amount, line.amount)
                    if line.amount
                    else Fraction(part.quantity, line.quantity)
                )
        return {name: max(share, Fraction(0)) for name, share in shares.items()}

    def shares_of_tender(self, tender: TenderView) -> tuple[Fraction, Fraction]:
        """Return which share of a tender went back before this, and with this."""
        after = tender.returned - sum(
            part.amount
            for one in self._others()
            for part in one.tenders
            if part.tender == tender.n
        )
        if self.returned is None:
            return Fraction(after, tender.amount), Fraction(1)
        own = sum(
            part.amount for part in self.returned.tenders if part.tender == tender.n
        )
        return Fraction(after - own, tender.amount), Fraction(after, tender.amount)

    def _others(self) -> list[ReturnView]:
        """Return the withheld returns that the order knows of, but for this one."""
        own = None if self.returned is None else self.returned.id
        return [
            one
            for one in self.withheld
            if one.n <= self.order.returns and one.id != own
        ]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be taken back of one award."""

    decision: UUID
    award: AwardView
    """As it stands before."""
    points: int


class Reckoning:
    """The decisions of a batch, what they count, and what is due of them so far."""

    def __init__(
        self,
        *,
        decisions: Sequence[DecisionView],
        current: Mapping[UUID, UUID],
        documents: Mapping[int, Document],
        grants: Mapping[CounterKey, Sequence[Grant]],
        used: Mapping[CounterKey, Used],
        zone: ZoneInfo,
    ) -> None:
        """Take all that is read: `current` is each order's decision that stands.

        `documents` are by version; `grants` and `used` are of all that is counted.
        """
        self.decisions = {one.id: one for one in decisions}
        self.current = current
        self.documents = documents
        self.grants = grants
        self.used = dict(used)
        self.zone = zone

    def reckon(self, back: Back, purchase: Purchase) -> list[Due]:
        """Return what is due for what came back; it counts for the next one."""
        identity = self.current.get(back.order.id)
        if identity is None:
            return []
        due = [
            *self._shares(back, self.decisions[identity], purchase),
            *self._stamps(back, self.decisions[identity], purchase),
        ]
        return [self._take(decision, n, points) for decision, n, points in due]

    def _shares(
        self, back: Back, decision: DecisionView, purchase: Purchase
    ) -> list[tuple[UUID, int, int]]:
        """Return what awards for this order give back themselves."""
        views = [one for one in decision.awards if one.award.kind != ACHIEVE]
        if back.returned is None:
            left = [(one.n, one.award.points - one.taken) for one in views]
        else:
            answers = self._taken(back, decision, purchase, views)
            left = [
                (one.n, answer.points)
                for one, answer in zip(views, answers, strict=True)
            ]
        return [(decision.id, n, points) for n, points in left if points]

    def _taken(
        self,
        back: Back,
        decision: DecisionView,
        purchase: Purchase,
        views: Sequence[AwardView],
    ) -> tuple[Taken, ...]:
        awards = [one.award for one in views]
        taken: dict[AwardKey, int] = {key_of(one.award): one.taken for one in views}
        ruleset = self._ruleset(decision)
        shares = back.shares
        if ruleset.returns == "share" or decision.inputs is None:
            return take_back(awards=awards, returned=shares, taken=taken)
        told = as_decided(purchase=purchase, inputs=decision.inputs)
        anew = decide(
            ruleset=ruleset,
            purchase=keep(purchase=told, returned=shares),
            zone=self.zone,
            used=dict(decision.inputs.used),
        )
        return take_back_anew(awards=awards, decision=anew, taken=taken)

    def _stamps(
        self, back: Back, decision: DecisionView, purchase: Purchase
    ) -> list[tuple[UUID, int, int]]:
        """Return what awards of achievements go because this counts no longer.

        See Note [A stamp that comes off its card].
        """
        counting = {use.counter.rule: use for use in decision.uses if use.counted}
        if not counting:
            return []
        ruleset = self._ruleset(decision)
        kept = dict.fromkeys(counting, 0)
        if back.returned is not None:
            kept = still_counted(
                ruleset=ruleset,
                kept=keep(purchase=purchase, returned=back.shares),
                zone=self.zone,
                rules=set(counting),
            )
        earns = {rule.id: rule.earn for rule in ruleset.rules}
        due = []
        for rule, use in counting.items():
            less = use.counted - kept.get(rule, 0)
            earn = earns.get(rule)
            if less <= 0 or not isinstance(earn, Achieve):
                continue
            key = counter_key(decision.member, use.counter)
            lost = undone(earn=earn, used=self.used[key], less=less)
            self._uncount(decision.id, key, use, less)
            due += self._last_grants(key, earn, lost)
        return due

    def _uncount(self, identity: UUID, key: CounterKey, use: Use, less: int) -> None:
        used, decision = self.used[key], self.decisions[identity]
        self.used[key] = replace(used, counted=max(used.counted - less, 0))
        uses = tuple(
            replace(one, counted=one.counted - less) if one is use else one
            for one in decision.uses
        )
        self.decisions[identity] = replace(decision, uses=uses)

    def _last_grants(
        self, key: CounterKey, earn: Achieve, lost: int
    ) -> list[tuple[UUID, int, int]]:
        """Return what to take of the last awards, for a target that is not reached."""
        due = []
        for grant in self.grants.get(key, ()):
            if not lost:
                break
            view = self._award(grant.decision, grant.n)
            left = view.award.points - view.taken
            if not left:
                continue
            # Once, or several times at once; a cap may have let a part of it through.
            times = -(-view.award.asked * left // (view.award.points * earn.points))
            undo = min(lost, times)
            lost -= undo
            due.append((grant.decision, grant.n, left * undo // times))
        return [one for one in due if one[2]]

    def _ruleset(self, decision: DecisionView) -> Ruleset:
        if decision.version is None:
            return EMPTY.earning
        return self.documents[decision.version].earning

    def _award(self, decision: UUID, n: int) -> AwardView:
        return self.decisions[decision].awards[n - 1]

    def _take(self, identity: UUID, n: int, points: int) -> Due:
        """Take points of an award, and let its rule count so many less for its caps."""
        decision, before = self.decisions[identity], self._award(identity, n)
        awards = tuple(
            replace(one, taken=one.taken + points) if one.n == n else one
            for one in decision.awards
        )
        rule = before.award.rule
        gone = all(
            one.taken == one.award.points for one in awards if one.award.rule == rule
        )
        uses = []
        for use in decision.uses:
            if use.counter.rule == rule and use.points:
                use = self._use_less(decision.member, use, points, gone=gone)  # noqa: PLW2901
            uses.append(use)
        self.decisions[identity] = replace(decision, awards=awards, uses=tuple(uses))
        return Due(decision=identity, award=before, points=points)

    def _use_less(self, member: UUID, use: Use, points: int, *, gone: bool) -> Use:
        key = counter_key(member, use.counter)
        used, less = self.used[key], min(use.points, points)
        times = use.times if gone else 0
        self.used[key] = replace(
            used,
            points=max(used.points - less, 0),
            times=max(used.times - times, 0),
        )
        return replace(use, points=use.points - less, times=use.times - times)
