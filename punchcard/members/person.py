"""Who a member is: all that is known of a person, and what is taken for sensible.

Pure: no Django, database or clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from .errors import ExternalIdMalformed, MemberMalformed

EXTERNAL_ID_MAX = 200
NAME_MAX = 200
EMAIL_MAX = 254
LANGUAGE_MAX = 35
LINE_MAX = 200
POSTAL_CODE_MAX = 20
TAGS_MAX = 50
TAG_MAX = 50
ATTRIBUTES_BYTES_MAX = 16_384
ATTRIBUTES_DEPTH_MAX = 8
PURPOSE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
SOURCE_MAX = 100
DECISIONS_MAX = 500
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+$"
PHONE_PATTERN = r"^\+[1-9][0-9]{6,14}$"
LANGUAGE_PATTERN = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
COUNTRY_PATTERN = r"^[A-Z]{2}$"
FIRST_BIRTH = date(1850, 1, 1)


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where somebody lives."""

    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    """ISO 3166-1, two capital letters."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of a person: what they allow, or no longer allow."""

    purpose: str
    granted: bool
    at: datetime
    source: str
    """Where they said it, as in `sign-up form`."""


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a person; nothing need be."""

    email: str | None = None
    phone: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birth_date: date | None = None
    language: str | None = None
    address: Address | None = None
    attributes: dict[str, Any] = {}
    tags: list[str] = []
    consents: list[Consent] = []
    """Every decision, in the order they were told to us."""


NOBODY = Person()
FIELDS = Person.__struct_fields__


class NewMember(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to enrol."""

    external_id: str
    person: Person = NOBODY


def check_external_id(text: str, *, position: int = 0) -> None:
    """Refuse what is no external id.

    Raises:
        ExternalIdMalformed: it is not 1 to 200 printable characters.
    """
    if not 1 <= len(text) <= EXTERNAL_ID_MAX or not _is_plain(text):
        raise ExternalIdMalformed(position)


def check_person(person: Person, *, now: datetime, position: int = 0) -> None:
    """Refuse what cannot be said of a person.

    Raises:
        MemberMalformed: names the first field that is not what it must be.
    """
    fault = (
        _fault_of_texts(person)
        or _fault_of_address(person.address)
        or _fault_of_birth(person.birth_date, now)
        or _fault_of_attributes(person.attributes)
        or _fault_of_tags(person.tags)
        or _fault_of_consents(person.consents, now)
    )
    if fault is not None:
        raise MemberMalformed(position, *fault)


def merge(person: Person, changes: Mapping[str, Any]) -> Person:
    """Return a person with some fields said anew.

    `attributes` and `address` are merged as RFC 7396 has it: a null takes away, an
    object goes deeper, anything else replaces. `consents` are decisions to add.
    """
    said = dict(changes)
    if "attributes" in said:
        said["attributes"] = _merged(person.attributes, said["attributes"] or {})
        if changes["attributes"] is None:
            said["attributes"] = {}
    if said.get("address") is not None:
        address = (
            {} if person.address is None else msgspec.structs.asdict(person.address)
        )
        merged = _merged(address, said["address"])
        said["address"] = Address(**merged) if any(merged.values()) else None
    if "consents" in said:
        said["consents"] = person.consents + _news(person.consents, said["consents"])
    if "tags" in said:
        said["tags"] = list(dict.fromkeys(said["tags"] or []))
    return msgspec.structs.replace(person, **said)


def decided(consents: list[Consent]) -> dict[str, Consent]:
    """Return the last decision for each purpose."""
    return {consent.purpose: consent for consent in sorted(consents, key=_when)}


Fault = tuple[str, str] | None


def _fault_of_texts(person: Person) -> Fault:
    email, phone, language = person.email, person.phone, person.language
    if email is not None and not _fits(email, EMAIL_MAX, EMAIL_PATTERN):
        return "email", f"An e-mail address, at most {EMAIL_MAX} characters."
    if phone is not None and not _fits(phone, LINE_MAX, PHONE_PATTERN):
        return "phone", "A phone number as in +33612345678 (E.164)."
    for field in ("given_name", "family_name"):
        name = getattr(person, field)
        if name is not None and not _fits(name, NAME_MAX):
            return field, f"1 to {NAME_MAX} printable characters."
    if language is not None and not _fits(language, LANGUAGE_MAX, LANGUAGE_PATTERN):
        return "language", "A language tag of BCP 47, as in fr or de-CH."
    return None


def _fault_of_address(address: Address | None) -> Fault:
    if address is None:
        return None
    for field, most in (
        ("line1", LINE_MAX),
        ("line2", LINE_MAX),
        ("postal_code", POSTAL_CODE_MAX),
        ("city", LINE_MAX),
        ("region", LINE_MAX),
    ):
        text = getattr(address, field)
        if text is not None and not _fits(text, most):
            return f"address/{field}", f"1 to {most} printable characters."
    country = address.country
    if country is not None and not _fits(country, 2, COUNTRY_PATTERN):
        return "address/country", "Two capital letters of ISO 3166-1, as in FR."
    return None


def _fault_of_birth(born: date | None, now: datetime) -> Fault:
    # A day more: it is tomorrow already in some places.
    if born is None or (born >= FIRST_BIRTH and (born - now.date()).days <= 1):
        return None
    return "birth_date", f"A day from {FIRST_BIRTH} to today."


def _fault_of_attributes(attributes: dict[str, Any]) -> Fault:
    if not _is_storable(attributes, ATTRIBUTES_DEPTH_MAX):
        detail = f"At most {ATTRIBUTES_DEPTH_MAX} levels, and no NUL in any text."
        return "attributes", detail
    if len(msgspec.json.encode(attributes)) > ATTRIBUTES_BYTES_MAX:
        return "attributes", f"At most {ATTRIBUTES_BYTES_MAX} bytes of JSON."
    return None


def _fault_of_tags(tags: list[str]) -> Fault:
    if len(tags) > TAGS_MAX:
        return "tags", f"At most {TAGS_MAX} tags."
    for place, tag in enumerate(tags):
        if not _fits(tag, TAG_MAX):
            return f"tags/{place}", f"1 to {TAG_MAX} printable characters."
    return None


def _fault_of_consents(consents: list[Consent], now: datetime) -> Fault:
    if len(consents) > DECISIONS_MAX:
        return "consents", f"At most {DECISIONS_MAX} decisions are kept of a person."
    for consent in consents:
        place = f"consents/{consent.purpose}"
        if not re.search(PURPOSE_PATTERN, consent.purpose):
            detail = "A purpose is 1 to 40 of a-z, 0-9 and _, a letter first."
            return "consents", detail
        if not _fits(consent.source, SOURCE_MAX):
            return f"{place}/source", f"1 to {SOURCE_MAX} printable characters."
        if consent.at > now:
            return f"{place}/at", "Nobody has decided in the future."
    return None


def _fits(text: str, most: int, pattern: str = "") -> bool:
    """Return whether a text has 1 to `most` printable characters and the form."""
    if not 1 <= len(text) <= most or not _is_plain(text):
        return False
    return not pattern or re.search(pattern, text) is not None


def _is_plain(text: str) -> bool:
    return text.isprintable() and text.strip() == text


def _is_storable(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, dict):
        return depth > 0 and all(
            _is_storable(name, depth - 1) and _is_storable(inner, depth - 1)
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(_is_storable(inner, depth - 1) for inner in value)
    return True


def _merged(old: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in said.items():
        before = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _news(known: list[Consent], said: list[Consent]) -> list[Consent]:
    """Return those decisions that say something else than the last ones."""
    last = decided(known)
    return [
        consent
        for consent in said
        if (before := last.get(consent.purpose)) is None
        or (before.granted, before.source) != (consent.granted, consent.source)
    ]


def _when(consent: Consent) -> datetime:
    return consent.at
