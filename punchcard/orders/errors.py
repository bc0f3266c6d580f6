"""What orders refuse, in order of precedence."""

from __future__ import annotations

from uuid import UUID


class OrderRefused(Exception):
    """What was asked of one order, return or activity is not done."""

    code: str


class OrderMalformed(OrderRefused):
    """A field of an order, a return or an activity is not what it must be."""

    code = "malformed"

    def __init__(self, field: str, detail: str) -> None:
        """Take the field's path (`lines/0/quantity`) and a sentence."""
        self.field = field
        super().__init__(detail)


class TotalDiffers(OrderRefused):
    """The lines, the shipping and the tax do not add up to the total."""

    code = "total_differs"

    def __init__(self, *, total: int, sum: int) -> None:  # noqa: A002
        """Take the total that was said and the sum, in minor units."""
        self.total = total
        self.sum = sum
        self.difference = total - sum
        super().__init__(f"The total is {total}, and the parts add up to {sum}.")


class TendersDiffer(OrderRefused):
    """What was paid does not add up to the total."""

    code = "tenders_differ"

    def __init__(self, *, total: int, tendered: int) -> None:
        """Take the order's total and the sum of its tenders, in minor units."""
        self.total = total
        self.tendered = tendered
        self.difference = total - tendered
        super().__init__(f"The total is {total}, and {tendered} was tendered.")


class OrderNotFound(OrderRefused):
    """There is no such order."""

    code = "order_not_found"


class ReturnNotFound(OrderRefused):
    """There is no such return."""

    code = "return_not_found"


class ActivityNotFound(OrderRefused):
    """There is no such activity."""

    code = "activity_not_found"


class OrderReused(OrderRefused):
    """The external id is of another order, or of this one with other contents."""

    code = "order_reused"

    def __init__(self, order: UUID) -> None:
        """Take the order that has the external id."""
        self.order = order
        super().__init__()


class ReturnReused(OrderRefused):
    """The external id is of another return, or of this one with other contents."""

    code = "return_reused"

    def __init__(self, returned: UUID) -> None:
        """Take the return that has the external id."""
        self.returned = returned
        super().__init__()


class ActivityReused(OrderRefused):
    """The external id is of another activity, or of this one with other contents."""

    code = "activity_reused"

    def __init__(self, activity: UUID) -> None:
        """Take the activity that has the external id."""
        self.activity = activity
        super().__init__()


class OrderCannotMove(OrderRefused):
    """An order does not go from this status to that one."""

    code = "order_cannot_move"

    def __init__(self, *, status: str, to: str) -> None:
        """Take where the order stands, and where it was to go."""
        self.status = status
        self.to = to
        super().__init__(f"An order that is {status} cannot become {to}.")


class RefundEnded(OrderRefused):
    """The refund of a return ended in another way, or there is none."""

    code = "refund_ended"

    def __init__(self, refund: str) -> None:
        """Take how the refund stands."""
        self.refund = refund
        super().__init__(f"The refund of this return is: {refund}.")


class LineNotFound(OrderRefused):
    """The order has no such line."""

    code = "line_not_found"

    def __init__(self, line: int) -> None:
        """Take the number of the line that was asked for."""
        self.line = line
        super().__init__()


class ExceedsOrder(OrderRefused):
    """More than what is left of a line, or of the shipping, was to be returned."""

    code = "exceeds_order"

    def __init__(self, *, field: str, asked: int, left: int) -> None:
        """Take the field's path (`lines/0/quantity`), what it says, what is left."""
        self.field = field
        self.asked = asked
        self.left = left
        super().__init__(f"{asked} is asked for, {left} is left.")
