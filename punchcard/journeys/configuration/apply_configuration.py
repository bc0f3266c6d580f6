"""Apply a document: what is different is done, and what is the same is left alone.

Note [Wallets have no versions]: what a document says of wallets is done when it is
applied, whatever its rules' time is. New ones are made, the policies of others changed
for all that is done from now on; what is said otherwise for a later time is refused.
One that is not named stays as it is: points may be in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.earning.checking import Mistake
from punchcard.journeys.create_wallet import open_wallet_accounts
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import refuse_transaction, transaction
from punchcard.members.operations import await_enrolments
from punchcard.programs import operations as programs
from punchcard.programs.errors import ConfigurationChanged, WalletCodeTaken
from punchcard.programs.queries import (
    WalletView,
    instants_of_change,
    last_version,
    list_wallets,
)

from .checking import FIXED, check_document
from .differences import Difference, compare
from .document import Document, WalletDocument, whole
from .errors import ConfigurationMalformed
from .exporting import documents_of, with_wallets_as_they_are
from .in_force import InForce, in_force

PLACES_MAX = 100
"""How many places of a change the audit names."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What is different by a document, and what came of it."""

    version: int | None
    """The new one, or the one that says so already; None: of a dry run, or of none."""
    created: bool
    """Whether there is a new version; for a dry run, whether there would be."""
    effective_from: datetime
    document: Document
    """With the wallets that it does not name."""
    differences: tuple[Difference, ...]
    supersedes: tuple[int, ...] = ()
    """Versions that were, or were to be, in force later on, and are not any more."""
    wallets_created: tuple[str, ...] = ()
    accounts_opened: int = 0
    complete: bool = True
    """Whether every member has an account in every wallet; else the same again goes
    on."""


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a document comes to, and against what."""

    document: Document
    wallets: dict[str, WalletDocument]
    """Those that there are."""
    standing: InForce
    """What is in force now, or will be when the document begins."""
    differences: tuple[Difference, ...]
    is_new: bool
    supersedes: tuple[int, ...]

    def new_wallets(self) -> Iterator[WalletDocument]:
        """Yield the wallets that are to be made."""
        for wallet in self.document.wallets:
            if wallet.code not in self.wallets:
                yield wallet

    def other_wallets(self) -> Iterator[WalletDocument]:
        """Yield the wallets whose policies are to be others."""
        for wallet in self.document.wallets:
            if self.wallets.get(wallet.code, wallet) != wallet:
                yield wallet


def apply_configuration(
    *,
    program: UUID,
    document: object,
    author: Author,
    now: datetime,
    effective_from: datetime | None = None,
    after: Collection[int] | None = None,
    note: str = "",
    dry_run: bool = False,
    most: int | None = None,
) -> Applied:
    """Put a document (plain values) in force, from an instant on; None: from now on.

    With `after` the last version must be one of these (0: there is none). What is in
    force already makes no version. About `most` accounts of new wallets are opened
    (None: all).

    Raises:
        ProgramNotFound: there is no such program.
        ConfigurationChanged: somebody saved another version meanwhile, or made a
            wallet.
        ConfigurationMalformed: the document has mistakes; all of them.
        ProgramMalformed: the note is too long.
        OperationalError: the database cannot be reached, or an enrolment has not ended
            in time; what was done stays.
    """
    refuse_transaction()
    since = now if effective_from is None else effective_from
    with transaction():
        programs.lock_program(program=program)
        plan = _plan(program, document, since, now, after)
        version = plan.standing.version
        if dry_run:
            version = None if plan.is_new else version
        elif plan.is_new:
            version = _save(program, plan, since, note, author, now)
    applied = Applied(
        version=version,
        created=plan.is_new,
        effective_from=since,
        document=plan.document,
        differences=plan.differences,
        supersedes=plan.supersedes,
        wallets_created=tuple(wallet.code for wallet in plan.new_wallets()),
    )
    return applied if dry_run else _open_accounts(program, applied, now, most)


def _plan(
    program: UUID,
    raw: object,
    since: datetime,
    now: datetime,
    after: Collection[int] | None,
) -> _Plan:
    if after is not None and last_version(program=program) not in after:
        raise ConfigurationChanged
    views = list_wallets(program=program)
    wallets = documents_of(views)
    later = instants_of_change(program=program, after=since)
    standing = in_force(program=program, instants=[since, *later])
    there = with_wallets_as_they_are(standing[since].document, views)
    document = _completed(check_document(raw, wallets=wallets), there)
    if since > now:
        _refuse_later_wallets(document, wallets, since)
    # What is to come into force later stays so, unless something is different before.
    until = max(now, since)
    stretches = [standing[at] for at in [since, *later] if at <= until]
    found = [
        compare(before=with_wallets_as_they_are(one.document, views), after=document)
        for one in stretches
    ]
    differences = next((each for each in found if each), ())
    versions = {standing[at].version for at in later} - {standing[since].version}
    return _Plan(
        document=document,
        wallets=wallets,
        standing=stretches[-1],
        differences=differences,
        is_new=bool(differences),
        supersedes=tuple(sorted(filter(None, versions))) if differences else (),
    )


def _completed(document: Document, there: Document) -> Document:
    """Return a document with the wallets that it does not name, behind its own."""
    named = {wallet.code for wallet in document.wallets}
    others = (wallet for wallet in there.wallets if wallet.code not in named)
    return msgspec.structs.replace(document, wallets=(*document.wallets, *others))


def _refuse_later_wallets(
    document: Document, wallets: dict[str, WalletDocument], since: datetime
) -> None:
    """Refuse another policy for a later time. See Note [Wallets have no versions]."""
    mistakes = [
        Mistake(
            pointer=f"/wallets/{at}/{field}",
            code="cannot_wait",
            detail=f"a policy changes at once, not at {since:%Y-%m-%dT%H:%M:%SZ}",
        )
        for at, wallet in enumerate(document.wallets)
        for field in wallet.__struct_fields__
        if wallet.code in wallets
        and getattr(wallets[wallet.code], field) != getattr(wallet, field)
    ]
    if mistakes:
        raise ConfigurationMalformed(mistakes)


def _save(
    program: UUID,
    plan: _Plan,
    since: datetime,
    note: str,
    author: Author,
    now: datetime,
) -> int:
    changes = [_create_wallet(program, one, now) for one in plan.new_wallets()]
    changes += [_change_wallet(program, one) for one in plan.other_wallets()]
    saved = programs.save_configuration(
        program=program,
        document=whole(plan.document),
        effective_from=since,
        note=note,
        actor=author.actor,
        now=now,
    )
    places = [one.pointer for one in plan.differences]
    facts = {
        "version": saved.version,
        "effective_from": since,
        "places": places[:PLACES_MAX],
    }
    target = typed("prg", program)
    changes.append(Change(action="configuration.applied", target=target, fields=facts))
    record_changes(author=author, changes=changes, now=now)
    if any(plan.new_wallets()):
        # See Note [No member without an account] in `journeys/create_wallet.py`.
        await_enrolments()
    return saved.version


def _create_wallet(program: UUID, wallet: WalletDocument, now: datetime) -> Change:
    said = msgspec.structs.asdict(wallet)
    try:
        made = programs.create_wallet(program=program, now=now, **said)
    except WalletCodeTaken as error:
        # Made by itself since it was looked for: wallets can be.
        raise ConfigurationChanged from error
    del said["name"]
    return _wallet_change("wallet.created", made, said)


def _change_wallet(program: UUID, wallet: WalletDocument) -> Change:
    said: dict[str, Any] = msgspec.structs.asdict(wallet)
    for field in FIXED:
        del said[field]
    return _wallet_change(
        "wallet.changed", programs.change_wallet(program=program, **said), said
    )


def _wallet_change(action: str, made: WalletView, said: dict[str, Any]) -> Change:
    return Change(action=action, target=typed("wal", made.id), fields=said)


def _open_accounts(
    program: UUID, applied: Applied, now: datetime, most: int | None
) -> Applied:
    """Open the accounts that are missing: of new wallets, or of all when told again."""
    wanted = set(applied.wallets_created)
    if not applied.created:
        wanted = {wallet.code for wallet in applied.document.wallets}
    opened, complete = 0, True
    for wallet in list_wallets(program=program):
        if wallet.code not in wanted:
            continue
        left = None if most is None else max(most - opened, 0)
        more, came_round = open_wallet_accounts(wallet=wallet, now=now, most=left)
        opened += more
        complete = complete and came_round
    return msgspec.structs.replace(applied, accounts_opened=opened, complete=complete)
