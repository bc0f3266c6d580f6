"""Judge orders and activities by the rules in force, and grant what they earn.

In two steps around the one post of a transaction: `plan_awards` locks, reads, decides
and adds the earns; `keep_awards` writes the decisions with the entries that came of
them. What is decided counts for the next one of the same batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.deciding import decide, needed_counters
from punchcard.earning.decisions import Award, Decision, Inputs, Use
from punchcard.earning.operations import (
    CounterKey,
    NewAward,
    NewDecision,
    keep_decisions,
    lock_counters,
    write_counters,
)
from punchcard.earning.purchases import Counter, Purchase, Used
from punchcard.earning.queries import AwardView, DecisionView
from punchcard.journeys.configuration.in_force import InForce, in_force
from punchcard.journeys.open_member_accounts import HOLDER_KIND, open_member_accounts
from punchcard.kernel.audit import Author
from punchcard.kernel.ids import new_id, typed
from punchcard.ledger.commands import Earn
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import find_accounts
from punchcard.members.queries import lock_members
from punchcard.orders.queries import ActivityView, OrderView
from punchcard.programs.queries import ProgramView, WalletView, list_wallets

from .posting import Posting
from .purchases import Case, read_purchases

_KEY_REST = len("earn:order:")
_KEY_MAX = 200
NO_WALLET = "wallet_not_found"

GroupName = tuple[UUID, str | None]
"""Awards of one account with one validity are one lot, and one entry."""


class Judged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something to judge, and by what."""

    subject: OrderView | ActivityView
    force: InForce


class Granting(msgspec.Struct, frozen=True, kw_only=True):
    """When what is granted can be spent, where that is said beside the rules.

    Durations are ISO 8601 text; None is the wallet's own.
    """

    pending: str | None = None
    validity: str | None = None
    """Of rules that say none."""


AS_WALLETS_SAY = Granting()


class Planned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was decided, and where its earns wait in the post."""

    judged: Judged
    decision: Decision
    inputs: Inputs | None
    accounts: tuple[UUID | None, ...]
    """Of each award; None: there is no such wallet."""
    places: Mapping[GroupName, int]


class Plans(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of a batch, and what its counters had counted before."""

    planned: tuple[Planned, ...]
    counted: Mapping[CounterKey, Used]


class Kept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A decision as it is kept, and the entries that came of it."""

    decision: DecisionView
    entries: tuple[Entry, ...]
    all_replayed: bool
    """Whether the ledger knew all of them before, under the same keys."""


def award(
    *,
    program: ProgramView,
    judged: Sequence[Judged],
    author: Author | None,
    now: datetime,
) -> dict[UUID, Kept]:
    """Judge, grant and keep, with a post that has nothing else in it; by subject.

    Raises:
        TransactionError: no transaction is open.
    """
    if not judged:
        return {}
    posting = Posting()
    plans = plan_awards(
        program=program,
        judged=judged,
        posting=posting,
        actor=actor_of(author),
        now=now,
    )
    posting.post(now=now)
    return keep_awards(program=program, plans=plans, posting=posting, now=now)


def judge_by_rules_of_then(
    *, program: ProgramView, orders: Sequence[OrderView]
) -> list[Judged]:
    """Return orders, each with what was in force when it happened."""
    instants = {order.occurred_at for order in orders}
    forces = in_force(program=program.id, instants=instants) if orders else {}
    return [Judged(subject=order, force=forces[order.occurred_at]) for order in orders]


def actor_of(author: Author | None) -> str:
    """Return who the ledger's entries are by."""
    return "system" if author is None else author.actor


def plan_awards(
    *,
    program: ProgramView,
    judged: Sequence[Judged],
    posting: Posting,
    actor: str,
    now: datetime,
    granting: Granting = AS_WALLETS_SAY,
) -> Plans:
    """Lock the members, decide one after the other, add the earns to the post.

    Raises:
        TransactionError: no transaction is open.
    """
    members = lock_members(
        program=program.id, members=sorted({one.subject.member for one in judged})
    )
    cases = [
        Case(subject=one.subject, ruleset=one.force.document.earning) for one in judged
    ]
    purchases = read_purchases(program=program, cases=cases, members=members)
    zone = ZoneInfo(program.time_zone)
    needed = [
        [
            counter_key(case.subject.member, counter)
            for counter in needed_counters(
                ruleset=case.ruleset, purchase=purchase, zone=zone
            )
        ]
        for case, purchase in zip(cases, purchases, strict=True)
    ]
    counted = lock_counters(
        program=program.id, wanted=list(dict.fromkeys(chain.from_iterable(needed)))
    )
    used = dict(counted)
    decided = []
    for one, purchase, keys in zip(judged, purchases, needed, strict=True):
        before = {key[1]: used[key] for key in keys}
        decision = decide(
            ruleset=one.force.document.earning,
            purchase=purchase,
            zone=zone,
            used=before,
        )
        count_on(used, one.subject, decision.uses)
        decided.append((one, decision, _inputs(one, purchase, before)))
    accounts = _Accounts(program, [(one, dec) for one, dec, _ in decided], now)
    return Plans(
        planned=tuple(
            _plan(one, decision, inputs, accounts, posting, (actor, granting))
            for one, decision, inputs in decided
        ),
        counted=counted,
    )


def keep_awards(
    *, program: ProgramView, plans: Plans, posting: Posting, now: datetime
) -> dict[UUID, Kept]:
    """Write what was decided with the entries that it has; return it by subject.

    A rule whose points the ledger refused counts nothing.

    Raises:
        TransactionError: no transaction is open.
    """
    kept = [_keep(one, posting) for one in plans.planned]
    keep_decisions(
        program=program.id, decisions=[one.decision for one in kept], now=now
    )
    used = dict(plans.counted)
    for planned, one in zip(plans.planned, kept, strict=True):
        count_on(used, planned.judged.subject, one.decision.uses)
    write_counters(
        program=program.id,
        counters={
            key: after for key, after in used.items() if after != plans.counted[key]
        },
    )
    return {
        planned.judged.subject.id: Kept(
            decision=_view(program, one.decision, now),
            entries=one.entries,
            all_replayed=one.all_replayed,
        )
        for planned, one in zip(plans.planned, kept, strict=True)
    }


def counter_key(member: UUID, counter: Counter) -> CounterKey:
    """Return whose counter it is: the member's, or, of a budget, everybody's."""
    return (None if counter.per == "budget" else member, counter)


def count_on(
    used: dict[CounterKey, Used],
    subject: OrderView | ActivityView,
    uses: Sequence[Use],
) -> None:
    """Add what was decided of something to what was counted before."""
    for use in uses:
        key = counter_key(subject.member, use.counter)
        before = used[key]
        last = before.last_at
        if use.times:
            last = max(last or subject.occurred_at, subject.occurred_at)
        used[key] = Used(
            points=before.points + use.points,
            times=before.times + use.times,
            counted=before.counted + use.counted,
            last_at=last,
        )


def _inputs(
    judged: Judged, purchase: Purchase, used: Mapping[Counter, Used]
) -> Inputs | None:
    """Return what is kept of the member: nothing, unless returns are judged anew."""
    if judged.force.document.earning.returns != "reevaluate":
        return None
    return Inputs(
        level=purchase.level,
        is_first=purchase.is_first,
        born_on=purchase.born_on,
        facts=dict(purchase.facts),
        used=tuple(used.items()),
    )


class _Accounts:
    """The accounts that a batch earns on: opened where they are not there yet."""

    def __init__(
        self,
        program: ProgramView,
        decided: Sequence[tuple[Judged, Decision]],
        now: datetime,
    ) -> None:
        wallets = list_wallets(program=program.id)
        self.wallets: dict[str | None, WalletView] = {one.code: one for one in wallets}
        if wallets:
            self.wallets[None] = wallets[0]
        earning: defaultdict[UUID, set[UUID]] = defaultdict(set)
        for judged, decision in decided:
            for award in decision.awards:
                if award.wallet in self.wallets:
                    wallet = self.wallets[award.wallet].id
                    earning[wallet].add(judged.subject.member)
        self.open = {
            wallet.id: _opened(wallet, sorted(earning[wallet.id]), now)
            for wallet in wallets
            if wallet.id in earning
        }

    def of(self, award: Award, member: UUID) -> UUID | None:
        """Return the account that an award goes to; None: there is no such wallet."""
        wallet = self.wallets.get(award.wallet)
        return None if wallet is None else self.open[wallet.id][member]


def _opened(
    wallet: WalletView, members: Sequence[UUID], now: datetime
) -> dict[UUID, UUID]:
    # Hardly any member earns for the first time: it is cheaper to look first.
    known = find_accounts(wallet=wallet.id, holder_kind=HOLDER_KIND, holders=members)
    missing = [member for member in members if member not in known]
    if not missing:
        return known
    opened = open_member_accounts(wallets=[wallet], members=missing, now=now)
    return known | opened[wallet.id]


def _plan(
    judged: Judged,
    decision: Decision,
    inputs: Inputs | None,
    accounts: _Accounts,
    posting: Posting,
    by: tuple[str, Granting],
) -> Planned:
    subject = judged.subject
    going = tuple(accounts.of(award, subject.member) for award in decision.awards)
    groups: defaultdict[GroupName, list[Award]] = defaultdict(list)
    for account, award in zip(going, decision.awards, strict=True):
        if account is not None:
            groups[account, award.validity].append(award)
    return Planned(
        judged=judged,
        decision=decision,
        inputs=inputs,
        accounts=going,
        places={
            name: posting.add(_earn(subject, name, awards, *by))
            for name, awards in groups.items()
        },
    )


def _earn(
    subject: OrderView | ActivityView,
    name: GroupName,
    awards: Sequence[Award],
    actor: str,
    granting: Granting,
) -> Earn:
    account, validity = name
    points = sum(award.points for award in awards)
    rules: dict[str, object] = {
        "rules": sorted(
            {award.of or award.rule for award in awards}
            | {award.rule for award in awards}
        )
    }
    if isinstance(subject, OrderView):
        return Earn(
            account=account,
            points=points,
            reference_type="order",
            reference_id=subject.external_id,
            key=_key_of_order(subject, validity),
            at=subject.paid_at,
            pending=granting.pending,
            validity=validity or granting.validity,
            actor=actor,
            metadata={"order_amount": subject.total, **rules},
        )
    ending = "" if validity is None else f":{validity}"
    return Earn(
        account=account,
        points=points,
        source="bonus",
        reference_type="activity",
        reference_id=subject.external_id,
        key=f"earn:{typed('act', subject.id)}{ending}",
        at=subject.occurred_at,
        validity=validity,
        actor=actor,
        metadata=rules,
    )


def _key_of_order(order: OrderView, validity: str | None) -> str | None:
    """Return the key of an order's earn; None is the ledger's own, of the reference.

    That one a caller gives too who earns for an order by hand: then it is once.
    """
    plain = order.times_paid == 1 and validity is None
    if plain and len(order.external_id) + _KEY_REST <= _KEY_MAX:
        return None
    ending = "" if validity is None else f":{validity}"
    return f"earn:{typed('ord', order.id)}:{order.times_paid}{ending}"


class _Written(NamedTuple):
    decision: NewDecision
    entries: tuple[Entry, ...]
    all_replayed: bool


def _keep(planned: Planned, posting: Posting) -> _Written:
    subject = planned.judged.subject
    awards, entries, all_replayed = [], {}, True
    for account, award in zip(planned.accounts, planned.decision.awards, strict=True):
        if account is None:
            awards.append(NewAward(award=award, refusal=NO_WALLET))
            continue
        outcome = posting.outcome(planned.places[account, award.validity])
        entry = outcome.entry if outcome.applied else None
        if entry is None:
            awards.append(NewAward(award=award, refusal=outcome.code))
            continue
        entries[account, entry.sequence] = entry
        all_replayed = all_replayed and outcome.replayed
        awards.append(NewAward(award=award, account=account, sequence=entry.sequence))
    granted = {new.award.rule for new in awards if new.refusal is None}
    new = NewDecision(
        id=new_id(),
        member=subject.member,
        order=subject.id if isinstance(subject, OrderView) else None,
        activity=None if isinstance(subject, OrderView) else subject.id,
        payment=subject.times_paid if isinstance(subject, OrderView) else 1,
        version=planned.judged.force.version,
        occurred_at=subject.occurred_at,
        awards=tuple(awards),
        looked_at=planned.decision.looked_at,
        uses=tuple(
            use
            for use in planned.decision.uses
            if not use.points or use.counter.rule in granted
        ),
        inputs=planned.inputs,
    )
    return _Written(new, tuple(entries.values()), all_replayed)


def _view(program: ProgramView, new: NewDecision, now: datetime) -> DecisionView:
    return DecisionView(
        id=new.id,
        program=program.id,
        member=new.member,
        order=new.order,
        activity=new.activity,
        payment=new.payment,
        version=new.version,
        occurred_at=new.occurred_at,
        decided_at=now,
        points=sum(one.award.points for one in new.awards),
        looked_at=new.looked_at,
        uses=new.uses,
        inputs=new.inputs,
        awards=tuple(
            AwardView(
                n=n,
                award=one.award,
                account=one.account,
                sequence=one.sequence,
                refusal=one.refusal,
            )
            for n, one in enumerate(new.awards, 1)
        ),
    )
