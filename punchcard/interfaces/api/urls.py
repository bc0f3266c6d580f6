"""The addresses of the API."""

from __future__ import annotations

from django.urls import path, register_converter

from punchcard.ledger.commands import LotName

from .documents import Redoc, SwaggerUi, openapi
from .metrics import metrics
from .v1 import (
    accounts,
    achievements,
    activities,
    api_keys,
    audit,
    auth,
    batches,
    clock,
    commands,
    configuration,
    entries,
    events,
    expiries,
    exports,
    health,
    holds,
    job_files,
    jobs,
    letters,
    lots,
    member_batches,
    members,
    memberships,
    order_batches,
    order_moves,
    orders,
    program,
    returns,
    users,
    wallets,
)


class ReferenceConverter:
    """An id, or `ext:` and the caller's own id, in which slashes are allowed."""

    regex = r"ext:.+|[^/:]+"

    def to_python(self, value: str) -> str:
        """Return it as it stands; whether it means anyone is found out later."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it stands."""
        return value


class AccountConverter(ReferenceConverter):
    """An id, or `ext:<member>@<wallet>`: what stands behind the wallet is not of it."""

    regex = r"ext:.*@[^/]*|ext:[^/]*|[^/:]+"


class SequenceConverter:
    """The number of an entry; whatever is none names the same absent entry."""

    regex = r"[^/]+"

    def to_python(self, value: str) -> int:
        """Return the number, at most what the ledger can count to."""
        return _whole(value, _DIGITS, _ABSENT)

    def to_url(self, value: int) -> str:
        """Return the number as text."""
        return str(value)


class LotConverter:
    """A lot's name: `17.1`, or `17`, which is its first."""

    regex = r"[^/]+"

    def to_python(self, value: str) -> LotName:
        """Return (sequence, n), each at most what the ledger can count to."""
        sequence, dot, n = value.partition(".")
        number = _whole(n, _SMALL_DIGITS, _ABSENT_SMALL) if dot else 1
        return _whole(sequence, _DIGITS, _ABSENT), number

    def to_url(self, value: LotName) -> str:
        """Return the name as text."""
        return f"{value[0]}.{value[1]}"


_DIGITS = 15
_SMALL_DIGITS = 9
_ABSENT_SMALL = 2**31 - 1
_ABSENT = 2**53


def _whole(text: str, digits: int, absent: int) -> int:
    known = text.isascii() and text.isdigit() and len(text.lstrip("0")) <= digits
    return int(text) if known else absent


register_converter(ReferenceConverter, "ref")
register_converter(AccountConverter, "account")
register_converter(SequenceConverter, "seq")
register_converter(LotConverter, "lot")

ACCOUNT = "v1/accounts/<account:account>"
ENTRY = f"{ACCOUNT}/entries/<seq:sequence>"
HOLD = f"{ACCOUNT}/holds/<seq:hold>"
LOT = f"{ACCOUNT}/lots/<lot:lot>"

urlpatterns = [
    path("health/live", health.Live.as_view()),
    path("health/ready", health.Ready.as_view()),
    path("metrics", metrics),
    path("v1/ping", health.Ping.as_view()),
    path("v1/members", members.Members.as_view()),
    path("v1/members:batch", member_batches.EnrolBatch.as_view()),
    path("v1/members/<ref:member>/erase", members.EraseMember.as_view()),
    path("v1/members/<ref:member>/export", exports.ExportOfMember.as_view()),
    path(
        "v1/members/<ref:member>/achievements",
        achievements.AchievementsOfMember.as_view(),
    ),
    path("v1/members/<ref:member>/accounts", members.AccountsOfMember.as_view()),
    path("v1/members/<ref:member>", members.OneMember.as_view()),
    path(f"{ACCOUNT}/balance", accounts.BalanceOfAccount.as_view()),
    path(f"{ACCOUNT}/freeze", accounts.FreezeAccount.as_view()),
    path(f"{ACCOUNT}/unfreeze", accounts.UnfreezeAccount.as_view()),
    path(f"{ACCOUNT}/close", accounts.CloseAccount.as_view()),
    path(f"{ACCOUNT}/earn", commands.EarnPoints.as_view()),
    path(f"{ACCOUNT}/redeem", commands.RedeemPoints.as_view()),
    path(f"{ACCOUNT}/reserve", commands.ReservePoints.as_view()),
    path(f"{ACCOUNT}/adjust", commands.AdjustBalance.as_view()),
    path(f"{ACCOUNT}/transfer", commands.TransferPoints.as_view()),
    path(f"{ENTRY}/refund", entries.RefundEntry.as_view()),
    path(f"{ENTRY}/reverse", entries.ReverseEntry.as_view()),
    path(ENTRY, entries.OneEntry.as_view()),
    path(f"{ACCOUNT}/entries", entries.EntriesOfAccount.as_view()),
    path(f"{HOLD}/capture", holds.CaptureHold.as_view()),
    path(f"{HOLD}/void", holds.VoidHold.as_view()),
    path(HOLD, holds.OneHold.as_view()),
    path(f"{ACCOUNT}/holds", holds.HoldsOfAccount.as_view()),
    path(f"{LOT}/activate", lots.ActivateLot.as_view()),
    path(f"{LOT}/cancel", lots.CancelLot.as_view()),
    path(f"{LOT}/extend", lots.ExtendLot.as_view()),
    path(f"{LOT}/lapse", lots.LapseLot.as_view()),
    path(LOT, lots.OneLot.as_view()),
    path(f"{ACCOUNT}/lots", lots.LotsOfAccount.as_view()),
    path(f"{ACCOUNT}/expiring", expiries.ExpiriesOfAccount.as_view()),
    path(ACCOUNT, accounts.OneAccount.as_view()),
    path("v1/audit", audit.AuditRows.as_view()),
    path("v1/audit/<str:row>", audit.OneAuditRow.as_view()),
    path("v1/events", events.Events.as_view()),
    path("v1/jobs", jobs.Jobs.as_view()),
    path("v1/jobs/<ref:job>/file", job_files.FileOfJob.as_view()),
    path("v1/jobs/<ref:job>/errors", job_files.ErrorsOfJob.as_view()),
    path("v1/jobs/<ref:job>/result", job_files.ResultOfJob.as_view()),
    path("v1/jobs/<ref:job>/cancel", jobs.CancelJob.as_view()),
    path("v1/jobs/<ref:job>", jobs.OneJob.as_view()),
    path("v1/entries:batch", batches.PostBatch.as_view()),
    path("v1/orders", orders.Orders.as_view()),
    path("v1/orders:batch", order_batches.RecordBatch.as_view()),
    path("v1/orders/<ref:order>/pay", order_moves.PayOrder.as_view()),
    path("v1/orders/<ref:order>/cancel", order_moves.CancelOrder.as_view()),
    path("v1/orders/<ref:order>/reopen", order_moves.ReopenOrder.as_view()),
    path("v1/orders/<ref:order>/returns", returns.ReturnsOfOrder.as_view()),
    path("v1/orders/<ref:order>", orders.OneOrder.as_view()),
    path("v1/returns/<ref:return>/refund", returns.RefundOfReturn.as_view()),
    path("v1/returns/<ref:return>", returns.OneReturn.as_view()),
    path("v1/activities", activities.Activities.as_view()),
    path("v1/activities/<ref:activity>", activities.OneActivity.as_view()),
    path("v1/wallets", wallets.Wallets.as_view()),
    path("v1/test/clock/advance", clock.AdvanceClock.as_view()),
    path("v1/auth/token", auth.Token.as_view()),
    path("v1/auth/refresh", auth.Refresh.as_view()),
    path("v1/auth/revoke", auth.Revoke.as_view()),
    path("v1/auth/register", letters.Register.as_view()),
    path("v1/auth/verify", letters.Verify.as_view()),
    path("v1/auth/accept", letters.Accept.as_view()),
    path("v1/auth/forgot-password", letters.ForgotPassword.as_view()),
    path("v1/auth/reset", letters.ResetPassword.as_view()),
    path("v1/auth/change-password", auth.ChangePassword.as_view()),
    path("v1/auth/me", auth.Me.as_view()),
    path("v1/users", users.Users.as_view()),
    path("v1/users/<ref:user>/invite", users.InviteAgain.as_view()),
    path("v1/users/<ref:user>/disable", users.DisableUser.as_view()),
    path("v1/users/<ref:user>/enable", users.EnableUser.as_view()),
    path("v1/users/<ref:user>", users.OneUser.as_view()),
    path("v1/memberships", memberships.Memberships.as_view()),
    path("v1/memberships/<ref:membership>", memberships.OneMembership.as_view()),
    path("v1/api-keys", api_keys.ApiKeys.as_view()),
    path("v1/api-keys/<ref:key>/rotate", api_keys.RotateApiKey.as_view()),
    path("v1/api-keys/<ref:key>/revoke", api_keys.RevokeApiKey.as_view()),
    path("v1/api-keys/<ref:key>", api_keys.OneApiKey.as_view()),
    path("v1/program/config", configuration.ProgramConfig.as_view()),
    path("v1/program/config/versions", configuration.ConfigVersions.as_view()),
    path("v1/program", program.OwnProgram.as_view()),
    path("v1/places", program.Places.as_view()),
    path("v1/places/<ref:place>", program.OnePlace.as_view()),
    path("v1/openapi.json", openapi),
    path("docs", SwaggerUi.as_view()),
    path("redoc", Redoc.as_view()),
]
