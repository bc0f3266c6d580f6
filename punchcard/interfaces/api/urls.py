"""The addresses of the API."""

from __future__ import annotations

from django.urls import path, register_converter

from .documents import Redoc, SwaggerUi, openapi
from .v1 import accounts, batches, clock, commands, health, members


class ReferenceConverter:
    """An id, or `ext:` and the caller's own id, in which slashes are allowed."""

    regex = r"ext:.+|[^/:]+"

    def to_python(self, value: str) -> str:
        """Return it as it stands; whether it means anyone is found out later."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it stands."""
        return value


class SequenceConverter:
    """The number of an entry; absurdly large ones are all the same absent entry."""

    regex = r"[0-9]+"

    def to_python(self, value: str) -> int:
        """Return the number, at most what the ledger can count to."""
        return int(value) if len(value.lstrip("0")) <= _DIGITS else _ABSENT

    def to_url(self, value: int) -> str:
        """Return the number as text."""
        return str(value)


_DIGITS = 15
_ABSENT = 2**53

register_converter(ReferenceConverter, "ref")
register_converter(SequenceConverter, "seq")

ACCOUNT = "v1/accounts/<ref:account>"
ENTRY = f"{ACCOUNT}/entries/<seq:sequence>"

urlpatterns = [
    path("health/live", health.Live.as_view()),
    path("health/ready", health.Ready.as_view()),
    path("v1/ping", health.Ping.as_view()),
    path("v1/members", members.Members.as_view()),
    path("v1/members/<ref:member>/accounts", members.AccountsOfMember.as_view()),
    path("v1/members/<ref:member>", members.OneMember.as_view()),
    path(f"{ACCOUNT}/balance", accounts.BalanceOfAccount.as_view()),
    path(f"{ACCOUNT}/earn", commands.EarnPoints.as_view()),
    path(f"{ACCOUNT}/redeem", commands.RedeemPoints.as_view()),
    path(f"{ENTRY}/refund", commands.RefundEntry.as_view()),
    path(f"{ENTRY}/reverse", commands.ReverseEntry.as_view()),
    path(ENTRY, accounts.OneEntry.as_view()),
    path(f"{ACCOUNT}/entries", accounts.EntriesOfAccount.as_view()),
    path(f"{ACCOUNT}/lots", accounts.LotsOfAccount.as_view()),
    path(ACCOUNT, accounts.OneAccount.as_view()),
    path("v1/entries:batch", batches.PostBatch.as_view()),
    path("v1/test/clock/advance", clock.AdvanceClock.as_view()),
    path("v1/openapi.json", openapi),
    path("docs", SwaggerUi.as_view()),
    path("redoc", Redoc.as_view()),
]
