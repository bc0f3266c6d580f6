"""What rules are told of an order or an activity, and of the member.

Note [One purchase is the first]: orders come late, and in any order. If the first one
were the earliest of those that are known, each that comes later and is earlier would be
it too. So it is the first that is judged: while the member is locked, all paid orders
were judged but those of the batch whose turn is still to come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from punchcard.earning.deciding import needed_facts
from punchcard.earning.documents import Ruleset
from punchcard.earning.purchases import Purchase, PurchasedLine
from punchcard.members.queries import MemberView
from punchcard.orders.queries import (
    ActivityView,
    Facts,
    FactsWanted,
    LineView,
    OrderView,
    read_facts,
)
from punchcard.programs.queries import ProgramView, find_places

_WINDOWS: Mapping[str, timedelta | None] = {
    "member.orders": None,
    "member.spent": None,
    "member.last_order_at": None,
    "member.orders_30d": timedelta(days=30),
    "member.spent_30d": timedelta(days=30),
    "member.orders_365d": timedelta(days=365),
    "member.spent_365d": timedelta(days=365),
}
"""In which a member's orders are counted for a fact; None: since ever."""
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)

Windows: TypeAlias = Mapping[timedelta | None, Facts]


class Known(NamedTuple):
    """What is known of a member's orders: as much as some rule looks at."""

    before: Windows
    """Those before a case, by window."""
    all: Facts | None


class _Told(NamedTuple):
    """What a purchase says of the member."""

    is_first: bool = False
    born_on: date | None = None
    facts: Mapping[str, Any] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order or an activity that is judged by some rules."""

    subject: OrderView | ActivityView
    ruleset: Ruleset


def read_purchases(
    *,
    program: ProgramView,
    cases: Sequence[Case],
    members: Mapping[UUID, MemberView],
) -> list[Purchase]:
    """Return what the rules of each case are told; two statements.

    Facts are of before the order, or the activity, as orders stand now: read them when
    the members are locked.
    """
    places = place_codes(program=program.id, of=[case.subject for case in cases])
    known_of = _read_known(program, cases)
    to_come = Counter(
        case.subject.member for case in cases if isinstance(case.subject, OrderView)
    )
    found = []
    for case, known in zip(cases, known_of, strict=True):
        subject = case.subject
        told = _told(members[subject.member], known)
        if isinstance(subject, OrderView):
            # See Note [One purchase is the first].
            left = to_come[subject.member]
            to_come[subject.member] -= 1
            is_first = known.all is not None and known.all.bought == left
            found.append(_of_order(subject, places, told._replace(is_first=is_first)))
        else:
            found.append(_of_activity(subject, places, told))
    return found


def bare_purchase(*, order: OrderView, places: Mapping[UUID, str]) -> Purchase:
    """Return what an order says by itself, without what is known of the member."""
    return _of_order(order, places, _Told())


def _of_order(order: OrderView, places: Mapping[UUID, str], told: _Told) -> Purchase:
    return Purchase(
        occurred_at=order.occurred_at,
        currency=order.currency,
        channel=order.channel or "",
        place="" if order.place is None else places[order.place],
        lines=tuple([_line(line) for line in order.lines]),
        tax_included=order.tax_included,
        shipping=order.shipping,
        not_money=order.not_money,
        is_first=told.is_first,
        born_on=told.born_on,
        facts=told.facts,
    )


def place_codes(
    *, program: UUID, of: Sequence[OrderView | ActivityView]
) -> dict[UUID, str]:
    """Return the codes of the places where something was; one statement."""
    ids = {one.place for one in of if one.place is not None}
    if not ids:
        return {}
    return {place.id: place.code for place in find_places(program=program, ids=ids)}


def _line(line: LineView) -> PurchasedLine:
    return PurchasedLine(
        n=line.n,
        sku=line.sku or "",
        category=line.category or "",
        brand=line.brand or "",
        quantity=line.quantity,
        gross=line.quantity * line.unit_price,
        discount=line.discount + line.shared_discount,
        tax=line.tax,
    )


def _of_activity(
    activity: ActivityView, places: Mapping[UUID, str], told: _Told
) -> Purchase:
    return Purchase(
        occurred_at=activity.occurred_at,
        trigger=f"activity:{activity.type}",
        place="" if activity.place is None else places[activity.place],
        born_on=told.born_on,
        facts={"activity.data": activity.facts, **told.facts},
    )


def _told(member: MemberView, known: Known) -> _Told:
    person = member.person
    facts: dict[str, Any] = {
        "member.tags": list(person.tags),
        "member.attributes": person.attributes,
        "member.enrolled_at": member.created_at,
    }
    for name, window in _WINDOWS.items():
        if window in known.before:
            counted = known.before[window]
            if name == "member.last_order_at":
                if counted.last_at is not None:
                    facts[name] = counted.last_at
            else:
                facts[name] = (
                    counted.spent if name.startswith("member.spent") else counted.orders
                )
    return _Told(born_on=person.birth_date, facts=facts)


def _read_known(program: ProgramView, cases: Sequence[Case]) -> list[Known]:
    """Return what is known for each case; one statement where rules look at any."""
    asked = [_asked(case.ruleset) for case in cases]
    wanted: list[FactsWanted] = []
    for case, (windows, all_) in zip(cases, asked, strict=True):
        wanted += _wanted(program, case.subject, windows, all_=all_)
    facts = iter(read_facts(program=program.id, wanted=wanted))
    return [
        Known(
            before={window: next(facts) for window in windows},
            all=next(facts) if all_ else None,
        )
        for windows, all_ in asked
    ]


def _asked(ruleset: Ruleset) -> tuple[Sequence[timedelta | None], bool]:
    """Return in which windows rules look at orders, and whether at all of them."""
    names = needed_facts(ruleset=ruleset)
    windows = dict.fromkeys(_WINDOWS[name] for name in _WINDOWS if name in names)
    return list(windows), "order.is_first" in names


def _wanted(
    program: ProgramView,
    subject: OrderView | ActivityView,
    windows: Sequence[timedelta | None],
    *,
    all_: bool,
) -> list[FactsWanted]:
    """Return what is asked about a subject's member, as `Known` has it."""
    at = subject.occurred_at
    wanted = [
        FactsWanted(
            member=subject.member,
            currency=program.currency,
            before=at,
            order=subject.id if isinstance(subject, OrderView) else None,
            since=None if window is None else at - window,
        )
        for window in windows
    ]
    if all_:
        every = FactsWanted(
            member=subject.member, currency=program.currency, before=_END_OF_TIME
        )
        wanted.append(every)
    return wanted
