"""What is known of a member, as callers say it and as they see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import Answer
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.versions import etag
from punchcard.kernel.ids import typed
from punchcard.members.errors import MemberMalformed
from punchcard.members.operations import NewMember
from punchcard.members.queries import (
    Address,
    Consent,
    MemberView,
    Person,
    decided,
)

from .bodies import Instant

SOURCE = "api"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _text(most: int, example: str, description: str = "", **bounds: Any) -> Meta:
    schema = {"minLength": 1, "maxLength": most, "pattern": texts.PRINTABLE, **bounds}
    told: dict[str, Any] = {"examples": [example], "extra_json_schema": schema}
    return Meta(description=description or None, **told)


def _sought(
    most: int, example: str, description: str, pattern: str = texts.PRINTABLE
) -> Meta:
    """Return the bounds of a filter: they are kept here, nobody looks at it later."""
    return Meta(
        description=description,
        min_length=1,
        max_length=most,
        pattern=texts.whole(pattern),
        examples=[example],
    )


_EMAIL = r"^[^@\s]+@[^@\s]+$"
_PHONE = r"^\+[1-9][0-9]{6,14}$"
SoughtId = Annotated[str, _sought(200, "anna", "Your id.")]
SoughtEmail = Annotated[str, _sought(254, "anna@example.org", "Their address.", _EMAIL)]
SoughtPhone = Annotated[str, _sought(16, "+33612345678", "E.164.", _PHONE)]
SoughtTag = Annotated[str, _sought(50, "vip", "Those who have this tag.")]

ExternalId = Annotated[
    str, _text(200, "anna", "Your id: 1 to 200 printable characters.")
]
Email = Annotated[str, _text(254, "anna@example.org", pattern=_EMAIL)]
Phone = Annotated[str, _text(16, "+33612345678", "E.164.", pattern=_PHONE)]
Name = Annotated[str, _text(200, "Anna")]
Language = Annotated[
    str, _text(35, "fr", "BCP 47.", pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
]
Line = Annotated[str, _text(200, "Rue du Port 3")]
PostalCode = Annotated[str, _text(20, "29200")]
Country = Annotated[
    str, _text(2, "FR", "ISO 3166-1, two capital letters.", pattern="^[A-Z]{2}$")
]
Birth = Annotated[
    date, Meta(description="From 1850 to today.", examples=["1984-02-29"])
]
Tag = Annotated[str, _text(50, "vip")]
Tags = Annotated[
    list[Tag], Meta(examples=[["vip"]], extra_json_schema={"maxItems": 50})
]
Attributes = Annotated[
    dict[str, Any],
    Meta(
        description="Yours: at most 16 kB of JSON, 8 levels deep.",
        examples=[{"shoe_size": 38}],
    ),
]
ConsentSource = Annotated[
    str, _text(100, "sign-up form", "Where they said it; `api` if left out.")
]


class ConsentBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a person decided."""

    granted: Annotated[bool, Meta(examples=[True])]
    source: ConsentSource = SOURCE
    at: Annotated[
        Instant | None, Meta(description="When they said it; now if left out.")
    ] = None


Consents = Annotated[
    dict[
        Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z][a-z0-9_]{0,39}$"})],
        ConsentBody,
    ],
    Meta(
        description="What they decided, by purpose.",
        examples=[{"newsletter": {"granted": True, "source": "sign-up form"}}],
        extra_json_schema={"maxProperties": 100},
    ),
]


class AddressBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Where somebody lives."""

    line1: Line | None = None
    line2: Line | None = None
    postal_code: PostalCode | None = None
    city: Annotated[str, _text(200, "Brest")] | None = None
    region: Annotated[str, _text(200, "Bretagne")] | None = None
    country: Country | None = None


class MemberBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can hold points, under your own id."""

    external_id: ExternalId
    email: Email | None = None
    phone: Phone | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    birth_date: Birth | None = None
    language: Language | None = None
    address: AddressBody | None = None
    attributes: Attributes = {}
    tags: Tags = []
    consents: Consents = {}


class AddressPatch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What of an address is to be another; null: not known any more."""

    line1: Line | UnsetType | None = UNSET
    line2: Line | UnsetType | None = UNSET
    postal_code: PostalCode | UnsetType | None = UNSET
    city: Line | UnsetType | None = UNSET
    region: Line | UnsetType | None = UNSET
    country: Country | UnsetType | None = UNSET


class MemberPatch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What is to be another; null: not known any more; left out: as it was."""

    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    given_name: Name | UnsetType | None = UNSET
    family_name: Name | UnsetType | None = UNSET
    birth_date: Birth | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    address: AddressPatch | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    consents: Consents | UnsetType = UNSET


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided last."""

    granted: Annotated[bool, Meta(examples=[True])]
    source: Annotated[str, Meta(examples=["sign-up form"])]
    at: datetime


class AddressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody lives, as far as it is known."""

    line1: Annotated[str, Meta(examples=["Rue du Port 3"])] | None
    line2: str | None
    postal_code: Annotated[str, Meta(examples=["29200"])] | None
    city: Annotated[str, Meta(examples=["Brest"])] | None
    region: str | None
    country: Annotated[str, Meta(examples=["FR"])] | None


Status: TypeAlias = Literal["active", "erased"]
SoughtStatus = Annotated[Status, Meta(description="Those who are this.")]


class MemberAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and what is known of the person."""

    id: Annotated[str, Meta(examples=["mem_01h455vb4pex5vsknk084sn02q"])]
    external_id: Annotated[str, Meta(examples=["anna"])]
    status: Annotated[
        Status, Meta(description="`erased`: nothing is known of anybody any more.")
    ]
    email: Annotated[str, Meta(examples=["anna@example.org"])] | None
    phone: Annotated[str, Meta(examples=["+33612345678"])] | None
    given_name: Annotated[str, Meta(examples=["Anna"])] | None
    family_name: str | None
    birth_date: Annotated[date, Meta(examples=["1984-02-29"])] | None
    language: Annotated[str, Meta(examples=["fr"])] | None
    address: AddressAnswer | None
    attributes: Annotated[dict[str, Any], Meta(examples=[{"shoe_size": 38}])]
    tags: Annotated[list[str], Meta(examples=[["vip"]])]
    consents: Annotated[
        dict[str, ConsentAnswer], Meta(description="The last decisions, by purpose.")
    ]
    version: Annotated[
        int, Meta(description="Goes up with every change.", examples=[1])
    ]
    created_at: datetime
    erased_at: datetime | None


def to_new_member(body: MemberBody, now: datetime) -> NewMember:
    """Return the member that a body describes."""
    address = body.address
    person = Person(
        email=body.email,
        phone=body.phone,
        given_name=body.given_name,
        family_name=body.family_name,
        birth_date=body.birth_date,
        language=body.language,
        address=None if address is None else Address(**msgspec.structs.asdict(address)),
        attributes=body.attributes,
        tags=list(dict.fromkeys(body.tags)),
        consents=_decisions(body.consents, now),
    )
    return NewMember(external_id=body.external_id, person=person)


def to_changes(body: MemberPatch, now: datetime) -> dict[str, Any]:
    """Return the fields that a patch names, with what they are to be."""
    changes = _named(body)
    if "consents" in changes:
        changes["consents"] = _decisions(changes["consents"], now)
    if changes.get("address") is not None:
        changes["address"] = _named(changes["address"])
    return changes


def render_member(member: MemberView) -> MemberAnswer:
    """Return a member as callers see it."""
    person = member.person
    address = person.address
    return MemberAnswer(
        id=typed("mem", member.id),
        external_id=member.external_id,
        status=member.status,
        email=person.email,
        phone=person.phone,
        given_name=person.given_name,
        family_name=person.family_name,
        birth_date=person.birth_date,
        language=person.language,
        address=None
        if address is None
        else AddressAnswer(**msgspec.structs.asdict(address)),
        attributes=person.attributes,
        tags=person.tags,
        consents={
            purpose: ConsentAnswer(granted=last.granted, source=last.source, at=last.at)
            for purpose, last in sorted(decided(person.consents).items())
        },
        version=member.version,
        created_at=member.created_at,
        erased_at=member.erased_at,
    )


def answer_member(
    member: MemberView,
    *,
    status: int = 200,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Answer:
    """Return the answer that shows a member, with its version."""
    tagged = {**headers, "ETag": etag(member.version)}
    return Answer(body=render_member(member), status=status, headers=tagged)


def malformed_member(error: MemberMalformed) -> Problem:
    """Return the problem for a field that is not what it must be."""
    detail = str(error)
    pointer = f"/{error.field}"
    wrong = FieldError(code="wrong_value", detail=detail, pointer=pointer)
    return Problem("malformed", detail, errors=[wrong])


def _decisions(said: dict[str, ConsentBody], now: datetime) -> list[Consent]:
    return [
        Consent(
            purpose=purpose,
            granted=consent.granted,
            at=consent.at or now,
            source=consent.source,
        )
        for purpose, consent in said.items()
    ]


def _named(body: msgspec.Struct) -> dict[str, Any]:
    return {
        name: value
        for name, value in msgspec.structs.asdict(body).items()
        if value is not UNSET
    }
