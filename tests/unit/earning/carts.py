"""What earning tests are written with: rules from documents, purchases in a line."""

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from punchcard.earning.deciding import decide
from punchcard.earning.documents import Ruleset
from punchcard.earning.purchases import Purchase, PurchasedLine

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 10, 11, tzinfo=UTC)
PER_EURO = {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"}


def ruleset(*rules, **also):
    """Return the document's rules: `{id, earn …}`; ids are r0, r1 … by default."""
    numbered = [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]
    return msgspec.convert({"rules": numbered, **also}, Ruleset)


def per_spend(points=1, per=100, **also):
    return {**PER_EURO, "points": points, "per": per, **also}


def line(n, gross, **also):
    return PurchasedLine(n=n, gross=gross, **{"sku": f"S{n}", **also})


def purchase(*lines, at=NOON, **also):
    """Return a purchase; a number is a line that costs so much."""
    numbered = tuple(
        one if isinstance(one, PurchasedLine) else line(n, one)
        for n, one in enumerate(lines, 1)
    )
    return Purchase(occurred_at=at, lines=numbered, **also)


def decided(rules, cart, used=None, zone=BERLIN):
    return decide(ruleset=rules, purchase=cart, zone=zone, used=used or {})


def points(rules, cart, used=None, zone=BERLIN):
    """Return the points of a decision, which must add up."""
    decision = decided(rules, cart, used, zone)
    for award in decision.awards:
        assert award.points == sum(part.points for part in award.parts)
        assert all(part.points >= 0 for part in award.parts)
    assert decision.points == sum(one.points for one in decision.looked_at)
    return decision.points


def why(rules, cart, used=None, zone=BERLIN):
    """Return the codes of all rules that were looked at, by rule."""
    return {one.rule: one.code for one in decided(rules, cart, used, zone).looked_at}


def shares(**lines):
    """Return returned shares by line: `n1="1/2"`."""
    return {int(name[1:]): Fraction(share) for name, share in lines.items()}
