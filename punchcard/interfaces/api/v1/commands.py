"""Commands on an account: earn, redeem, reserve, adjust, transfer."""

from __future__ import annotations

from punchcard.interfaces.api.endpoint import Answer, Call, Endpoint, operation

from .bodies import AdjustBody, EarnBody, RedeemBody, ReserveBody, TransferBody
from .posting import DryRun, command, post_one


class EarnPoints(Endpoint):
    """`POST /v1/accounts/{account}/earn`."""

    @operation(
        command(
            "earn",
            "Credit points",
            EarnBody,
            "limit_exceeded",
            description=(
                "Points become available at once, after a pending period, or when an "
                "event comes; what they repay of a debt is available no more."
            ),
        )
    )
    def post(self, call: Call[EarnBody, DryRun]) -> Answer:
        """Credit points."""
        return post_one(call)


class RedeemPoints(Endpoint):
    """`POST /v1/accounts/{account}/redeem`."""

    @operation(
        command(
            "redeem",
            "Spend points",
            RedeemBody,
            "account_frozen",
            "insufficient_points",
            "limit_exceeded",
            description="The points that expire soonest are spent first.",
        )
    )
    def post(self, call: Call[RedeemBody, DryRun]) -> Answer:
        """Spend points."""
        return post_one(call)


class ReservePoints(Endpoint):
    """`POST /v1/accounts/{account}/reserve`."""

    @operation(
        command(
            "reserve",
            "Set points aside",
            ReserveBody,
            "account_frozen",
            "insufficient_points",
            "limit_exceeded",
            description=(
                "Opens a hold, called by the sequence of this entry. Capture it, or "
                "void it; after its time to live the points come back by themselves."
            ),
        )
    )
    def post(self, call: Call[ReserveBody, DryRun]) -> Answer:
        """Set points aside."""
        return post_one(call)


class AdjustBalance(Endpoint):
    """`POST /v1/accounts/{account}/adjust`."""

    @operation(
        command(
            "adjust",
            "Correct a balance by hand",
            AdjustBody,
            "entry_not_found",
            "exceeds_original",
            "insufficient_points",
            "limit_exceeded",
            description=(
                "Up opens a lot; down takes from lots in spending order, or from the "
                "named lot alone. What was earned in a lifetime is not touched. "
                "Support may correct up to the limit of their membership at a time."
            ),
        )
    )
    def post(self, call: Call[AdjustBody, DryRun]) -> Answer:
        """Correct a balance by hand."""
        return post_one(call)


class TransferPoints(Endpoint):
    """`POST /v1/accounts/{account}/transfer`."""

    @operation(
        command(
            "transfer",
            "Move points to another account",
            TransferBody,
            "account_frozen",
            "insufficient_points",
            "limit_exceeded",
            description=(
                "Of the same wallet. Each lot keeps its expiry. The answer is the "
                "payer's entry; the receiver's is named in its `transfer`."
            ),
        )
    )
    def post(self, call: Call[TransferBody, DryRun]) -> Answer:
        """Move points to another account."""
        return post_one(call)
