"""Why the ledger says no, in order of precedence: the first that applies is the answer.

A refusal is data (`Outcome.code`), not an exception; `post` never raises one. The
exceptions here are a caller's mistakes in asking, and what queries cannot find.
"""

from __future__ import annotations

REFUSALS: dict[str, str] = {
    "malformed": "The command does not make sense as it stands.",
    "account_not_found": "There is no such account in this program.",
    "key_reused": "This key was used for another command.",
    "account_closed": "The account is closed.",
    "account_frozen": "The account is frozen: nothing can be spent from it.",
    "entry_not_found": "The account has no such entry.",
    "entry_not_reversible": "This kind of entry cannot be undone by this command.",
    "hold_not_open": "The hold was captured, voided, or ran out of time.",
    "lot_not_pending": "The lot is not pending any more.",
    "exceeds_original": "More than what is left of the original.",
    "insufficient_points": "The account has fewer points than required.",
    "limit_exceeded": "A limit would be exceeded.",
}
"""code -> what it means, in order of precedence."""

NOT_REMEMBERED = frozenset({"malformed", "account_not_found", "key_reused"})
"""Refusals that leave their key free."""


class LedgerError(Exception):
    """The ledger could not do what it was asked."""


class AccountNotFound(LedgerError):
    """There is no such account."""


class AccountClosed(LedgerError):
    """The account is closed, which is final."""


class AccountNotEmpty(LedgerError):
    """The account holds points, or owes some: it cannot be closed."""

    def __init__(self, available: int, pending: int, reserved: int) -> None:
        super().__init__(available, pending, reserved)
        self.available = available
        self.pending = pending
        self.reserved = reserved


class EntryNotFound(LedgerError):
    """The account has no such entry."""


class SecondPost(LedgerError):
    """`post` was called twice in one transaction: that could deadlock."""
