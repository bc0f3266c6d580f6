"""API keys: for machines; made, rotated, revoked, and seen once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from punchcard.access.errors import AccessMalformed, ApiKeyNotFound
from punchcard.access.queries import ApiKeyView, Scope, get_api_key, list_api_keys
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
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.interfaces.api.permissions import require_giveable
from punchcard.interfaces.api.references import read_id
from punchcard.journeys.create_api_key import create_api_key
from punchcard.journeys.revoke_api_key import revoke_api_key
from punchcard.journeys.rotate_api_key import rotate_api_key
from punchcard.kernel import clock
from punchcard.kernel.calendar import DurationError, add_duration, parse_duration
from punchcard.kernel.ids import typed

from .bodies import Instant

NETWORKS_MAX = 100
_CURSOR = "api-keys"

Network = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=43,
        pattern=texts.whole(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"),
        description="An address or a network, IPv4 or IPv6.",
        examples=["192.0.2.0/24"],
    ),
]
Overlap = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=40,
        pattern=texts.whole(texts.DURATION),
        description="ISO 8601: how long the secret before goes on; at most 7 days.",
        examples=["P1D"],
    ),
]


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is wanted."""

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            pattern=texts.whole(texts.PRINTABLE),
            description="What it is for.",
            examples=["web shop"],
        ),
    ]
    scopes: Annotated[
        list[Scope],
        Meta(
            min_length=1,
            max_length=50,
            description="None that the caller does not have.",
            examples=[["members:read", "ledger:earn"]],
        ),
    ]
    kind: Annotated[
        Literal["secret", "publishable"],
        Meta(
            description=(
                "A publishable key may stand in a page; it has the scope "
                "`program:read`, and no other."
            )
        ),
    ] = "secret"
    expires_at: Instant | None = None
    networks: Annotated[
        list[Network],
        Meta(
            max_length=NETWORKS_MAX,
            description="From where it may be used; none: from anywhere.",
        ),
    ] = []


class RotateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is rotated."""

    overlap: Overlap = "P1D"


class ApiKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: Annotated[str, Meta(examples=["key_01h455vb4pex5vsknk084sn02q"])]
    name: str
    kind: Literal["secret", "publishable"]
    status: Literal["active", "expired", "revoked"]
    prefix: Annotated[str, Meta(examples=["sk_test_"])]
    last4: Annotated[str, Meta(description="Of the secret.", examples=["Xk2Q"])]
    key: Annotated[
        str | None,
        Meta(description="The whole of a publishable key, which is no secret."),
    ]
    scopes: list[Scope]
    networks: list[str]
    created_at: datetime
    rotated_at: datetime | None
    previous_until: Annotated[
        datetime | None,
        Meta(description="Until when the secret before the rotation goes on."),
    ]
    last_used_at: Annotated[datetime | None, Meta(description="To the minute or so.")]
    expires_at: datetime | None
    revoked_at: datetime | None


class NewApiKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secret."""

    secret: Annotated[
        str,
        Meta(description="Seen this once.", examples=["sk_test_mZ7QyE1…Xk2Q"]),
    ]
    api_key: ApiKeyAnswer


class ApiKeysQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of API keys."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    created_from: Instant | None = msgspec.field(name="created_at.gte", default=None)
    created_to: Instant | None = msgspec.field(name="created_at.lt", default=None)


class ApiKeys(Endpoint):
    """`/v1/api-keys`."""

    @operation(
        Operation(
            id="createApiKey",
            summary="Create an API key",
            description=(
                "Its secret is seen this once; of a test program it begins with "
                "`sk_test_`, of a live one with `sk_live_`. No `Idempotency-Key`: an "
                "answer that holds a secret is not kept. Revoke what got lost."
            ),
            tag="API keys",
            scope="keys:write",
            body=ApiKeyBody,
            answers={201: NewApiKeyAnswer},
        )
    )
    def post(self, call: Call[ApiKeyBody, NoQuery]) -> Answer:
        """Create an API key."""
        body = call.body
        require_giveable(call.caller, body.scopes)
        created = create_api_key(
            program=call.program.id,
            name=body.name,
            scopes=body.scopes,
            now=clock.read(),
            expires_at=body.expires_at,
            kind=body.kind,
            networks=body.networks,
            author=call.author,
        )
        answer = _with_secret(call, created.id, created.secret)
        where = {"Location": f"/v1/api-keys/{answer.api_key.id}"}
        return Answer(body=answer, status=201, headers=where)

    @operation(
        Operation(
            id="listApiKeys",
            summary="List API keys",
            description="Those that are over too, the newest first.",
            tag="API keys",
            scope="keys:read",
            query=ApiKeysQuery,
            answers={200: Page[ApiKeyAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, ApiKeysQuery]) -> Answer:
        """List API keys."""
        query = call.query
        now = clock.read()
        page = page_by_id(
            query,
            _CURSOR,
            read=partial(
                list_api_keys,
                program=call.program.id,
                created_from=query.created_from,
                created_to=query.created_to,
            ),
            render=lambda view: _render(view, now),
        )
        return Answer(body=page)


class OneApiKey(Endpoint):
    """`/v1/api-keys/{key}`."""

    @operation(
        Operation(
            id="getApiKey",
            summary="Look up an API key",
            description="What it may do, and when it was used last.",
            tag="API keys",
            scope="keys:read",
            answers={200: ApiKeyAnswer},
            refusals=("api_key_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an API key."""
        return Answer(body=_render(_key(call), clock.read()))


class RotateApiKey(Endpoint):
    """`/v1/api-keys/{key}/rotate`."""

    @operation(
        Operation(
            id="rotateApiKey",
            summary="Give an API key a new secret",
            description=(
                "The one before goes on for the overlap, so that a fleet of machines "
                "can change over. A third one, from a rotation before, is good no more."
            ),
            tag="API keys",
            scope="keys:write",
            body=RotateBody,
            answers={200: NewApiKeyAnswer},
            refusals=("api_key_not_found", "api_key_ended"),
        )
    )
    def post(self, call: Call[RotateBody, NoQuery]) -> Answer:
        """Give an API key a new secret."""
        found = _key(call)
        require_giveable(call.caller, found.scopes)
        rotated = rotate_api_key(
            program=call.program.id,
            key=found.id,
            overlap=_overlap(call.body.overlap),
            author=call.author,
            now=clock.read(),
        )
        return Answer(body=_with_secret(call, rotated.id, rotated.secret))


class RevokeApiKey(Endpoint):
    """`/v1/api-keys/{key}/revoke`."""

    @operation(
        Operation(
            id="revokeApiKey",
            summary="Revoke an API key",
            description="At once and for ever; twice is once.",
            tag="API keys",
            scope="keys:write",
            answers={200: ApiKeyAnswer},
            refusals=("api_key_not_found",),
            key="optional",
        )
    )
    def post(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Revoke an API key."""
        found = _key(call)
        now = clock.read()
        revoke_api_key(
            program=call.program.id, key=found.id, author=call.author, now=now
        )
        return Answer(body=_render(_key(call), now))


def _key(call: Call[Any, Any]) -> ApiKeyView:
    key = read_id("key", call.path["key"], ApiKeyNotFound)
    return get_api_key(program=call.program.id, key=key)


def _with_secret(call: Call[Any, Any], key: UUID, secret: str) -> NewApiKeyAnswer:
    view = get_api_key(program=call.program.id, key=key)
    return NewApiKeyAnswer(secret=secret, api_key=_render(view, clock.read()))


def _overlap(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
        start = datetime(2000, 1, 1, tzinfo=UTC)
        return add_duration(start, duration, ZoneInfo("UTC")) - start
    except (DurationError, OverflowError) as error:
        raise AccessMalformed("overlap", f"{error}.") from None


def _render(view: ApiKeyView, now: datetime) -> ApiKeyAnswer:
    status: Literal["active", "expired", "revoked"] = "active"
    if view.expires_at is not None and view.expires_at <= now:
        status = "expired"
    if view.revoked_at is not None:
        status = "revoked"
    goes_on = view.previous_until is not None and view.previous_until > now
    return ApiKeyAnswer(
        id=typed("key", view.id),
        name=view.name,
        kind="publishable" if view.prefix.startswith("pk_") else "secret",
        status=status,
        prefix=view.prefix,
        last4=view.last4,
        key=view.public,
        scopes=view.scopes,  # type: ignore[arg-type]  # nothing else is ever stored
        networks=view.networks,
        created_at=view.created_at,
        rotated_at=view.rotated_at,
        previous_until=view.previous_until if goes_on else None,
        last_used_at=view.last_used_at,
        expires_at=view.expires_at,
        revoked_at=view.revoked_at,
    )
