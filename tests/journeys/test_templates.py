"""Templates: each is applied as it is, and earns what it says."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from punchcard.earning.deciding import decide
from punchcard.earning.documents import Ruleset
from punchcard.earning.purchases import Counter, Purchase, PurchasedLine, Used
from punchcard.earning.rules.facts import FACTS
from punchcard.journeys.configuration.apply_configuration import apply_configuration
from punchcard.journeys.configuration.exporting import export_configuration, lean
from punchcard.journeys.configuration.in_force import in_force
from punchcard.journeys.configuration.templates import find_template, list_templates
from punchcard.journeys.configuration.texts import read_text, write_yaml
from punchcard.journeys.create_program import create_program
from punchcard.kernel.audit import Author
from punchcard.programs.queries import list_wallets

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 10, 11, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 14, 11, tzinfo=UTC)
FLASH = datetime(2026, 11, 27, 11, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
NAMES = ["airline-miles", "cafe-stamp-card", "marketplace", "retailer"]


@pytest.fixture
def program() -> UUID:
    return create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="test",
        currency="EUR",
        now=NOW,
    ).program.id


def put(program: UUID, text: str) -> bool:
    return apply_configuration(
        program=program,
        document=read_text(text),
        author=Author(actor="console", program=program),
        now=NOW,
    ).created


def applied(program: UUID, name: str) -> Ruleset:
    text = find_template(name=name)
    assert text is not None
    assert put(program, text)
    return in_force(program=program, instants=[NOW])[NOW].document.earning


def cart(*lines: tuple[str, int], at: datetime = TUESDAY, **said: Any) -> Purchase:
    """Return a purchase of lines (category, price)."""
    bought = tuple(
        PurchasedLine(n=n, category=category, gross=gross, **said.pop("line", {}))
        for n, (category, gross) in enumerate(lines, 1)
    )
    return Purchase(occurred_at=at, lines=bought, **said)


def earned(
    rules: Ruleset, purchase: Purchase, used: Mapping[Counter, Used] | None = None
) -> dict[str, int]:
    decision = decide(ruleset=rules, purchase=purchase, zone=PARIS, used=used or {})
    points: dict[str, int] = {}
    for award in decision.awards:
        points[award.rule] = points.get(award.rule, 0) + award.points
    return points


def test_there_are_four_and_each_says_what_for() -> None:
    assert list(list_templates()) == NAMES
    assert all(summary.startswith("A") for summary in list_templates().values())
    assert find_template(name="bank") is None
    assert find_template(name="../templates") is None


@pytest.mark.parametrize("name", NAMES)
def test_each_is_applied_as_it_is_once(program: UUID, name: str) -> None:
    rules = applied(program, name)
    assert rules.rules
    assert not put(program, find_template(name=name) or "")
    exported = export_configuration(program=program, at=NOW).document
    assert not put(program, write_yaml(lean(exported)))


def test_the_tenth_coffee_is_free(program: UUID) -> None:
    rules = applied(program, "cafe-stamp-card")
    stamps = Counter(rule="stamp-card", per="ever")
    coffee, cake = ("coffee", 300), ("cake", 450)
    for before, bought, points in (
        (0, cart(coffee), {}),
        (8, cart(coffee, cake), {}),
        (9, cart(coffee, cake), {"stamp-card": 1}),
        (9, cart(cake), {}),
        (18, cart(coffee, coffee), {"stamp-card": 1}),
    ):
        assert earned(rules, bought, {stamps: Used(counted=before)}) == points
    birthday = cart(cake, born_on=date(1990, 3, 10))
    assert earned(rules, birthday) == {"birthday": 1}
    welcome = Purchase(occurred_at=TUESDAY, trigger="activity:sign_up")
    assert earned(rules, welcome) == {"welcome": 1}
    (wallet,) = list_wallets(program=program)
    assert (wallet.name, wallet.validity) == ("Free coffees", "P6M/month")


def test_the_retailer_s_points(program: UUID) -> None:
    rules = applied(program, "retailer")
    shirt, card = ("clothes", 4999), ("gift-cards", 5000)
    assert earned(rules, cart(shirt, card)) == {"base": 49}
    assert earned(rules, cart(shirt, not_money=1000)) == {"base": 39}
    assert earned(rules, cart(shirt, at=SATURDAY)) == {"base": 49, "saturday": 50}
    both = earned(rules, cart(("clothes", 10_000), at=SATURDAY, level="gold"))
    assert both == {"base": 100, "gold": 50, "saturday": 100}
    assert earned(rules, cart(shirt, is_first=True)) == {"base": 49, "first": 100}
    assert earned(rules, cart(("clothes", 1999), is_first=True)) == {"base": 19}
    assert earned(rules, cart(("clothes", 50_000))) == {"base": 500, "loyal": 250}
    review = Purchase(occurred_at=TUESDAY, trigger="activity:review")
    assert earned(rules, review) == {"review": 20}


def test_the_airline_s_miles_and_credits(program: UUID) -> None:
    rules = applied(program, "airline-miles")
    taxed = {"tax": 2000}
    fare = cart(("economy", 12_000), line=taxed)
    assert earned(rules, fare) == {"fare": 500, "credits": 20}
    fare = cart(("business", 12_000), line=taxed, level="gold")
    assert earned(rules, fare) == {
        "fare": 500,
        "business": 500,
        "gold": 500,
        "credits": 20,
    }
    wallets = [wallet.code for wallet in list_wallets(program=program)]
    assert wallets == ["miles", "points", "status"]
    document = export_configuration(program=program, at=NOW).document
    assert document.wallets[0].code == "miles", "where rules without a wallet grant"
    (flights,) = (rule for rule in rules.rules if rule.id == "credits")
    assert flights.wallet == "status"


def test_the_marketplace_s_points(program: UUID) -> None:
    rules = applied(program, "marketplace")
    shoes = ("shoes", 8000)
    assert earned(rules, cart(shoes)) == {"base": 40}
    acme = cart(shoes, line={"brand": "acme", "quantity": 3}, channel="app")
    assert earned(rules, acme) == {"base": 40, "seller-acme": 15, "app": 50}
    assert earned(rules, cart(shoes, at=FLASH, channel="app")) == {"flash": 320}
    facts = dict.fromkeys((n for n, kind in FACTS.items() if kind == "int"), 0)
    lapsing = cart(shoes, facts=facts | {"member.orders": 3})
    assert earned(rules, lapsing) == {"base": 40, "regulars": 25}
    assert rules.returns == "reevaluate"
