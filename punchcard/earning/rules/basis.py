"""What a rule's rate applies to, line by line, in whole minor units or items."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from punchcard.earning.documents import (
    Achieve,
    Fixed,
    PerItem,
    PerSpend,
    Ratio,
    Rule,
)
from punchcard.earning.purchases import PartOf, Purchase, PurchasedLine
from punchcard.earning.rules.formula import Formula, divide, parts_of, scaled
from punchcard.earning.rules.matching import Chosen, Setting
from punchcard.kernel.amounts import spread

_PAID = PerSpend(points=1, per=1, tax="after")
"""What is paid with money, with tax and after discounts."""


class Base(msgspec.Struct, frozen=True, gc=False):
    """A rule's formula, sum of basis x rate / per, and what it applies to."""

    formula: Formula
    basis: dict[PartOf, int]
    """By what it is of."""


def base_of(rule: Rule, chosen: Sequence[Chosen], setting: Setting) -> Base | None:
    """Return the formula of a rule that grants by itself; None: there is no basis."""
    earn = rule.earn
    if isinstance(earn, Fixed):
        return _fixed(rule, earn, chosen, setting)
    if isinstance(earn, PerItem):
        items: dict[PartOf, int] = {
            one.line.n: 1 if one.one_item else one.line.quantity for one in chosen
        }
        return Base(_formula(rule, earn.points), items) if items else None
    if isinstance(earn, PerSpend) and (chosen or rule.lines is None):
        basis = _spent(earn, chosen, setting)
        if basis:
            steps = earn.whole_steps
            return Base(_formula(rule, earn.points, earn.per, steps=steps), basis)
    return None


def once(rule: Rule, points: int, times: int = 1) -> Base:
    """Return what gives points for the whole, so many times."""
    return Base(_formula(rule, points), {None: times})


def _formula(rule: Rule, rate: Ratio, per: int = 1, *, steps: bool = False) -> Formula:
    rounding = rule.rounding
    by_line = rounding.per == "line"
    return Formula(parts_of(rate), per, steps, rounding.mode, by_line)


def counted_in(earn: Achieve, chosen: Sequence[Chosen], setting: Setting) -> int:
    """Return how far a purchase takes a member towards an achievement."""
    if earn.count == "times":
        return 1
    if earn.count == "items":
        return sum(1 if one.one_item else one.line.quantity for one in chosen)
    return sum(_spent(_PAID, chosen, setting).values())


def _fixed(
    rule: Rule, earn: Fixed, chosen: Sequence[Chosen], setting: Setting
) -> Base | None:
    if rule.lines is None:
        if setting.purchase.trigger == "order" and not setting.lines:
            return None
        return once(rule, earn.points)
    if not chosen:
        return None
    # By what the lines cost: a returned line takes its own part along.
    basis: dict[PartOf, int] = {
        one.line.n: _paid(one.line, setting.purchase) for one in chosen
    }
    if not any(basis.values()):
        basis = {one.line.n: one.line.quantity for one in chosen}
    return Base(_formula(rule, earn.points, sum(basis.values())), basis)


def _spent(
    earn: PerSpend, chosen: Sequence[Chosen], setting: Setting
) -> dict[PartOf, int]:
    whole_lines = _of_lines(earn, setting)
    basis: dict[PartOf, int] = {}
    for one in chosen:
        amount = whole_lines[one.line.n]
        basis[one.line.n] = amount // one.line.quantity if one.one_item else amount
    if earn.shipping and setting.purchase.shipping:
        basis["shipping"] = whole_lines["shipping"]
    return basis


def _of_lines(earn: PerSpend, setting: Setting) -> dict[PartOf, int]:
    """Return the basis of every line and of the shipping, before any filter.

    What was not paid with money is spread over all of them, by what they cost: a rule
    for one brand does not profit from the points that paid for another.
    """
    purchase = setting.purchase
    keys: list[PartOf] = [line.n for line in setting.lines]
    paid = [_paid(line, purchase) for line in setting.lines]
    basis = [_wanted(earn, line, purchase) for line in setting.lines]
    on_top = 0 if purchase.tax_included else purchase.shipping_tax
    inside = purchase.shipping_tax - on_top
    keys.append("shipping")
    paid.append(purchase.shipping + on_top)
    before_tax = purchase.shipping - inside
    basis.append(before_tax if earn.tax == "before" else purchase.shipping + on_top)
    if earn.tenders == "money" and purchase.not_money:
        basis = _without(purchase.not_money, paid, basis)
    return dict(zip(keys, basis, strict=True))


def _without(not_money: int, paid: list[int], basis: list[int]) -> list[int]:
    covered = min(not_money, sum(paid))
    parts = spread(total=covered, weights=paid) if covered else [0] * len(paid)
    left = [
        Fraction(amount * (cost - part), cost) if cost else Fraction(amount)
        for amount, cost, part in zip(basis, paid, parts, strict=True)
    ]
    weights = scaled(left)
    return divide(sum(weights.numbers) // weights.over, weights.numbers)


def _paid(line: PurchasedLine, purchase: Purchase) -> int:
    return line.gross - line.discount + (0 if purchase.tax_included else line.tax)


def _wanted(earn: PerSpend, line: PurchasedLine, purchase: Purchase) -> int:
    amount = line.gross - (line.discount if earn.discounts == "after" else 0)
    if purchase.tax_included:
        return max(amount - line.tax, 0) if earn.tax == "before" else amount
    return amount if earn.tax == "before" else amount + line.tax
