"""What is kept of awards, and of a purchase, when parts of it have come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from punchcard.earning.decisions import Award
from punchcard.earning.purchases import PartOf, Purchase, PurchasedLine
from punchcard.earning.rules.formula import (
    Formula,
    exact,
    parts_of,
    scaled,
    work_out,
)

_NONE = Fraction(0)
_ALL = Fraction(1)


def kept_points(
    awards: Sequence[Award], returned: Mapping[PartOf, Fraction]
) -> list[int]:
    """Return the points that each award keeps for what was kept."""
    named = {part.line for award in awards for part in award.parts} | set(returned)
    lines = named - {"shipping", None}
    back = all(returned.get(line, _NONE) >= _ALL for line in lines)
    # What is of no line comes back with the last one.
    rest = _ALL if back and lines else _NONE
    whole = {"shipping": rest, None: rest, **returned}
    return [_kept(award, whole) for award in awards]


def _kept(award: Award, returned: Mapping[PartOf, Fraction]) -> int:
    shares = [_ALL - min(returned.get(part.line, _NONE), _ALL) for part in award.parts]
    if not any(shares):
        return 0
    full = _worked_out(award, [_ALL] * len(shares))
    part = _worked_out(award, shares)
    if full == award.points:
        return part
    # Cut down by a cap: of what was let through, the same part.
    return award.points * part // full if full else 0


def _worked_out(award: Award, shares: Sequence[Fraction]) -> int:
    formula = Formula(
        rate=parts_of(award.rate),
        per=award.per,
        whole_steps=award.whole_steps,
        mode=award.rounding,
        by_line=award.rounding_per == "line",
    )
    parts = award.parts
    basis = scaled(
        [part.basis * share for part, share in zip(parts, shares, strict=True)]
    )
    after = scaled([exact(part.factor) for part in parts])
    beneath = scaled([exact(part.beneath) for part in parts])
    points = work_out(formula, basis, after).total
    return points - work_out(formula, basis, beneath).total


def taken_in_all(
    *, granted: Sequence[int], kept: Sequence[int], before: Sequence[int]
) -> list[int]:
    """Return what each award has given back in all: never less than before.

    Awards on top of one another are rounded together, so one of them may keep a point
    more for less. What they give back together is right; the last of them make up for
    it.
    """
    wanted = sum(granted) - sum(kept)
    in_all = [
        min(max(most - rest, earlier), most)
        for most, rest, earlier in zip(granted, kept, before, strict=True)
    ]
    difference = min(max(wanted, sum(before)), sum(granted)) - sum(in_all)
    for at in reversed(range(len(in_all))):
        moved = min(max(in_all[at] + difference, before[at]), granted[at])
        difference -= moved - in_all[at]
        in_all[at] = moved
    return in_all


def kept_purchase(purchase: Purchase, returned: Mapping[PartOf, Fraction]) -> Purchase:
    """Return the purchase of what was kept, in whole minor units."""
    lines = tuple(
        _kept_line(line, _ALL - min(returned.get(line.n, _NONE), _ALL))
        for line in purchase.lines
        if returned.get(line.n, _NONE) < _ALL
    )
    default = _NONE if lines else _ALL
    shipping = _ALL - min(returned.get("shipping", default), _ALL)
    left = msgspec.structs.replace(
        purchase,
        lines=lines,
        shipping=int(purchase.shipping * shipping),
        shipping_tax=int(purchase.shipping_tax * shipping),
    )
    cost = _cost(purchase)
    not_money = purchase.not_money * _cost(left) // cost if cost else 0
    return msgspec.structs.replace(left, not_money=not_money)


def _kept_line(line: PurchasedLine, share: Fraction) -> PurchasedLine:
    if share == _ALL:
        return line
    # What the line costs is what was agreed on to come back; the discount follows.
    cost, discount = (line.gross - line.discount) * share, int(line.discount * share)
    return msgspec.structs.replace(
        line,
        quantity=max(int(line.quantity * share), 1),
        gross=int(cost) + discount,
        discount=discount,
        tax=int(line.tax * share),
    )


def _cost(purchase: Purchase) -> int:
    on_top = 0 if purchase.tax_included else 1
    lines = sum(
        line.gross - line.discount + on_top * line.tax for line in purchase.lines
    )
    return lines + purchase.shipping + on_top * purchase.shipping_tax
