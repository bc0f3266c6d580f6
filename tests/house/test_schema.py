"""The ledger can be spread over machines by account: read from the catalogue."""

from __future__ import annotations

import pytest

from tests.builders import rows

ACCOUNT_TABLES = (
    "ledger_entry",
    "ledger_lot",
    "ledger_allocation",
    "ledger_hold",
    "ledger_refusal",
    "ledger_outbox",
)
REFERENCE_TABLES = ("programs_wallet", "programs_program")

pytestmark = pytest.mark.usefixtures("committing")


def test_every_table_of_the_ledger_is_either_of_one_account_or_named_here() -> None:
    found = {
        name
        for (name,) in rows(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
            " AND relname LIKE 'ledger\\_%'"
        )
    }
    # ledger_account is keyed by the account's id itself; ledger_account_holder is
    # what must be unique across accounts, and so a small table of its own.
    assert found == {*ACCOUNT_TABLES, "ledger_account", "ledger_account_holder"}


@pytest.mark.parametrize("table", ACCOUNT_TABLES)
def test_account_id_is_first_in_every_key(table: str) -> None:
    keys = rows(
        """
        SELECT i.relname::text, a.attname::text
        FROM pg_index x
        JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
        WHERE x.indrelid = %s::regclass AND (x.indisunique OR x.indisprimary)
        """,
        (table,),
    )
    assert keys
    assert {column for _, column in keys} == {"account_id"}


@pytest.mark.parametrize("table", ACCOUNT_TABLES)
def test_account_id_is_never_null(table: str) -> None:
    nullable = rows(
        "SELECT is_nullable::text FROM information_schema.columns"
        " WHERE table_name = %s AND column_name = 'account_id'",
        (table,),
    )
    assert nullable == [("NO",)]


def test_no_identity_or_serial_column() -> None:
    assert not rows(
        """
        SELECT attrelid::regclass::text, attname::text FROM pg_attribute
        WHERE attrelid::regclass::text LIKE 'ledger\\_%'
            AND (attidentity <> '' OR attnum > 0 AND pg_get_serial_sequence(
                attrelid::regclass::text, attname) IS NOT NULL)
            AND attnum > 0 AND NOT attisdropped
            AND attrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')
        """
    )


def test_foreign_keys_go_to_reference_tables_only_and_never_back() -> None:
    keys = rows(
        "SELECT conrelid::regclass::text, confrelid::regclass::text"
        " FROM pg_constraint WHERE contype = 'f'"
    )
    ledger = [(a, b) for a, b in keys if a.startswith("ledger_")]
    assert {b for _, b in ledger} <= set(REFERENCE_TABLES)
    assert not [a for a, b in keys if b.startswith("ledger_")]


def test_no_index_on_a_number_that_changes() -> None:
    indexed = {
        column
        for (column,) in rows(
            """
            SELECT DISTINCT a.attname::text FROM pg_index x
            JOIN pg_attribute a
                ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
            WHERE x.indrelid::regclass::text IN ('ledger_account', 'ledger_lot')
            """
        )
    }
    changing = {"available", "pending", "reserved", "lifetime", "last_sequence", "hash"}
    assert not indexed & (changing | {"remaining", "lapsed"})
