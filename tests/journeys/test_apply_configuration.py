"""A document that is applied: what is different is done, once, and nothing else."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from punchcard.journeys.configuration.apply_configuration import (
    Applied,
    apply_configuration,
)
from punchcard.journeys.configuration.differences import Difference
from punchcard.journeys.configuration.document import parse_document, whole
from punchcard.journeys.configuration.errors import ConfigurationMalformed
from punchcard.journeys.configuration.exporting import export_configuration, lean
from punchcard.journeys.configuration.in_force import in_force
from punchcard.journeys.configuration.texts import read_text, write_yaml
from punchcard.journeys.create_program import create_program
from punchcard.journeys.create_wallet import create_wallet
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.post_commands import post_commands
from punchcard.kernel.audit import Author, list_changes
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn
from punchcard.ledger.queries import list_accounts, list_lots
from punchcard.members.queries import find_members
from punchcard.programs.errors import (
    ConfigurationChanged,
    ConfigurationNotFound,
    ProgramMalformed,
    ProgramNotFound,
)
from punchcard.programs.operations import lock_program
from punchcard.programs.queries import list_configurations, list_wallets
from tests.builders import rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = "{id: base, earn: {kind: per_spend, points: 1, per: 100, tax: after}}"
WALLETS = """
wallets:
  - {code: points, name: Points, validity: P12M/month, limit_per_day: 500}
  - {code: miles, name: Miles, scale: 2}
"""
FIRST = f"""{WALLETS}
earning: {{rules: [{RULE}]}}
"""
POLICY_AT = {"points": "P12M/month", "miles": None}


@pytest.fixture
def program() -> UUID:
    return create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="test",
        currency="EUR",
        now=NOW,
    ).program.id


def apply(program: UUID, said: Any, **more: Any) -> Applied:
    document = read_text(said) if isinstance(said, str) else said
    author = Author(actor="console", program=program)
    more.setdefault("now", NOW)
    return apply_configuration(
        program=program, document=document, author=author, **more
    )


def version_at(program: UUID, *days: float) -> list[int | None]:
    instants = [NOW + day * DAY for day in days]
    found = in_force(program=program, instants=instants)
    return [found[at].version for at in instants]


def shortfall(policy: str) -> dict[str, Any]:
    return {"returns": {"shortfall": policy}}


def policies(program: UUID) -> dict[str, str | None]:
    return {wallet.code: wallet.validity for wallet in list_wallets(program=program)}


def told(applied: Applied) -> list[tuple[str, str, Any, Any]]:
    return [(d.kind, d.pointer, d.before, d.after) for d in applied.differences]


def written(program: UUID) -> tuple[Any, ...]:
    """Return all that applying could write."""
    return (
        list_configurations(program=program, limit=100),
        list_wallets(program=program),
        list_changes(program=program, limit=100),
        rows(
            "SELECT count(*) FROM ledger_account a JOIN programs_wallet w"
            " ON w.id = a.wallet_id WHERE w.program_id = %s",
            [program],
        ),
    )


def enrol(program: UUID, *names: str) -> None:
    enrol_members(program=program, external_ids=names, now=NOW)


def test_the_first_document_makes_wallets_accounts_and_a_version(
    program: UUID,
) -> None:
    enrol(program, "anna", "bo")
    applied = apply(program, FIRST, note="opening")
    assert (applied.version, applied.created, applied.complete) == (1, True, True)
    assert (applied.wallets_created, applied.accounts_opened) == (("miles",), 2)
    assert policies(program) == POLICY_AT
    assert version_at(program, -0.001, 0, 1) == [None, 1, 1]
    (saved,) = list_configurations(program=program, limit=9)
    assert (saved.actor, saved.note, saved.created_at) == ("console", "opening", NOW)
    assert parse_document(saved.document) == applied.document
    assert saved.document["wallets"][1]["grace"] == "P30D", "with its defaults"
    assert told(applied) == [
        ("changed", "/wallets/0/validity", None, "P12M/month"),
        ("changed", "/wallets/0/limit_per_day", None, 500),
        ("added", "/wallets/1", None, {"code": "miles", "name": "Miles", "scale": 2}),
        (
            "added",
            "/earning/rules/0",
            None,
            {
                "id": "base",
                "earn": {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"},
            },
        ),
    ]


def test_what_was_done_is_in_the_audit(program: UUID) -> None:
    apply(program, FIRST)
    changes = list_changes(program=program, limit=9, newest_first=False)
    assert [(one.action, one.actor) for one in changes] == [
        ("wallet.created", "console"),
        ("wallet.changed", "console"),
        ("configuration.applied", "console"),
    ]
    assert changes[0].fields["code"] == "miles"
    assert changes[1].fields["validity"] == "P12M/month"
    assert changes[2].fields == {
        "version": 1,
        "effective_from": "2026-01-01T00:00:00Z",
        "places": [
            "/wallets/0/validity",
            "/wallets/0/limit_per_day",
            "/wallets/1",
            "/earning/rules/0",
        ],
    }


def test_the_same_again_changes_nothing(program: UUID) -> None:
    enrol(program, "anna")
    apply(program, FIRST)
    before = written(program)
    for _ in range(2):
        again = apply(program, FIRST, now=NOW + DAY)
        assert (again.version, again.created, again.differences) == (1, False, ())
        assert (again.accounts_opened, again.complete) == (0, True)
    assert written(program) == before


@pytest.mark.parametrize("form", ["whole", "lean", "text"])
def test_what_was_exported_changes_nothing_when_it_is_applied(
    program: UUID, form: str
) -> None:
    for document in ("{}", FIRST):
        apply(program, document)
        before = written(program)
        exported = export_configuration(program=program, at=NOW).document
        said: Any = whole(exported)
        if form == "lean":
            said = lean(exported)
        if form == "text":
            said = write_yaml(lean(exported))
        assert not apply(program, said).created
        assert written(program) == before


def test_an_export_leaves_out_what_is_so_by_default(program: UUID) -> None:
    apply(program, FIRST)
    assert write_yaml(lean(export_configuration(program=program, at=NOW).document)) == (
        "wallets:\n"
        "- {code: points, name: Points, validity: P12M/month, limit_per_day: 500}\n"
        "- {code: miles, name: Miles, scale: 2}\n"
        "earning:\n"
        "  rules:\n"
        "  - id: base\n"
        "    earn: {kind: per_spend, points: 1, per: 100, tax: after}\n"
    )


def test_a_dry_run_answers_the_same_and_writes_nothing(program: UUID) -> None:
    enrol(program, "anna")
    before = written(program)
    dry = apply(program, FIRST, dry_run=True)
    assert written(program) == before
    assert (dry.version, dry.created, dry.accounts_opened) == (None, True, 0)
    real = apply(program, FIRST)
    for field in ("differences", "document", "wallets_created", "created"):
        assert getattr(dry, field) == getattr(real, field)
    assert apply(program, FIRST, dry_run=True).version == 1


def test_who_has_not_seen_the_last_version_changes_nothing(program: UUID) -> None:
    apply(program, FIRST, after=[0])
    before = written(program)
    for dry_run in (True, False):
        with pytest.raises(ConfigurationChanged):
            apply(program, shortfall("cap"), after=[0, 2], dry_run=dry_run)
    assert written(program) == before
    assert apply(program, shortfall("cap"), after=[0, 1]).version == 2


def test_mistakes_of_any_kind_write_nothing(program: UUID) -> None:
    before = written(program)
    said = WALLETS.replace("Points,", "Points, scale: 1,") + "colour: red"
    with pytest.raises(ConfigurationMalformed) as refused:
        apply(program, said)
    found = [(one.pointer, one.code) for one in refused.value.mistakes]
    assert found == [
        ("/wallets/0/scale", "cannot_change"),
        ("/colour", "unknown_field"),
    ]
    with pytest.raises(ProgramMalformed):
        apply(program, FIRST, note="x" * 201)
    with pytest.raises(ProgramNotFound):
        apply(UUID(int=1), FIRST)
    assert written(program) == before


def test_a_wallet_that_is_not_named_stays_as_it_is(program: UUID) -> None:
    apply(program, FIRST)
    applied = apply(program, "wallets: [{code: miles, name: Miles, scale: 2}]")
    assert [wallet.code for wallet in applied.document.wallets] == ["miles", "points"]
    assert policies(program) == POLICY_AT
    assert told(applied)[0] == (
        "changed",
        "/wallets",
        ["points", "miles"],
        ["miles", "points"],
    )
    assert [one.kind for one in applied.differences[1:]] == ["removed"]


def test_rules_may_name_wallets_that_are_there(program: UUID) -> None:
    rule = RULE.replace("base,", "base, wallet: points,")
    assert apply(program, f"earning: {{rules: [{rule}]}}").created


def test_a_wallet_made_otherwise_is_in_the_export(program: UUID) -> None:
    apply(program, FIRST)
    create_wallet(
        program=program,
        code="stars",
        name="Stars",
        author=Author(actor="console", program=program),
        now=NOW + DAY,
    )
    exported = export_configuration(program=program, at=NOW + DAY)
    codes = [wallet.code for wallet in exported.document.wallets]
    assert (exported.version, codes) == (1, ["points", "miles", "stars"])
    assert not apply(program, whole(exported.document), now=NOW + DAY).created


def test_rules_of_a_later_time_wait_for_it(program: UUID) -> None:
    apply(program, FIRST)
    later = apply(program, shortfall("cap"), effective_from=NOW + 10 * DAY)
    assert (later.version, later.supersedes) == (2, ())
    assert version_at(program, 0, 9.999, 10) == [1, 1, 2]
    exported = export_configuration(program=program, at=NOW)
    assert (exported.version, exported.effective_from) == (1, NOW)
    exported = export_configuration(program=program, at=NOW + 10 * DAY)
    assert (exported.version, exported.document.returns.shortfall) == (2, "cap")


def test_a_new_wallet_is_there_at_once_and_another_policy_cannot_wait(
    program: UUID,
) -> None:
    soon = NOW + 10 * DAY
    apply(program, "wallets: [{code: miles, name: Miles}]", effective_from=soon)
    assert set(policies(program)) == {"points", "miles"}
    before = written(program)
    with pytest.raises(ConfigurationMalformed) as refused:
        apply(program, WALLETS.replace(", scale: 2", ""), effective_from=soon)
    assert [(one.pointer, one.code) for one in refused.value.mistakes] == [
        ("/wallets/0/validity", "cannot_wait"),
        ("/wallets/0/limit_per_day", "cannot_wait"),
    ]
    assert written(program) == before


def test_what_waits_is_kept_by_the_same_and_superseded_by_another(
    program: UUID,
) -> None:
    apply(program, FIRST)
    apply(program, shortfall("cap"), effective_from=NOW + 10 * DAY)
    apply(program, shortfall("refuse"), effective_from=NOW + 20 * DAY)
    assert not apply(program, FIRST, now=NOW + DAY).created
    assert version_at(program, 1, 10, 20) == [1, 2, 3]
    dry = apply(program, shortfall("debt"), now=NOW + DAY, dry_run=True)
    assert dry.supersedes == (2, 3)
    assert version_at(program, 1, 10, 20) == [1, 2, 3]
    applied = apply(program, shortfall("debt"), now=NOW + DAY)
    assert (applied.version, applied.supersedes) == (4, (2, 3))
    assert version_at(program, 0.999, 1, 10, 20) == [1, 4, 4, 4]


def test_what_was_is_corrected_from_an_instant_on(program: UUID) -> None:
    apply(program, shortfall("cap"))
    apply(program, shortfall("refuse"), now=NOW + 10 * DAY)
    # In force on day 5 already, and not any more on day 10: so it is a correction.
    fixed = apply(
        program,
        shortfall("cap"),
        now=NOW + 20 * DAY,
        effective_from=NOW + 5 * DAY,
    )
    assert (fixed.version, fixed.supersedes) == (3, (2,))
    assert told(fixed) == [("changed", "/returns/shortfall", "refuse", "cap")]
    assert version_at(program, 4, 5, 10, 20) == [1, 3, 3, 3]


def test_another_policy_is_for_what_is_earned_from_now_on(program: UUID) -> None:
    enrol(program, "anna")
    member = find_members(program=program, external_ids=["anna"])["anna"]
    (account,) = list_accounts(holder_kind="member", holder=member)

    def earn(key: str) -> None:
        command = Earn(account=account.account, points=10, key=key)
        (outcome,) = post_commands(commands=[command], now=NOW)
        assert outcome.applied

    earn("before")
    apply(program, "wallets: [{code: points, name: Points, validity: P1Y}]")
    earn("after")
    lots = list_lots(account=account.account, limit=9)
    assert [lot.expires_at for lot in lots] == [None, datetime(2027, 1, 1, tzinfo=UTC)]


def test_accounts_that_are_missing_are_opened_by_the_same_again(
    program: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("punchcard.journeys.create_wallet.MEMBERS_AT_ONCE", 10)
    enrol(program, *(f"m{n:02}" for n in range(25)))
    first = apply(program, FIRST, most=10)
    assert (first.created, first.accounts_opened, first.complete) == (True, 10, False)
    again = apply(program, FIRST, most=10)
    assert (again.created, again.accounts_opened, again.complete) == (False, 10, False)
    last = apply(program, FIRST)
    assert (last.accounts_opened, last.complete) == (5, True)
    assert len(list_configurations(program=program, limit=9)) == 1


def test_of_two_at_once_the_second_finds_it_done(program: UUID) -> None:
    enrol(program, "anna")
    found: list[Applied] = []

    def apply_it() -> None:
        try:
            found.append(apply(program, FIRST))
        finally:
            connection.close()

    both = [threading.Thread(target=apply_it) for _ in range(4)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(one.created for one in found) == [False, False, False, True]
    assert {one.version for one in found} == {1}
    assert len(list_configurations(program=program, limit=9)) == 1
    assert len(list_changes(program=program, limit=99)) == 3


def test_who_enrols_does_not_wait_for_who_applies(program: UUID) -> None:
    done = threading.Event()

    def enrol_somebody() -> None:
        try:
            enrol(program, "anna")
            done.set()
        finally:
            connection.close()

    with transaction():
        lock_program(program=program)
        thread = threading.Thread(target=enrol_somebody)
        thread.start()
        assert done.wait(20)
    thread.join()


def test_there_is_no_export_of_a_version_that_is_not_there(program: UUID) -> None:
    apply(program, FIRST)
    assert export_configuration(program=program, at=NOW, version=1).version == 1
    with pytest.raises(ConfigurationNotFound):
        export_configuration(program=program, at=NOW, version=2)
    nothing = export_configuration(program=program, at=NOW - DAY)
    assert (nothing.version, nothing.effective_from) == (None, None)


def test_what_has_a_name_is_the_same_wherever_it_stands(program: UUID) -> None:
    rules = "{id: %s, earn: {kind: fixed, points: %s}%s}"
    one, two, three = (rules % (name, 5, "") for name in "abc")
    apply(program, f"earning: {{rules: [{one}, {two}], segments: {{s: 'true'}}}}")
    other = rules % ("b", 6, ", hours: [{from: 08:00}]")
    applied = apply(
        program, f"earning: {{rules: [{three}, {other}], segments: {{t: 'true'}}}}"
    )
    assert told(applied) == [
        (
            "removed",
            "/earning/rules/0",
            {"id": "a", "earn": {"kind": "fixed", "points": 5}},
            None,
        ),
        (
            "added",
            "/earning/rules/0",
            None,
            {"id": "c", "earn": {"kind": "fixed", "points": 5}},
        ),
        ("changed", "/earning/rules/1/earn/points", 5, 6),
        ("changed", "/earning/rules/1/hours", [], [{"from": "08:00"}]),
        ("removed", "/earning/segments/s", "true", None),
        ("added", "/earning/segments/t", None, "true"),
    ]
    assert all(isinstance(one, Difference) for one in applied.differences)
