"""Four meanings of "atomic", a word each.

`transaction` opens the one transaction and refuses to nest; an operation that
needs one says `require_transaction`; what leaves the machine says
`refuse_transaction`. (django-subatomic has the same words; it needs Python 3.12.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db import transaction as django_transaction


class TransactionError(RuntimeError):
    """The code was called inside, or outside, a transaction, and must not be."""


@contextmanager
def transaction(*, using: str = "default") -> Iterator[None]:
    """Open the one transaction; commit at the end, roll back on an exception.

    Raises:
        TransactionError: a transaction is open already.
    """
    refuse_transaction(using=using)
    with django_transaction.atomic(using=using, durable=True):
        yield


def require_transaction(*, using: str = "default") -> None:
    """Refuse to go on without an open transaction.

    Raises:
        TransactionError: there is none.
    """
    if not connections[using].in_atomic_block:
        raise TransactionError("this must run inside a transaction: open one first")


def refuse_transaction(*, using: str = "default") -> None:
    """Refuse to go on inside a transaction: it would hold its locks meanwhile.

    Raises:
        TransactionError: one is open.
    """
    if connections[using].in_atomic_block:
        raise TransactionError("this must not run inside a transaction")
