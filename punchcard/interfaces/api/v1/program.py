"""The program that calls, as its tills and pages need to know it; and its places."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
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
from punchcard.interfaces.api.references import EXTERNAL, read_id
from punchcard.journeys.keep_places import create_place, rename_place
from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.programs.errors import PlaceNotFound
from punchcard.programs.queries import (
    PlaceView,
    WalletView,
    find_places,
    get_place,
    list_places,
    list_wallets,
)

_CURSOR = "places"

PlaceName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=texts.whole(texts.PRINTABLE),
        examples=["Old town"],
    ),
]


class WalletPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that the points of a wallet live by; durations are ISO 8601."""

    pending_period: str
    validity: Annotated[str | None, Meta(description="Null: they never expire.")]
    grace: str
    idle: str | None
    hold_time_max: str
    debt_policy: Literal["debt", "cap", "refuse"]
    limit_per_command: int | None
    limit_per_day: int | None
    limit_per_month: int | None


class ProgramWallet(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that members can hold."""

    code: Annotated[str, Meta(examples=["points"])]
    name: str
    scale: Annotated[
        int, Meta(description="Decimals of the unit; amounts are whole minor units.")
    ]
    policy: WalletPolicy


class ProgramAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The program that the credential belongs to."""

    slug: Annotated[str, Meta(examples=["cafe-lune"])]
    name: str
    mode: Literal["live", "test"]
    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]
    time_zone: Annotated[str, Meta(examples=["Europe/Paris"])]
    self_registration: Annotated[
        bool, Meta(description="Whether people may register themselves as members.")
    ]
    wallets: list[ProgramWallet]


class PlaceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop, a till, a counter."""

    code: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=63,
            pattern=texts.whole(r"^[a-z0-9]([-_]?[a-z0-9])*$"),
            description="Yours, for ever.",
            examples=["old-town"],
        ),
    ]
    name: PlaceName


class PlacePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of a place."""

    name: PlaceName


class PlaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A shop, a till, a counter."""

    id: Annotated[str, Meta(examples=["plc_01h455vb4pex5vsknk084sn02q"])]
    code: str
    name: str
    created_at: datetime


class PlacesQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of places."""

    limit: Limit = 50
    cursor: Cursor | None = None


class OwnProgram(Endpoint):
    """`/v1/program`."""

    @operation(
        Operation(
            id="getProgram",
            summary="Look up the program",
            description=(
                "Of the credential; a publishable key will do. With its wallets, and "
                "the rules that their points live by."
            ),
            tag="program",
            scope="program:read",
            answers={200: ProgramAnswer},
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up the program."""
        program = call.program
        answer = ProgramAnswer(
            slug=program.slug,
            name=program.name,
            mode="test" if program.is_test else "live",
            currency=program.currency,
            time_zone=program.time_zone,
            self_registration=program.self_registration,
            wallets=[_wallet(wallet) for wallet in list_wallets(program=program.id)],
        )
        return Answer(body=answer)


class Places(Endpoint):
    """`/v1/places`."""

    @operation(
        Operation(
            id="createPlace",
            summary="Create a place",
            description="Where cashiers work: see memberships.",
            tag="program",
            scope="program:write",
            body=PlaceBody,
            answers={201: PlaceAnswer},
            refusals=("place_code_taken",),
            key="optional",
        )
    )
    def post(self, call: Call[PlaceBody, NoQuery]) -> Answer:
        """Create a place."""
        place = create_place(
            program=call.program.id,
            code=call.body.code,
            name=call.body.name,
            author=call.author,
            now=clock.read(),
        )
        answer = _place(place)
        where = {"Location": f"/v1/places/{answer.id}"}
        return Answer(body=answer, status=201, headers=where)

    @operation(
        Operation(
            id="listPlaces",
            summary="List places",
            description="By code.",
            tag="program",
            scope="program:read",
            query=PlacesQuery,
            answers={200: Page[PlaceAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, PlacesQuery]) -> Answer:
        """List places."""
        query = call.query
        after = decode_cursor(query.cursor, _CURSOR, tuple[str, _Code])
        rows = list_places(
            program=call.program.id,
            limit=query.limit + 1,
            after=after[0] if after else None,
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=_place,
            cursor=lambda place: encode_cursor(_CURSOR, place.code),
        )
        return Answer(body=page)


class OnePlace(Endpoint):
    """`/v1/places/{place}`."""

    @operation(
        Operation(
            id="getPlace",
            summary="Look up a place",
            description="By its id, or by its code as in `ext:old-town`.",
            tag="program",
            scope="program:read",
            answers={200: PlaceAnswer},
            refusals=("place_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a place."""
        place = get_place(program=call.program.id, place=_resolved(call))
        return Answer(body=_place(place))

    @operation(
        Operation(
            id="changePlace",
            summary="Give a place another name",
            description="Its code is for ever.",
            tag="program",
            scope="program:write",
            body=PlacePatch,
            answers={200: PlaceAnswer},
            refusals=("place_not_found",),
            key="optional",
        )
    )
    def patch(self, call: Call[PlacePatch, NoQuery]) -> Answer:
        """Give a place another name."""
        place = rename_place(
            program=call.program.id,
            place=_resolved(call),
            name=call.body.name,
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=_place(place))


_Code = Annotated[str, Meta(max_length=texts.CODE_MAX, pattern=texts.whole(texts.CODE))]


def _resolved(call: Call[Any, Any]) -> UUID:
    """Return the id of the place that the address names."""
    text = call.path["place"]
    if text.startswith(EXTERNAL):
        code = text[len(EXTERNAL) :]
        for place in find_places(program=call.program.id, codes=[code]):
            return place.id
        raise PlaceNotFound
    return read_id("plc", text, PlaceNotFound)


def _place(view: PlaceView) -> PlaceAnswer:
    return PlaceAnswer(
        id=typed("plc", view.id),
        code=view.code,
        name=view.name,
        created_at=view.created_at,
    )


def _wallet(view: WalletView) -> ProgramWallet:
    return ProgramWallet(
        code=view.code,
        name=view.name,
        scale=view.scale,
        policy=msgspec.convert(
            {name: getattr(view, name) for name in WalletPolicy.__struct_fields__},
            WalletPolicy,
        ),
    )
