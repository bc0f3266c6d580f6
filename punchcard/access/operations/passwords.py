"""What people say of themselves, checked; passwords are hashed.

Hashing is slow on purpose, so nothing here runs inside a transaction.
"""

from __future__ import annotations

import re
from uuid import UUID

from django.contrib.auth.hashers import (
    check_password,
    is_password_usable,
    make_password,
)
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from punchcard.access import errors
from punchcard.access.models import User
from punchcard.access.queries import find_password
from punchcard.kernel.transactions import refuse_transaction

EMAIL_MAX = 254
NAME_MAX = 200
PASSWORD_MAX = 1_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")


def hash_password(
    *, password: str, email: str, name: str = "", field: str = "password"
) -> str:
    """Return what is stored of a password that is good enough.

    Raises:
        AccessMalformed: too short, too common, too like the person … ; of `field`.
    """
    refuse_transaction()
    require_password(password=password, email=email, name=name, field=field)
    return str(make_password(password))


def require_password(
    *, password: str, email: str, name: str = "", field: str = "password"
) -> None:
    """Refuse a password that is not good enough; that is no work yet.

    Raises:
        AccessMalformed: too short, too common, too like the person … ; of `field`.
    """
    if len(password) > PASSWORD_MAX:
        detail = f"The password has at most {PASSWORD_MAX} characters."
        raise errors.AccessMalformed(field, detail)
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        raise errors.AccessMalformed(field, " ".join(error.messages)) from None


def is_password_of(*, user: UUID | None, password: str) -> bool:
    """Whether this is the user's password; as much work where there is no user."""
    refuse_transaction()
    known = find_password(user=user)
    # Django hashes something else where there is nothing to compare with.
    return bool(check_password(password[:PASSWORD_MAX], known or ""))


def has_password(*, user: UUID | None) -> bool:
    """Whether a user has chosen a password; as much work where there is no user."""
    known = find_password(user=user)
    return known is not None and is_password_usable(known)


def read_email(text: str) -> str:
    """Return an e-mail address as it is stored.

    Raises:
        AccessMalformed: it is none.
    """
    detail = "This is not an e-mail address (of ASCII characters)."
    if len(text) > EMAIL_MAX or not text.isascii():
        raise errors.AccessMalformed("email", detail)
    try:
        validate_email(text)
    except ValidationError:
        raise errors.AccessMalformed("email", detail) from None
    return text.lower()


def require_name(name: str) -> None:
    """Refuse a name that cannot be shown.

    Raises:
        AccessMalformed: longer than 200 characters, or not printable.
    """
    if len(name) > NAME_MAX or (name and not name.isprintable()):
        detail = f"The name is at most {NAME_MAX} printable characters."
        raise errors.AccessMalformed("name", detail)


def require_language(language: str) -> None:
    """Refuse a language that is none.

    Raises:
        AccessMalformed: it is not BCP 47, as in `fr-CH`.
    """
    if language and not _LANGUAGE.fullmatch(language):
        detail = "The language is a tag of BCP 47, as in fr-CH."
        raise errors.AccessMalformed("language", detail)
