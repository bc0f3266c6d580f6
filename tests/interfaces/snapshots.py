"""All rows of some programs, to be compared: what did not happen."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tests.builders import rows

_ASKED = "(SELECT id FROM asked)"
_OURS = f"program_id IN {_ASKED}"
_MEMBERSHIPS = f"(SELECT id FROM access_membership WHERE {_OURS})"
_USERS = f"(SELECT user_id FROM access_membership WHERE {_OURS})"
_ACCOUNTS = f"""(
    SELECT a.id FROM ledger_account a JOIN programs_wallet w ON w.id = a.wallet_id
    WHERE {_OURS}
)"""
_ORDERS = f"(SELECT id FROM orders_order WHERE {_OURS})"
_DECISIONS = f"(SELECT id FROM earning_decision WHERE {_OURS})"
_JOBS = f"(SELECT id FROM kernel_job WHERE {_OURS})"
_OF_ACCOUNT = f"account_id IN {_ACCOUNTS}"

STORED = {
    "access_api_key": _OURS,
    "access_attempts": "true",
    "access_link": f"{_OURS} OR user_id IN {_USERS}",
    "access_membership": _OURS,
    "access_membership_place": f"membership_id IN {_MEMBERSHIPS}",
    "access_session": f"membership_id IN {_MEMBERSHIPS}",
    "access_user": f"id IN {_USERS}",
    "earning_award": f"decision_id IN {_DECISIONS}",
    "earning_counter": _OURS,
    "earning_decision": _OURS,
    "earning_taking": f"decision_id IN {_DECISIONS}",
    "kernel_audit": _OURS,
    "kernel_event": _OURS,
    "kernel_job": _OURS,
    "kernel_job_fault": f"job_id IN {_JOBS}",
    "kernel_job_file": f"job_id IN {_JOBS}",
    "kernel_kept_answer": _OURS,
    "kernel_outbox": _OURS,
    "kernel_told": _OF_ACCOUNT,
    "ledger_account": f"id IN {_ACCOUNTS}",
    "ledger_account_holder": _OF_ACCOUNT,
    "ledger_allocation": _OF_ACCOUNT,
    "ledger_entry": _OF_ACCOUNT,
    "ledger_hold": _OF_ACCOUNT,
    "ledger_lot": _OF_ACCOUNT,
    "ledger_outbox": _OF_ACCOUNT,
    "ledger_refusal": _OF_ACCOUNT,
    "members_member": _OURS,
    "members_person": _OURS,
    "orders_activity": _OURS,
    "orders_line": f"order_id IN {_ORDERS}",
    "orders_order": _OURS,
    "orders_return": f"order_id IN {_ORDERS}",
    "orders_return_line": f"order_id IN {_ORDERS}",
    "orders_return_tender": f"order_id IN {_ORDERS}",
    "orders_tender": f"order_id IN {_ORDERS}",
    "programs_configuration": _OURS,
    "programs_place": _OURS,
    "programs_program": f"id IN {_ASKED}",
    "programs_wallet": _OURS,
}
"""Table -> which of its rows are these programs'."""

OF_NO_PROGRAM = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_celery_beat_clockedschedule",
    "django_celery_beat_crontabschedule",
    "django_celery_beat_intervalschedule",
    "django_celery_beat_periodictask",
    "django_celery_beat_periodictasks",
    "django_celery_beat_solarschedule",
    "django_content_type",
    "django_migrations",
    "kernel_reading",
}


def take_snapshot(*programs: UUID) -> dict[str, str]:
    """Return each table's rows of these programs, as one hash.

    When a key was used last is no change: it is noted once a minute, whatever was
    asked with it.
    """
    each = [
        f"SELECT '{table}', count(*), md5(string_agg(md5(said), '' ORDER BY said))"
        f" FROM (SELECT (to_jsonb(t) - 'last_used_at')::text AS said"
        f" FROM {table} t WHERE {condition}) AS {table}"
        for table, condition in STORED.items()
    ]
    asked = "WITH asked AS (SELECT unnest(%s::uuid[]) AS id) "
    found = rows(asked + " UNION ALL ".join(each), [list(programs)])
    return {table: f"{count} {said}" for table, count, said in found}


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the tables that differ."""
    return [table for table in after if after[table] != before[table]]


def tables() -> Sequence[str]:
    """Return every table that there is."""
    found = rows("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in found]
