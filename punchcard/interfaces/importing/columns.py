"""The columns of the files that can be imported; imports nothing of Django."""

from __future__ import annotations

from typing import NamedTuple


class Columns(NamedTuple):
    """Our names of a file's columns, each of which the file may call otherwise."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Return the required ones, then the optional ones."""
        return self.required + self.optional


ORDERS = Columns(("external_id", "occurred_at", "member", "amount_minor", "currency"))
RETURNS = Columns(
    ("external_id", "order", "occurred_at"), ("line", "quantity", "amount")
)
MEMBERS = Columns(
    ("external_id",),
    (
        "email",
        "phone",
        "given_name",
        "family_name",
        "birth_date",
        "language",
        "line1",
        "line2",
        "postal_code",
        "city",
        "region",
        "country",
        "tags",
        "attributes",
        "consents",
    ),
)
BALANCES = Columns(
    # Where points never lapse the cells are empty; a column that is left out could as
    # well be one with another name, and all points would live for ever.
    ("member", "points", "expires_at"),
    ("lot", "wallet", "source", "reason", "available_at"),
)
