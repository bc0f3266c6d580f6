"""The header `Idempotency-Key`: for ledger commands it *is* the ledger's key."""

from __future__ import annotations

from django.http import HttpRequest

from .problems import FieldError, Problem

HEADER = "Idempotency-Key"
KEY_MAX = 200
REPLAYED = {"Idempotent-Replayed": "true"}


def read_key(request: HttpRequest) -> str | None:
    """Return the key of the request, or None where there is none.

    Raises:
        Problem: `malformed`; it is not 1 to 200 printable ASCII characters.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    # ASCII: what other bytes mean in a header, servers do not agree on.
    if not 1 <= len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        detail = f"The {HEADER} is 1 to {KEY_MAX} printable ASCII characters."
        wrong = FieldError(code="malformed", detail=detail, parameter=HEADER)
        raise Problem("malformed", detail, errors=[wrong])
    return str(key)


def require_key(key: str | None) -> str:
    """Return the key.

    Raises:
        Problem: `idempotency_key_required`; there is none.
    """
    if key is None:
        detail = (
            f"Send the header {HEADER}: with it a retry can never count twice. "
            "Only an earn or a redeem with a reference of type `order` goes without."
        )
        raise Problem("idempotency_key_required", detail)
    return key
