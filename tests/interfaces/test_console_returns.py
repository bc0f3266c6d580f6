"""`punchcard import returns`, as somebody types it: after the orders, years of them."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

from tests.interfaces.test_console import Console, console
from tests.journeys.wholesaler import files
from tests.oracles.returns_replay import PURCHASE, read, replay

__all__ = ["console"]


def held(console: Console, program: str) -> dict[str, int]:
    listed = console.run("balances", "--csv", "--program", program).out
    return {
        row["member"]: int(row["available"])
        for row in csv.DictReader(listed.splitlines())
    }


def test_what_came_back_of_imported_orders_is_taken_back(
    console: Console, tmp_path: Path
) -> None:
    events = list(read(*files("made", tmp_path)))
    oracle = replay(events, Fraction(1))
    program = console.program("wholesaler")
    bought, returned = console.folder / "bought.csv", console.folder / "returned.csv"
    unknown = {event.id for event in oracle.unknown}
    with bought.open("w") as orders, returned.open("w") as returns:
        orders.write("external_id,occurred_at,member,amount_minor,currency\n")
        returns.write("external_id,order,occurred_at,amount\n")
        for event in events:
            if event.kind == PURCHASE:
                said = event.at.isoformat(), event.member, event.amount_minor, "USD"
                orders.write(",".join(map(str, (event.id, *said))) + "\n")
            else:
                of = event.purchase or "long-ago"
                said = event.id, of, event.at.isoformat(), event.amount_minor
                returns.write(",".join(map(str, said)) + "\n")
    console.run("import", "orders", bought, *program, "--points-per-unit", "1")
    words = ("import", "returns", returned, *program)
    done = console.run(*words, code=3)
    known = sum(1 for event in events if event.kind != PURCHASE) - len(unknown)
    assert f"{known} applied, 0 new members" in done.out
    assert f"{len(unknown)} broken" in done.out
    with Path(f"{returned}.errors.csv").open() as file:
        faults = list(csv.DictReader(file))
    assert [(row["column"], row["value"]) for row in faults] == (
        [("order", "long-ago")] * len(unknown)
    )
    balances = held(console, "wholesaler")
    assert balances == dict(oracle.balances)
    again = console.run(*words, code=3)
    assert f"{known} known already" in again.out
    assert again.out.endswith("Nothing changed.\n")
    assert held(console, "wholesaler") == balances
