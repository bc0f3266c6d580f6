"""What is hashed, and what a fingerprint stands for: every column, nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.ledger.commands import Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.encoding import GENESIS, entry_hash, fingerprint
from punchcard.ledger.rules.state import Allocation, Lot

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ONE, OTHER = UUID(int=1), UUID(int=2)
ENTRY = Entry(
    account=ONE,
    sequence=2,
    type="earn",
    source="purchase",
    amount=100,
    available=100,
    balance=100,
    lifetime_after=100,
    key="k",
    fingerprint=b"f" * 16,
    reference_type="order",
    reference_id="7",
    description="Earn",
    effective_at=START,
    recorded_at=START,
)
LOT = Lot(
    sequence=2,
    n=1,
    root=2,
    credited=100,
    validity="P1D",
    available_at=START,
    expires_at=None,
    remaining=100,
    state="open",
)
ALLOCATION = Allocation(sequence=2, n=1, lot_sequence=1, lot_n=1, points=-5)


def hashed(entry=ENTRY, lots=(LOT,), allocations=(ALLOCATION,), previous=GENESIS):
    return entry_hash(previous, entry, lots, allocations)


def another(value):
    """Return another value of the same kind."""
    match value:
        case bytes():
            return value + b"x"
        case str():
            return value + "x"
        case int():
            return value + 1
        case datetime():
            return value + TICK
        case UUID():
            return UUID(int=value.int + 1)
    raise AssertionError(value)


SAMPLES = {
    "relates_to": 1,
    "transfer": ONE,
    "other_account": ONE,
    "other_sequence": 1,
    "referred_member": ONE,
    "available_at": START,
    "expires_at": START,
    "validity": "P1D",
}


@pytest.mark.parametrize("column", [c for c in Entry.__struct_fields__ if c != "hash"])
def test_every_column_of_an_entry_is_hashed(column):
    value = getattr(ENTRY, column)
    sample = SAMPLES[column] if value is None else another(value)
    assert hashed(msgspec.structs.replace(ENTRY, **{column: sample})) != hashed()
    further = msgspec.structs.replace(ENTRY, **{column: another(sample)})
    assert hashed(further) not in (
        hashed(),
        hashed(msgspec.structs.replace(ENTRY, **{column: sample})),
    )


@pytest.mark.parametrize(
    "column",
    ["key", "reference_type", "reference_id", "validity", "fingerprint"],
)
def test_nothing_and_an_empty_text_differ(column):
    empty = b"" if column == "fingerprint" else ""
    none, blank = (
        hashed(msgspec.structs.replace(ENTRY, **{column: value}))
        for value in (None, empty)
    )
    assert none != blank


@pytest.mark.parametrize(
    "column", ["n", "root", "credited", "validity", "available_at"]
)
def test_what_a_lot_was_opened_with_is_hashed(column):
    value = another(getattr(LOT, column))
    assert hashed(lots=[msgspec.structs.replace(LOT, **{column: value})]) != hashed()
    dated = msgspec.structs.replace(LOT, expires_at=START)
    assert hashed(lots=[dated]) != hashed()
    nothing = msgspec.structs.replace(LOT, validity=None)
    blank = msgspec.structs.replace(LOT, validity="")
    assert hashed(lots=[nothing]) != hashed(lots=[blank])


def test_what_is_derived_of_a_lot_is_not_hashed():
    spent = msgspec.structs.replace(LOT, remaining=0, state="spent", lapsed=3)
    assert hashed(lots=[spent]) == hashed()


@pytest.mark.parametrize("column", ["n", "lot_sequence", "lot_n", "points"])
def test_every_column_of_an_allocation_is_hashed(column):
    value = another(getattr(ALLOCATION, column))
    moved = msgspec.structs.replace(ALLOCATION, **{column: value})
    assert hashed(allocations=[moved]) != hashed()


def test_the_hash_covers_what_came_before_and_how_many_rows_there_are():
    assert hashed(previous=b"\1" * 32) != hashed()
    assert hashed(lots=[]) != hashed() != hashed(allocations=[])
    assert hashed(lots=[LOT, LOT]) != hashed()
    assert hashed(allocations=[ALLOCATION, ALLOCATION]) != hashed()
    assert len(hashed()) == 32


def test_the_same_entry_has_the_same_hash_for_ever():
    assert hashed().hex() == KNOWN


KNOWN = "38a83577acd94b1cbe1a3430225b7aed54ceeab2759eda57ab3aed90986f9f9c"
"""Of version 1. Hashes that stand in a database must never change."""


@given(st.lists(st.text(), min_size=4, max_size=4), st.integers(0, 3))
def test_a_border_between_two_texts_cannot_be_moved(texts, at):
    names = ["reference_type", "reference_id", "description", "metadata"]
    said = dict(zip(names, texts, strict=True))
    joined = "".join(texts)
    moved = dict.fromkeys(names, "") | {names[at]: joined}
    same = said == moved
    one, other = (
        hashed(msgspec.structs.replace(ENTRY, **columns)) for columns in (said, moved)
    )
    assert (one == other) == same


COMMANDS = [
    Earn(account=ONE, points=5, key="k"),
    Redeem(account=ONE, points=5, key="k"),
    Refund(account=ONE, entry=5, key="k"),
    Reverse(account=ONE, entry=5, key="k"),
    Settle(account=ONE),
]
SAID = {
    "points": 6,
    "source": "bonus",
    "reference_type": "order",
    "reference_id": "7",
    "pending": "P1D",
    "validity": "P1D",
    "expires_at": START,
    "referred_member": ONE,
    "at": START,
    "up_to": True,
    "entry": 6,
    "policy": "cap",
}
NOT_SAID = {
    "account": OTHER,
    "key": "another",
    "actor": "ann",
    "description": "text",
    "metadata": {"a": 1},
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_a_fingerprint_stands_for_all_that_the_caller_said_and_no_more(command):
    for field in command.__struct_fields__:
        assert (field in SAID) != (field in NOT_SAID), f"decide about {field}"
        value = (SAID | NOT_SAID)[field]
        changed = msgspec.structs.replace(command, **{field: value})
        same = fingerprint(changed) == fingerprint(command)
        assert same == (field in NOT_SAID), field


def test_commands_of_another_kind_have_another_fingerprint():
    assert len({fingerprint(command) for command in COMMANDS}) == len(COMMANDS)
