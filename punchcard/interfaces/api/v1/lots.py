"""Lots of an account: listed, looked up, activated, cancelled, extended, lapsed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.idempotency import REPLAYED
from punchcard.interfaces.api.pagination import (
    BySequence,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.interfaces.api.problems import Problem, refusal_problem
from punchcard.interfaces.api.references import Names, resolve_accounts
from punchcard.journeys.correcting_lots import LotCorrection, Renewal, refusal_of
from punchcard.journeys.extend_lot import extend_lot
from punchcard.journeys.lapse_lot import lapse_lot
from punchcard.ledger.outcomes import Outcome
from punchcard.ledger.queries import find_lot, list_lots

from .bodies import (
    ActivateBody,
    CancelBody,
    Instant,
    Reason,
    ValidityText,
    WholePoints,
)
from .posting import OF_EVERY_COMMAND, DryRun, command, key_of, post_one
from .reading import SequencePlace, SmallPlace, account_of
from .shapes import (
    Balance,
    EntryAnswer,
    LotAnswer,
    render_balance,
    render_entry,
    render_lot,
)
from .translating import in_utc

LotState = Literal["pending", "open", "spent", "lapsed", "cancelled"]
_LOTS = "lots"


class LotsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of the list of lots."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: BySequence = "sequence"
    state: (
        Annotated[
            list[LotState],
            Meta(description="May be given more than once.", max_length=20),
        ]
        | None
    ) = None


class LapseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take points of an open lot away for good."""

    reason: Reason
    points: Annotated[
        WholePoints | None, Meta(description="Left out: all that remains.")
    ] = None


class ExtendBody(LapseBody, frozen=True, kw_only=True):
    """Give points of an open lot a new expiry."""

    validity: (
        Annotated[
            ValidityText, Meta(description="From now; else the wallet's validity.")
        ]
        | None
    ) = None
    expires_at: (
        Annotated[Instant, Meta(description="In place of `validity`.")] | None
    ) = None


class LotCorrectionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The adjusts that were written, and the account's four numbers after them."""

    entries: list[EntryAnswer]
    lot: Annotated[
        str | None,
        Meta(
            description="The lot in which the points live on; null: nowhere.",
            examples=["18.1"],
        ),
    ]
    balance: Balance


class LotsOfAccount(Endpoint):
    """`/v1/accounts/{account}/lots`."""

    @operation(
        Operation(
            id="listLots",
            summary="List lots",
            description="All credits ever, by the entry that opened them.",
            tag="accounts",
            scope="ledger:read",
            query=LotsQuery,
            answers={200: Page[LotAnswer]},
            refusals=("account_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, LotsQuery]) -> Answer:
        """List lots."""
        query = call.query
        account = account_of(call)
        kind = f"{_LOTS}:{query.sort}"
        place = decode_cursor(query.cursor, kind, tuple[str, SequencePlace, SmallPlace])
        rows = list_lots(
            account=account,
            limit=query.limit + 1,
            as_of=call.now,
            after=(place[0], place[1]) if place else None,
            states=query.state,
            newest_first=query.sort == "-sequence",
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=render_lot,
            cursor=lambda lot: encode_cursor(kind, lot.sequence, lot.n),
        )
        return Answer(body=page)


class OneLot(Endpoint):
    """`/v1/accounts/{account}/lots/{lot}`."""

    @operation(
        Operation(
            id="getLot",
            summary="Look up a lot",
            description="As it is now, what fell due included.",
            tag="accounts",
            scope="ledger:read",
            answers={200: LotAnswer},
            refusals=("account_not_found", "entry_not_found"),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a lot."""
        sequence, n = call.path["lot"]
        lot = find_lot(account=account_of(call), lot=(sequence, n), as_of=call.now)
        if lot is None:
            detail = "The account has no such lot."
            details = {"lot": f"{sequence}.{n}"}
            raise Problem("entry_not_found", detail, details=details)
        return Answer(body=render_lot(lot))


class ActivateLot(Endpoint):
    """`POST /v1/accounts/{account}/lots/{lot}/activate`."""

    @operation(
        command(
            "activate",
            "Make a pending lot available",
            ActivateBody,
            "entry_not_found",
            "lot_not_pending",
            description=(
                "Whole, and now, whether it waits for an event or for its time. Its "
                "validity starts now."
            ),
        )
    )
    def post(self, call: Call[ActivateBody, DryRun]) -> Answer:
        """Make a pending lot available."""
        return post_one(call, lot=call.path["lot"])


class CancelLot(Endpoint):
    """`POST /v1/accounts/{account}/lots/{lot}/cancel`."""

    @operation(
        command(
            "cancel",
            "Take a pending lot back",
            CancelBody,
            "entry_not_found",
            "lot_not_pending",
            description="Whole. What was cancelled counts as reversed.",
        )
    )
    def post(self, call: Call[CancelBody, DryRun]) -> Answer:
        """Take a pending lot back."""
        return post_one(call, lot=call.path["lot"])


def _correction(
    id: str,  # noqa: A002
    summary: str,
    body: type[Any],
    *,
    description: str,
) -> Operation:
    return Operation(
        id=id,
        summary=summary,
        description=description,
        tag="ledger commands",
        scope="ledger:adjust",
        body=body,
        query=DryRun,
        answers={201: LotCorrectionAnswer, 200: LotCorrectionAnswer},
        refusals=(*OF_EVERY_COMMAND, "entry_not_found", "exceeds_original"),
        key="required",
    )


class ExtendLot(Endpoint):
    """`POST /v1/accounts/{account}/lots/{lot}/extend`."""

    @operation(
        _correction(
            "extendLot",
            "Give a lot a new expiry",
            ExtendBody,
            description=(
                "A pair of adjusts, both or none: the points leave this lot for one "
                "of their own. The balance and the lifetime stay as they are."
            ),
        )
    )
    def post(self, call: Call[ExtendBody, DryRun]) -> Answer:
        """Give a lot a new expiry."""
        expires_at = call.body.expires_at
        outcomes = extend_lot(
            correction=_asked(call),
            renewal=Renewal(
                validity=call.body.validity,
                expires_at=None if expires_at is None else in_utc(expires_at),
            ),
            now=call.now,
            dry_run=call.query.dry_run,
        )
        return _answer(outcomes, dry_run=call.query.dry_run)


class LapseLot(Endpoint):
    """`POST /v1/accounts/{account}/lots/{lot}/lapse`."""

    @operation(
        _correction(
            "lapseLot",
            "Let a lot lapse before its time",
            LapseBody,
            description="A single adjust, which takes from this lot alone.",
        )
    )
    def post(self, call: Call[LapseBody, DryRun]) -> Answer:
        """Let a lot lapse before its time."""
        outcomes = lapse_lot(
            correction=_asked(call), now=call.now, dry_run=call.query.dry_run
        )
        return _answer(outcomes, dry_run=call.query.dry_run)


def _asked(call: Call[Any, DryRun]) -> LotCorrection:
    text, program = call.path["account"], call.program.id
    return LotCorrection(
        account=resolve_accounts(program=program, texts=[text])[text],
        lot=call.path["lot"],
        points=call.body.points,
        reason=call.body.reason,
        key=key_of(call.key, dry_run=call.query.dry_run),
        author=call.author,
        limit=call.caller.adjust_limit,
    )


def _answer(outcomes: list[Outcome], *, dry_run: bool) -> Answer:
    refused = refusal_of(outcomes)
    if refused is not None:
        raise refusal_problem(refused.code, refused.details, replayed=refused.replayed)
    names = Names()
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
    last = entries[-1]
    answer = LotCorrectionAnswer(
        entries=[render_entry(entry, names) for entry in entries],
        lot=f"{last.sequence}.1" if last.available > 0 else None,
        balance=render_balance(last),
    )
    return Answer(
        body=answer,
        status=200 if dry_run else 201,
        headers=REPLAYED if outcomes[0].replayed else {},
    )
