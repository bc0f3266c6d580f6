"""What happened stands in the event log: under its name, in its order, once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from punchcard.journeys.change_account_status import change_account_status
from punchcard.journeys.change_member import change_member
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.erase_member import erase_member
from punchcard.journeys.post_commands import post_commands
from punchcard.journeys.relay_events import Relayed, relay_events
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.kernel.events import EventView, list_events
from punchcard.kernel.log_context import begin_work, end_work
from punchcard.kernel.outbox import Announcement, announce
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from punchcard.ledger.sweeping import settle_due
from punchcard.members.operations import NewMember
from punchcard.members.person import Person
from tests.builders import DAY, Ledger, a_ledger, relay_all, rows

pytestmark = pytest.mark.usefixtures("nothing_waits")

AUTHOR = Author(actor=CONSOLE, program=None)
WAITING = (
    "SELECT (SELECT count(*) FROM kernel_outbox) + (SELECT count(*)"
    " FROM ledger_outbox WHERE relayed_at IS NULL)"
)


def events_of(program: UUID, **wanted: Any) -> list[EventView]:
    return list_events(program=program, limit=1_000, **wanted)


def types_of(program: UUID, **wanted: Any) -> list[str]:
    return [event.type for event in events_of(program, **wanted)]


def change_status(ledger: Ledger, account: UUID, status: Any) -> None:
    change_account_status(
        account=account, status=status, reason="why", author=AUTHOR, now=ledger.now
    )


Story = Callable[[UUID, UUID], Sequence[Command]]

STORIES: dict[str, tuple[Story, list[str]]] = {
    "earn": (lambda a, b: [Earn(account=a, points=5, key="1")], ["points.earned"]),
    "earn, pending": (
        lambda a, b: [Earn(account=a, points=5, key="1", pending="P3D")],
        ["points.pending"],
    ),
    "earn, activate": (
        lambda a, b: [
            Earn(account=a, points=5, key="1", pending="event"),
            Activate(account=a, lot=(1, 1), key="2"),
        ],
        ["points.pending", "points.activated"],
    ),
    "earn, cancel": (
        lambda a, b: [
            Earn(account=a, points=5, key="1", pending="P3D"),
            Cancel(account=a, lot=(1, 1), key="2"),
        ],
        ["points.pending", "points.cancelled"],
    ),
    "redeem, refund": (
        lambda a, b: [
            Earn(account=a, points=5, key="1"),
            Redeem(account=a, points=5, key="2"),
            Refund(account=a, entry=2, key="3"),
        ],
        ["points.earned", "points.redeemed", "points.refunded"],
    ),
    "reverse": (
        lambda a, b: [
            Earn(account=a, points=5, key="1"),
            Reverse(account=a, entry=1, key="2"),
        ],
        ["points.earned", "points.reversed"],
    ),
    "adjust, up and down": (
        lambda a, b: [
            Adjust(account=a, points=5, key="1", reason="gift"),
            Adjust(account=a, points=-2, key="2", reason="mistake"),
        ],
        ["points.adjusted", "points.adjusted"],
    ),
    "reserve, capture": (
        lambda a, b: [
            Earn(account=a, points=5, key="1"),
            Reserve(account=a, points=5, key="2"),
            Capture(account=a, hold=2, key="3"),
        ],
        ["points.earned", "hold.created", "hold.captured"],
    ),
    "reserve, void": (
        lambda a, b: [
            Earn(account=a, points=5, key="1"),
            Reserve(account=a, points=5, key="2"),
            Void(account=a, hold=2, key="3"),
        ],
        ["points.earned", "hold.created", "hold.voided"],
    ),
    "transfer": (
        lambda a, b: [
            Earn(account=a, points=5, key="1"),
            Transfer(account=a, to=b, points=5, key="2"),
        ],
        ["points.earned", "points.transferred", "points.transferred"],
    ),
    "refused": (lambda a, b: [Redeem(account=a, points=5, key="1")], []),
    "the same key again": (
        lambda a, b: [Earn(account=a, points=5, key="1")] * 2,
        ["points.earned"],
    ),
    "settled, and nothing was due": (lambda a, b: [Settle(account=a)], []),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_command_is_told_under_its_name(ledger: Ledger, name: str) -> None:
    story, expected = STORIES[name]
    ledger.post(*story(*ledger.open(2)))
    relay_all()
    assert types_of(ledger.program) == expected


def test_what_time_does_is_told_under_its_own_names() -> None:
    ledger = a_ledger(validity="P10D", hold_time_max="P2D")
    account = ledger.account()
    ledger.one(Earn(account=account, points=5, key="1", pending="P1D"))
    ledger.pass_days(1)
    ledger.one(Reserve(account=account, points=2, key="2"))
    ledger.pass_days(30)
    settle_due(now=ledger.now, program=ledger.program)
    relay_all()
    assert types_of(ledger.program) == [
        "points.pending",
        "points.activated",
        "hold.created",
        "hold.expired",
        "points.expired",
    ]


def test_an_event_says_what_its_entry_says(ledger: Ledger) -> None:
    giver, taker = ledger.open(2)
    ledger.one(Earn(account=giver, points=5, key="1"))
    ledger.one(Transfer(account=giver, to=taker, points=2, key="2"))
    relay_all()
    gave = events_of(ledger.program, account=giver)[-1]
    (took,) = events_of(ledger.program, account=taker)
    assert (gave.account, gave.sequence) == (giver, 2)
    said = {name: gave.data[name] for name in ("entry", "amount", "available")}
    assert said == {"entry": "transfer_out", "amount": 2, "available": -2}
    assert (gave.data["balance"], took.data["balance"]) == (3, 2)
    assert gave.data["transfer"]["sequence"] == took.sequence == 1
    assert gave.data["transfer"]["id"] == took.data["transfer"]["id"]
    assert gave.id != took.id


def test_an_event_says_which_request_it_happened_in(ledger: Ledger) -> None:
    one, other = ledger.open(2)
    begin_work(request_id="first")
    ledger.post(*[Earn(account=a, points=5, key=k) for k in "12" for a in (one, other)])
    begin_work(request_id="second")
    ledger.one(Earn(account=one, points=5, key="3"))
    change_status(ledger, one, "frozen")
    end_work()
    ledger.one(Earn(account=one, points=5, key="4"))
    relay_all()
    told = [(e.sequence, e.request_id) for e in events_of(ledger.program, account=one)]
    assert told == [
        (1, "first"),
        (2, "first"),
        (3, "second"),
        (None, "second"),
        (4, None),
    ]
    told = [
        (e.sequence, e.request_id) for e in events_of(ledger.program, account=other)
    ]
    assert told == [(1, "first"), (2, "first")]


def test_what_becomes_of_an_account_stands_between_its_entries(ledger: Ledger) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=5, key="1"))
    change_status(ledger, account, "frozen")
    change_status(ledger, account, "frozen")
    ledger.one(Earn(account=account, points=5, key="2"))
    change_status(ledger, account, "open")
    ledger.one(Redeem(account=account, points=10, key="3"))
    change_status(ledger, account, "closed")
    relay_all()
    told = events_of(ledger.program)
    assert [(event.type, event.sequence) for event in told] == [
        ("points.earned", 1),
        ("account.frozen", None),
        ("points.earned", 2),
        ("account.unfrozen", None),
        ("points.redeemed", 3),
        ("account.closed", None),
    ]
    assert told[1].data == {"before": "open", "after": 1}
    assert "why" not in str([event.data for event in told])


@pytest.mark.parametrize("posts", [1, 2, 3, 1_000])
def test_the_order_does_not_depend_on_how_much_is_taken_at_once(posts: int) -> None:
    ledger = a_ledger()
    accounts = ledger.open(3)
    for turn in range(4):
        for account in accounts:
            ledger.one(Earn(account=account, points=5, key=f"{turn}"))
        change_status(ledger, accounts[turn % 2], ("frozen", "open")[turn // 2])
    relay_all(posts=posts, entries=posts)
    for account, expected in (
        (accounts[0], ["1", "frozen", "2", "3", "unfrozen", "4"]),
        (accounts[1], ["1", "2", "frozen", "3", "4", "unfrozen"]),
        (accounts[2], ["1", "2", "3", "4"]),
    ):
        told = events_of(ledger.program, account=account)
        assert [
            str(event.sequence or event.type.removeprefix("account.")) for event in told
        ] == expected
    everything = events_of(ledger.program)
    assert [event.position for event in everything] == list(range(1, 17))


def test_of_entries_whose_transactions_began_the_other_way_round_the_first_is_first(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=1, key="1"))
    ledger.one(Earn(account=account, points=2, key="2"))
    # As if the second post's transaction had got its number before the first's.
    swapped = rows(
        "UPDATE ledger_outbox o SET recorded_xid = p.recorded_xid FROM ledger_outbox p"
        " WHERE o.account_id = %s AND p.account_id = o.account_id"
        " AND p.first_sequence <> o.first_sequence RETURNING 1",
        (account,),
    )
    assert len(swapped) == 2
    relay_all(posts=1)
    told = events_of(ledger.program)
    assert [event.sequence for event in told] == [1, 2]


def test_relaying_again_tells_nothing_again(ledger: Ledger) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, points=5, key="1"))
    relay_all()
    before = events_of(ledger.program)
    # As a relay that was killed in the middle would have left it, had it half done.
    rows(
        "UPDATE ledger_outbox SET relayed_at = NULL WHERE account_id = %s RETURNING 1",
        (account,),
    )
    done = relay_events()
    assert done == Relayed(taken=1, events=0)
    assert relay_events() == Relayed(taken=0, events=0)
    assert events_of(ledger.program) == before
    ledger.one(Earn(account=account, points=5, key="2"))
    relay_all()
    assert [event.sequence for event in events_of(ledger.program)] == [1, 2]


def test_what_is_rolled_back_is_told_to_nobody(ledger: Ledger) -> None:
    relay_all()
    with pytest.raises(ZeroDivisionError), transaction():
        said = Announcement(program=ledger.program, type="program.changed")
        announce(announcements=[said])
        raise ZeroDivisionError
    with pytest.raises(TransactionError):
        announce(announcements=[said])
    account = ledger.account()
    post_commands(
        commands=[Earn(account=account, points=5, key="1")],
        now=ledger.now,
        dry_run=True,
    )
    assert relay_events() == Relayed(taken=0, events=0)
    assert not events_of(ledger.program)


def test_one_relay_works_at_a_time_and_the_next_goes_on(ledger: Ledger) -> None:
    ledger.one(Earn(account=ledger.account(), points=5, key="1"))
    parameters = connections["default"].get_connection_params()
    known = {"dbname", "user", "password", "host", "port"}
    with psycopg.connect(
        **{k: parameters[k] for k in known & set(parameters)}
    ) as other:
        (lock,) = other.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", (0x6576656E7473,)
        ).fetchone()
        assert lock
        assert relay_events() == Relayed(taken=0, events=0)
        assert not events_of(ledger.program)
        other.rollback()
        relay_all()
    assert types_of(ledger.program) == ["points.earned"]


def test_a_relay_refuses_to_run_inside_a_transaction() -> None:
    with transaction(), pytest.raises(TransactionError):
        relay_events()


@pytest.mark.parametrize("accounts", [1, 50])
def test_a_batch_has_a_fixed_number_of_statements(
    ledger: Ledger, statements: list[str], accounts: int
) -> None:
    relay_all()
    opened = ledger.open(accounts)
    ledger.post(*[Earn(account=a, points=5, key="1") for a in opened])
    change_status(ledger, opened[0], "frozen")
    statements.clear()
    assert relay_events() == Relayed(taken=accounts + 1, events=accounts + 1)
    assert len([s for s in statements if s not in ("BEGIN", "COMMIT")]) <= 7


def test_members_are_told_of_by_id_and_names_of_fields(ledger: Ledger) -> None:
    anna, bo = f"anna-{secrets.token_hex(8)}", f"bo-{secrets.token_hex(8)}"
    word = f"Lindqvist{secrets.token_hex(8)}"
    enrolled = enrol_members(
        program=ledger.program,
        now=ledger.now,
        members=[NewMember(external_id=anna, person=Person(given_name=word))],
        external_ids=[bo, anna],
    )
    member = enrolled[0].id
    for name in (word[::-1], word[::-1]):
        change_member(
            program=ledger.program,
            member=member,
            changes={"family_name": name, "email": f"{word}@example.org"},
            versions=None,
            author=AUTHOR,
            now=ledger.now,
        )
    (account,) = rows("SELECT id FROM ledger_account WHERE holder_id = %s", (member,))[
        0
    ]
    ledger.one(
        Earn(
            account=account,
            points=5,
            reference_type="order",
            reference_id=f"for-{word}",
            description=f"Thank you, {word}",
            metadata={"to": word},
            actor=word,
        )
    )
    for _ in range(2):
        erase_member(
            program=ledger.program,
            member=member,
            author=AUTHOR,
            now=ledger.now + timedelta(days=1),
        )
    waiting = str(rows("SELECT to_jsonb(o)::text FROM kernel_outbox o"))
    relay_all()
    told = events_of(ledger.program, member=member)
    assert [event.type for event in told] == [
        "member.enrolled",
        "member.changed",
        "points.earned",
        "member.erased",
    ]
    assert told[1].data == {"fields": ["email", "family_name"], "version": 2}
    assert told[2].account == account
    assert len(events_of(ledger.program)) == 5, "and the other one was enrolled"
    kept = waiting + str(rows("SELECT to_jsonb(e)::text FROM kernel_event e"))
    for text in (anna, word, word[::-1]):
        assert text not in kept


def test_a_list_is_narrowed_by_type_account_member_and_time(ledger: Ledger) -> None:
    first, second = ledger.open(2)
    ledger.one(Earn(account=first, points=5, key="1"))
    ledger.one(Earn(account=second, points=5, key="1"))
    ledger.one(Redeem(account=first, points=5, key="2"))
    relay_all()
    everything = events_of(ledger.program)
    assert len(everything) == 3
    at = everything[-1].created_at
    holder = everything[1].member
    for wanted, expected in (
        ({"types": ["points.redeemed"]}, [3]),
        ({"types": ["points.redeemed", "points.earned"]}, [1, 2, 3]),
        ({"types": ["points.expired"]}, []),
        ({"account": first}, [1, 3]),
        ({"member": holder}, [2]),
        ({"account": first, "types": ["points.earned"]}, [1]),
        ({"after": 1}, [2, 3]),
        ({"created_from": at}, [3]),
        ({"created_to": at}, [1, 2]),
        ({"created_from": at + DAY}, []),
    ):
        found = events_of(ledger.program, **wanted)
        assert [event.position for event in found] == expected, wanted
    assert len(list_events(program=ledger.program, limit=2)) == 2
    assert not events_of(a_ledger().program)


def test_nothing_waits_when_all_is_told(ledger: Ledger) -> None:
    ledger.one(Earn(account=ledger.account(), points=5, key="1"))
    assert rows(WAITING)[0][0] > 0
    relay_all()
    assert rows(WAITING) == [(0,)]
