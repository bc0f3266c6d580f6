"""What is refused of orders, returns and activities before their room is asked."""

from __future__ import annotations

from uuid import UUID


class JourneyRefused(Exception):
    """What was asked of one order, return or activity is not done."""

    code: str


class MemberUnknown(JourneyRefused):
    """The program has no such member."""

    code = "member_not_found"


class MemberGone(JourneyRefused):
    """The member was erased: what they do is nobody's business any more."""

    code = "member_erased"


class CurrencyDiffers(JourneyRefused):
    """Rules count in the program's currency, and the order is in another one."""

    code = "currency_differs"

    def __init__(self, *, currency: str, program: str) -> None:
        """Take the order's currency and the program's."""
        self.currency = currency
        self.program = program
        super().__init__(f"The order is in {currency}, the program in {program}.")


class TenderEntryNotFound(JourneyRefused):
    """A tender of points names no entry that spent points of this member."""

    code = "tender_entry_not_found"

    def __init__(self, tender: int) -> None:
        """Take the tender's place, from 0."""
        self.field = f"tenders/{tender}"
        super().__init__("It must be a redeem or a capture of the member's.")


class ActivityTypeUnknown(JourneyRefused):
    """The program's configuration names its activities, and this is none of them."""

    code = "activity_type_unknown"

    def __init__(self, types: list[str]) -> None:
        """Take the types that there are."""
        self.types = types
        super().__init__(f"There are {', '.join(types)}.")


class ActivityFactsMalformed(JourneyRefused):
    """A fact is missing, is not of this type of activity, or of another kind."""

    code = "activity_facts_malformed"

    def __init__(self, field: str, detail: str) -> None:
        """Take the field's path (`facts/stars`) and a sentence."""
        self.field = field
        super().__init__(detail)


class PointsSpent(JourneyRefused):
    """What the order earned is spent, and the program then takes nothing back."""

    code = "points_spent"

    def __init__(self, *, account: UUID, required: int, available: int) -> None:
        """Take an account, what is to be reversed there, and what there is."""
        self.account = account
        self.required = required
        self.available = available
        super().__init__(f"{required} points are to be taken back, {available} left.")


class Unexpected(JourneyRefused):
    """The database refused it for no reason we know; nothing of it was done."""

    code = "unexpected"
