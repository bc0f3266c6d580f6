"""The database is the last judge: each guard refuses what went around Python.

Raw SQL by the owner of the tables, triggers on; every attempt is rolled back. One
line per attempt: the guard, the name that the error carries, the attempt.
"""

import json
from functools import partial

import psycopg
import pytest
from django.db import transaction

from punchcard.kernel import sql
from tests.builders import rows
from tests.notation import play

LAST = 7
BALANCE, PENDING, LIFETIME = 120, 30, 187
TOO_MANY = 2**53
NEXT = {
    "sequence": LAST + 1,
    "type": "adjust",
    "source": "admin",
    "amount": 1,
    "available": 0,
    "pending": 0,
    "key": None,
    "fingerprint": None,
}
HOLDER = "wallet_id, holder_kind, holder_id, account_id"
NOBODY = "00000000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def at_hand():
    """Where the account that everybody tries to corrupt is kept."""
    return []


@pytest.fixture
def account(committing, at_hand):
    """An account with an entry, a lot and a refusal of every kind needed here."""
    if not at_hand:
        story = play("""
            d0 earn 7 exp=d1           -> 1 +7 =7
            d1 earn 100 key=e          -> 3 +100 =100
               earn 50 exp=d10         -> 4 +50 =150
               redeem 30               -> 5 -30 =120
               earn 20 pending=event   -> 6 +0 =120
               earn 10 pending=P2D     -> 7 +0 =120
               redeem 999 key=no       -> insufficient_points
        """)
        at_hand.append(story.account())
    return at_hand[0]


# How to try


class Undo(Exception):
    """The attempt was let through; take it back."""


def attempt(*statements):
    """Run statements that are rolled back; return the refusing constraint, or None."""
    try:
        with transaction.atomic():
            cursor = sql.cursor()
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
            raise Undo
    except psycopg.Error as error:
        return error.diag.constraint_name
    except Undo:
        return None


def run(statement):
    """Run a statement; `{a}` stands for the account."""
    return lambda a: (statement.replace("{a}", f"'{a}'"), None)


def copy(table, where, *overrides):
    """Insert copies of a row in one statement, each with other columns."""

    def made(account):
        said = [{"account_id": str(account), **each} for each in overrides]
        key = "id" if table == "account" else "account_id"
        statement = (
            f"INSERT INTO ledger_{table} SELECT (jsonb_populate_record(t, o)).*"
            f" FROM ledger_{table} t, jsonb_array_elements(%s::jsonb) o"
            f" WHERE t.{key} = %s AND {where}"
        )
        return statement, (json.dumps(said), account)

    return made


entry = partial(copy, "entry", f"sequence = {LAST}")
lot = partial(copy, "lot", "sequence = 3")
allocation = partial(copy, "allocation", "sequence = 5")
refusal = partial(copy, "refusal", "key = 'no'")
outbox = partial(copy, "outbox", "first_sequence = 1")
new_account = partial(copy, "account", "TRUE")


def following(**overrides):
    """Insert one entry that would follow, but for these columns."""
    return entry({**NEXT, **overrides})


def update(table, change, where="TRUE"):
    """Update rows of the account."""
    key = "id" if table == "account" else "account_id"
    return run(f"UPDATE ledger_{table} SET {change} WHERE {key} = {{a}} AND {where}")


def delete(table):
    key = "id" if table == "account" else "account_id"
    return run(f"DELETE FROM ledger_{table} WHERE {key} = {{a}}")


def truncate(table):
    return run(f"TRUNCATE ledger_{table}")


def hold(is_open="TRUE", resolved_by="NULL", points=5, sequence=5):
    """Insert a hold."""
    return run(
        "INSERT INTO ledger_hold VALUES"
        f" ({{a}}, {sequence}, {points}, '2026-02-01', {is_open}, {resolved_by})"
    )


def with_account(change, entry_change=""):
    """Insert the following entry and change the account, in one statement."""
    return run(f"""
        WITH c AS (UPDATE ledger_account SET last_sequence = {LAST + 1}{change}
                   WHERE id = {{a}})
        INSERT INTO ledger_entry SELECT (jsonb_populate_record(t, '{json.dumps(NEXT)}'
            || jsonb_build_object('hash', t.hash){entry_change})).*
        FROM ledger_entry t WHERE account_id = {{a}} AND sequence = {LAST}
    """)


REDEEM = {"type": "redeem", "available": -1}
RESERVE = {
    "type": "reserve",
    "available": -1,
    "reserved": 1,
    "expires_at": "2026-02-01",
}
CAPTURE = {"type": "capture", "available": 1, "reserved": -2, "relates_to": 5}
RELEASE = {"type": "release", "available": 1, "pending": -1, "relates_to": 6}
REVERSE = {"type": "reverse", "relates_to": 3}
TRANSFER = {
    "type": "transfer_out",
    "available": -1,
    "transfer_id": NOBODY,
    "other_account_id": NOBODY,
    "other_sequence": 1,
}

SAME = object()
# guard | what the error names (SAME: the guard) | attempts, the last one refused
GUARDS = [
    # ledger_account
    ("ledger_account_pkey", SAME, new_account({})),
    (
        "ledger_account_wallet_id_f1f30b3a_fk_programs_wallet_id",
        SAME,
        new_account({"id": NOBODY, "wallet_id": NOBODY}),
        run("SET CONSTRAINTS ALL IMMEDIATE"),
    ),
    ("account_pending_not_negative", SAME, update("account", "pending = -1")),
    ("account_reserved_not_negative", SAME, update("account", "reserved = -1")),
    ("account_status_is_known", SAME, update("account", "status = 'gone'")),
    ("account_closed_only_when_empty", SAME, update("account", "status = 'closed'")),
    (
        "account_closed_only_when_empty",
        SAME,
        update(
            "account", "status = 'closed', available = 0, pending = 0, reserved = 1"
        ),
    ),
    ("account_never_deleted", SAME, delete("account")),
    ("account_never_deleted", SAME, truncate("account")),
    *(
        ("account_identity_never_changes", SAME, update("account", change))
        for change in (
            f"id = '{NOBODY}'",
            f"wallet_id = '{NOBODY}'",
            "holder_kind = 'pool'",
            f"holder_id = '{NOBODY}'",
            "opened_at = opened_at + interval '1 us'",
        )
    ),
    *(
        ("account_never_goes_back", SAME, update("account", change))
        for change in (
            "last_sequence = last_sequence - 1",
            "lifetime = lifetime - 1",
            "effective_at = effective_at - interval '1 us'",
        )
    ),
    # ledger_account_holder
    (
        "ledger_account_holder_pkey",
        SAME,
        run(
            f"INSERT INTO ledger_account_holder ({HOLDER}) SELECT wallet_id,"
            f" holder_kind, holder_id, '{NOBODY}' FROM ledger_account_holder"
            " WHERE account_id = {a}"
        ),
    ),
    (
        "ledger_account_holder_wallet_id_037afc63_fk_programs_wallet_id",
        SAME,
        run(
            f"INSERT INTO ledger_account_holder ({HOLDER}) VALUES"
            f" ('{NOBODY}', 'member', '{NOBODY}', '{NOBODY}')"
        ),
        run("SET CONSTRAINTS ALL IMMEDIATE"),
    ),
    # ledger_entry
    ("ledger_entry_pkey", SAME, following(sequence=LAST)),
    ("entry_key_is_unique", SAME, following(key="e", fingerprint="\\x00")),
    (
        "entry_hold_resolves_once",
        SAME,
        entry(
            {**NEXT, **CAPTURE},
            {**NEXT, **CAPTURE, "sequence": LAST + 2},
        ),
    ),
    (
        "entry_lot_is_released_once",
        SAME,
        entry(
            {**NEXT, **RELEASE},
            {**NEXT, **RELEASE, "type": "activate", "sequence": LAST + 2},
        ),
    ),
    ("entry_amount_positive", SAME, following(amount=0)),
    ("entry_amount_positive", SAME, following(amount=-1)),
    ("entry_sequence_positive", SAME, following(sequence=0)),
    ("entry_type_is_known", SAME, following(type="gift")),
    ("entry_source_is_known", SAME, following(source="gift")),
    *(
        ("entry_spend_within_balance", SAME, following(**spend, balance=-1))
        for spend in (REDEEM, RESERVE, TRANSFER)
    ),
    *(
        ("entry_deltas_fit_its_type", SAME, following(**wrong))
        for wrong in (
            {"type": "earn", "amount": 2, "available": 1, "pending": 1},
            {"type": "earn", "available": 2},
            {**REDEEM, "available": -2},
            {**REDEEM, "reserved": 1},
            {**RESERVE, "reserved": 2},
            {**CAPTURE, "available": 2},
            {**CAPTURE, "reserved": 0, "available": -1},
            {**CAPTURE, "type": "void"},
            {**RELEASE, "pending": 0},
            {**RELEASE, "type": "cancel"},
            {**REVERSE, "available": 1},
            {**REVERSE, "available": -1, "pending": -1},
            {**TRANSFER, "type": "transfer_in"},
            {"available": 2},
            {"pending": 1},
        )
    ),
    *(
        ("entry_names_what_its_type_needs", SAME, following(**wrong))
        for wrong in (
            {**RESERVE, "expires_at": None},
            {**TRANSFER, "transfer_id": None},
            {**TRANSFER, "other_account_id": None},
            {**TRANSFER, "other_sequence": None},
            {"transfer_id": NOBODY},
            {**CAPTURE, "relates_to": None},
            {**REVERSE, "relates_to": None},
            {**RELEASE, "relates_to": LAST + 1},
        )
    ),
    ("entry_numbers_in_range", SAME, following(pending_after=-1)),
    ("entry_numbers_in_range", SAME, following(reserved_after=-1)),
    ("entry_numbers_in_range", SAME, following(lifetime_after=-1)),
    ("entry_numbers_in_range", SAME, following(lifetime_after=TOO_MANY)),
    ("entry_total_within_range", SAME, following(balance=TOO_MANY)),
    ("entry_total_within_range", SAME, following(balance=-TOO_MANY)),
    ("entry_total_within_range", SAME, following(balance=1 - TOO_MANY)),
    ("entry_total_within_range", SAME, following(pending_after=TOO_MANY - BALANCE)),
    ("entry_total_within_range", SAME, following(reserved_after=TOO_MANY)),
    ("entry_key_has_fingerprint", SAME, following(key="new")),
    ("entry_never_changes", SAME, update("entry", "description = 'better'")),
    ("entry_never_changes", SAME, update("entry", "amount = 1", "FALSE")),
    ("entry_never_changes", SAME, delete("entry")),
    ("entry_never_changes", SAME, truncate("entry")),
    *(
        ("entry_continues_its_chain", rule, attempted)
        for rule, attempted in [
            ("entry_sequence_gapless", following(sequence=LAST + 2)),
            ("entry_sequence_gapless", entry(NEXT, {**NEXT, "sequence": LAST + 3})),
            ("entry_sequence_gapless", following(account_id=NOBODY)),
            ("entry_numbers_chain", following(balance=BALANCE + 1)),
            ("entry_numbers_chain", following(available=1)),
            ("entry_numbers_chain", following(pending_after=PENDING + 1)),
            (
                "entry_numbers_chain",
                following(type="earn", pending=1, lifetime_after=LIFETIME + 1),
            ),
            ("entry_numbers_chain", following(reserved_after=1)),
            (
                "entry_numbers_chain",
                following(**{**RESERVE, "available": -1, "balance": BALANCE - 1}),
            ),
            ("entry_numbers_chain", following(lifetime_after=LIFETIME + 1)),
            (
                "entry_numbers_chain",
                following(type="earn", available=1, balance=BALANCE + 1),
            ),
            ("entry_numbers_chain", following(account_id=NOBODY, sequence=1)),
            (
                "entry_numbers_chain",
                entry(NEXT, {**NEXT, "sequence": LAST + 2, "balance": BALANCE - 1}),
            ),
            ("entry_time_never_goes_back", following(effective_at="2026-01-01")),
            (
                "entry_time_never_goes_back",
                entry(
                    {**NEXT, "effective_at": "2026-01-09T00:00:00.000001Z"},
                    {
                        **NEXT,
                        "sequence": LAST + 2,
                        "effective_at": "2026-01-09T00:00:00Z",
                    },
                ),
            ),
            ("account_equals_last_entry", following()),
            ("account_equals_last_entry", with_account(", available = available + 1")),
            ("account_equals_last_entry", with_account(", pending = pending + 1")),
            ("account_equals_last_entry", with_account(", reserved = 1")),
            ("account_equals_last_entry", with_account(", lifetime = lifetime + 1")),
            ("account_equals_last_entry", with_account(", hash = '\\x00'")),
            (
                "account_equals_last_entry",
                with_account(", effective_at = effective_at + interval '1 us'"),
            ),
            (
                "account_equals_last_entry",
                following(
                    account_id=NOBODY,
                    sequence=1,
                    type="earn",
                    available=1,
                    balance=1,
                    pending_after=0,
                    lifetime_after=1,
                ),
            ),
        ]
    ),
    # ledger_lot
    ("ledger_lot_pkey", SAME, lot({})),
    ("lot_has_its_entry", SAME, lot({"sequence": LAST + 1})),
    ("lot_has_its_entry", SAME, lot({"account_id": NOBODY})),
    *(
        ("lot_remaining_within_credited", SAME, lot({"n": 2, **wrong}))
        for wrong in (
            {"remaining": 101},
            {"remaining": 100, "lapsed": 1},
            {"lapsed": -1, "remaining": 1},
            {"credited": 0},
        )
    ),
    ("lot_remaining_within_credited", SAME, update("lot", "remaining = 101", "open")),
    (
        "lot_state_is_known",
        SAME,
        run("ALTER TABLE ledger_lot DROP CONSTRAINT lot_open_means_state_open"),
        lot({"n": 2, "state": "lost"}),
    ),
    *(
        ("lot_open_means_state_open", SAME, lot({"n": 2, **wrong}))
        for wrong in (
            {"remaining": 0},
            {"open": False},
            {"state": "pending"},
            {"state": "spent", "open": False},
            {"state": "lapsed", "open": True, "remaining": 0},
            {"state": "pending", "open": False, "remaining": 0},
        )
    ),
    ("lot_never_deleted", SAME, delete("lot")),
    ("lot_never_deleted", SAME, truncate("lot")),
    *(
        ("lot_credit_never_changes", SAME, update("lot", change, where))
        for change, where in (
            (f"account_id = '{NOBODY}'", "TRUE"),
            ("sequence = 2", "sequence = 3"),
            ("n = 2", "TRUE"),
            ("root = root + 1", "TRUE"),
            ("credited = credited + 1", "TRUE"),
            ("validity = 'P1D'", "TRUE"),
            ("lapsed = 0", "lapsed > 0"),
            ("lapsed = lapsed - 1, credited = credited", "lapsed > 0"),
        )
    ),
    *(
        ("lot_dates_are_set_once", SAME, update("lot", change, where))
        for change, where in (
            ("expires_at = '2027-01-01'", "sequence = 3"),
            ("expires_at = NULL", "sequence = 4"),
            ("expires_at = expires_at + interval '1 us'", "sequence = 4"),
            ("available_at = available_at - interval '1 us'", "open"),
            ("available_at = '2026-02-01'", "sequence = 6"),
            ("available_at = '2026-02-01', activated_by = 7", "sequence = 4"),
            ("available_at = '2026-02-01'", "sequence = 7"),
            ("expires_at = '2027-01-01', activated_by = 7", "sequence = 3"),
        )
    ),
    (
        "lot_dates_are_set_once",
        SAME,
        update("lot", "available_at = '2026-02-01', activated_by = 7", "sequence = 6"),
        update("lot", "activated_by = 6", "sequence = 6"),
    ),
    (
        "lot_dates_are_set_once",
        SAME,
        update("lot", "available_at = '2026-02-01', activated_by = 7", "sequence = 6"),
        update("lot", "available_at = '2026-02-02'", "sequence = 6"),
    ),
    # ledger_allocation
    ("ledger_allocation_pkey", SAME, allocation({})),
    ("allocation_points_not_zero", SAME, allocation({"n": 2, "points": 0})),
    ("allocation_has_its_entry", SAME, allocation({"sequence": LAST + 1})),
    ("allocation_never_changes", SAME, update("allocation", "points = -1")),
    ("allocation_never_changes", SAME, delete("allocation")),
    ("allocation_never_changes", SAME, truncate("allocation")),
    # ledger_hold
    ("ledger_hold_pkey", SAME, hold(), hold()),
    ("hold_open_until_resolved", SAME, hold(is_open="FALSE")),
    ("hold_open_until_resolved", SAME, hold(resolved_by="7")),
    ("hold_points_positive", SAME, hold(points=0)),
    ("hold_has_its_entry", SAME, hold(sequence=LAST + 1)),
    ("hold_never_deleted", SAME, hold(), delete("hold")),
    ("hold_never_deleted", SAME, truncate("hold")),
    *(
        ("hold_never_reopens", SAME, hold(), update("hold", change))
        for change in (
            f"account_id = '{NOBODY}'",
            "sequence = 6",
            "points = 6",
            "expires_at = '2027-01-01'",
        )
    ),
    (
        "hold_never_reopens",
        SAME,
        hold(is_open="FALSE", resolved_by="7"),
        update("hold", "open = TRUE, resolved_by = NULL"),
    ),
    (
        "hold_never_reopens",
        SAME,
        hold(is_open="FALSE", resolved_by="7"),
        update("hold", "resolved_by = 6"),
    ),
    # ledger_refusal, ledger_outbox
    ("ledger_refusal_pkey", SAME, refusal({})),
    ("refusal_never_changes", SAME, update("refusal", "code = 'account_closed'")),
    ("refusal_never_changes", SAME, delete("refusal")),
    ("refusal_never_changes", SAME, truncate("refusal")),
    ("ledger_outbox_pkey", SAME, outbox({})),
    (
        "outbox_range_is_ordered",
        SAME,
        outbox({"first_sequence": 99, "last_sequence": 98}),
    ),
]


@pytest.mark.parametrize(
    ("guard", "named", "attempts"),
    [(guard, named, attempts) for guard, named, *attempts in GUARDS],
    ids=[f"{i} {line[0]}" for i, line in enumerate(GUARDS)],
)
def test_what_goes_around_python_is_refused_by_name(account, guard, named, attempts):
    *before, last = [made(account) for made in attempts]
    assert attempt(*before) is None, "what leads up to it was refused already"
    assert attempt(*before, last) == (guard if named is SAME else named)


def test_what_is_right_is_let_through(account):
    assert attempt(with_account("")(account)) is None
    assert attempt(lot({"n": 2})(account)) is None
    assert attempt(allocation({"n": 2})(account)) is None
    assert attempt(update("account", "status = 'frozen'")(account)) is None
    resolved = update("hold", "open = FALSE, resolved_by = 7")
    assert attempt(hold()(account), resolved(account)) is None
    activated = "available_at = '2026-02-01', expires_at = '2027-01-01'"
    for pending in (6, 7):
        sets = update("lot", f"{activated}, activated_by = 7", f"sequence = {pending}")
        assert attempt(sets(account)) is None


def test_the_account_that_was_attacked_is_what_it_was(account):
    numbers = rows(
        "SELECT available, pending, reserved, lifetime, last_sequence"
        " FROM ledger_account WHERE id = %s",
        (account,),
    )
    assert numbers == [(BALANCE, PENDING, 0, LIFETIME, LAST)]


def test_every_guard_of_the_ledger_has_a_line():
    guards = rows("""
        SELECT conname::text FROM pg_constraint
        WHERE conrelid::regclass::text LIKE 'ledger!_%' ESCAPE '!' AND contype <> 'n'
        UNION
        SELECT indexrelid::regclass::text FROM pg_index
        WHERE indrelid::regclass::text LIKE 'ledger!_%' ESCAPE '!' AND indisunique
        UNION
        SELECT tgname::text FROM pg_trigger
        WHERE tgrelid::regclass::text LIKE 'ledger!_%' ESCAPE '!' AND NOT tgisinternal
    """)
    assert {row[0] for row in guards} == {line[0] for line in GUARDS}


def test_every_rule_of_the_chain_has_a_line():
    body = rows("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_check_chain'")[0][0]
    rules = {word.strip("'") for word in body.split() if word.startswith("'entry_")}
    rules.add("account_equals_last_entry")
    assert "'account_equals_last_entry'" in body
    assert rules == {line[1] for line in GUARDS if line[1] is not SAME}


def test_every_guard_is_switched_on():
    assert rows("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    off = "SELECT tgname FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal"
    assert rows(off) == []
