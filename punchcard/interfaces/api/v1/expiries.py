"""What lapses of an account, and when: a forecast."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    Operation,
    operation,
)
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.ledger.forecasting import FOREVER, By, Expiry, list_expiries

from .accounts import checked_year
from .bodies import Instant
from .reading import account_of
from .translating import in_utc

_EXPIRIES = "expiries"
_Place = Annotated[datetime, Meta(tz=True)]


class ExpiriesQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the forecast."""

    by: Annotated[
        By, Meta(description="Added up so; days and months are the program's.")
    ] = "instant"
    until: (
        Annotated[Instant, Meta(description="Included; left out: for ever.")] | None
    ) = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ExpiryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Points that lapse in one period."""

    period: Annotated[
        str,
        Meta(
            description=(
                "A month or a day of the program's calendar, or an instant. What can "
                "be spent through the last day of a month lapses in that month, "
                "at its end."
            ),
            examples=["2026-12"],
        ),
    ]
    points: Annotated[int, Meta(examples=[120])]
    first_at: Annotated[
        datetime,
        Meta(
            description="When the first of them lapse.",
            examples=["2026-12-15T00:00:00Z"],
        ),
    ]
    last_at: Annotated[
        datetime,
        Meta(
            description="When the last of them lapse.",
            examples=["2027-01-01T00:00:00Z"],
        ),
    ]


class ExpiriesOfAccount(Endpoint):
    """`/v1/accounts/{account}/expiring`."""

    @operation(
        Operation(
            id="listExpiries",
            summary="What lapses when",
            description=(
                "If nothing is earned or spent meanwhile, the next first. Pending "
                "points lapse after they became available, held ones after the hold "
                "ran out of time, idle ones all together. Not known and not told: "
                "when points lapse that wait for an event."
            ),
            tag="accounts",
            scope="ledger:read",
            query=ExpiriesQuery,
            answers={200: Page[ExpiryAnswer]},
            refusals=("account_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, ExpiriesQuery]) -> Answer:
        """Forecast what lapses."""
        query = call.query
        until = FOREVER
        if query.until is not None:
            until = in_utc(checked_year(query.until, "until"))
        kind = f"{_EXPIRIES}:{query.by}"
        place = decode_cursor(query.cursor, kind, tuple[str, _Place])
        # After a page goes on what follows it in time, whatever has lapsed meanwhile.
        as_of = call.now if place is None else max(call.now, place[0])
        rows = list_expiries(
            account=account_of(call), as_of=as_of, until=until, by=query.by
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=_render,
            cursor=lambda row: encode_cursor(kind, row.last_at),
        )
        return Answer(body=page)


def _render(row: Expiry) -> ExpiryAnswer:
    return ExpiryAnswer(
        period=row.period, points=row.points, first_at=row.first_at, last_at=row.last_at
    )
