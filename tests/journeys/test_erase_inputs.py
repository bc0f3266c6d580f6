"""What a re-evaluation knows of a member goes with the member."""

from __future__ import annotations

from punchcard.earning.queries import find_decisions
from punchcard.journeys.erase_member import erase_member
from punchcard.kernel.audit import CONSOLE, Author
from tests.builders import rows
from tests.journeys.store import PER_EURO, a_store


def test_an_erased_member_is_in_no_decision() -> None:
    store = a_store()
    store.configure(
        {"earn": PER_EURO, "when": "member.orders == 0"}, returns="reevaluate"
    )
    order = store.bought("o-1", "2x500")
    assert order.order is not None
    (kept,) = find_decisions(program=store.program, orders=[order.order.id])[
        order.order.id
    ]
    assert kept.inputs is not None
    assert "member.enrolled_at" in kept.inputs.facts
    author = Author(actor=CONSOLE, program=store.program)
    for _ in range(2):
        erase_member(
            program=store.program,
            member=store.members["anna"],
            author=author,
            now=store.now,
        )
    found = rows(
        "SELECT inputs, points FROM earning_decision WHERE program_id = %s",
        (store.program,),
    )
    assert found == [(None, 10)]
    back = store.brought_back(order, "r-1", "1x1")
    assert [one.points for one in back.taken] == [5]
