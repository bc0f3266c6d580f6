"""Four meanings of "atomic", a word each.

`transaction` opens the one transaction and refuses to nest; an operation that
needs one says `require_transaction`; what leaves the machine says
`refuse_transaction`. (django-subatomic has the same words; it needs Python 3.12.)

Note [A call is gathered into one transaction]: a door that remembers its answers
must commit answer and effect together, but the answer is made after the journey has
ended. It opens the transaction itself, with `gathering`, and the transactions of the
journeys within become parts of it: each still succeeds or fails as a whole, and none
nests. What must wait for the real COMMIT, such as sending mail, says `after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import OperationalError, connection, connections
from django.db import transaction as django_transaction


class TransactionError(RuntimeError):
    """The code was called inside, or outside, a transaction, and must not be."""


class CommitLost(OperationalError):
    """The connection was lost at COMMIT: nobody can say whether it happened."""


class _Gathering:
    """What goes on while a call is gathered."""

    __slots__ = ("inside", "waiting")

    def __init__(self) -> None:
        self.inside = False
        self.waiting: list[Callable[[], object]] = []


_gathering: ContextVar[_Gathering | None] = ContextVar("gathering", default=None)


@contextmanager
def transaction(*, using: str = "default") -> Iterator[None]:
    """Open the one transaction; commit at the end, roll back on an exception.

    Raises:
        TransactionError: a transaction is open already.
        CommitLost: the connection was lost at COMMIT, which happened or did not.
    """
    gathering = _gathering.get()
    if gathering is not None and using == "default":
        with _part(gathering):
            yield
        return
    refuse_transaction(using=using)
    with _committing(using):
        yield


@contextmanager
def snapshot(*, using: str = "default") -> Iterator[None]:
    """Open the one transaction to read: everything from one moment, writing nothing.

    Raises:
        TransactionError: a transaction is open already.
    """
    with transaction(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
        # What only read has no COMMIT to lose.
        django_transaction.set_rollback(True, using=using)


@contextmanager
def rehearsal(*, using: str = "default") -> Iterator[None]:
    """Open the one transaction and roll it back at the end, whatever was written.

    Raises:
        TransactionError: a transaction is open already.
    """
    with transaction(using=using):
        yield
        django_transaction.set_rollback(True, using=using)


@contextmanager
def gathering() -> Iterator[None]:
    """Open one transaction around journeys; an exception rolls all of them back.

    See Note [A call is gathered into one transaction].

    Raises:
        TransactionError: a transaction is open already.
        CommitLost: the connection was lost at COMMIT, which happened or did not.
    """
    refuse_transaction()
    begun = _Gathering()
    token = _gathering.set(begun)
    try:
        with _committing("default"):
            yield
    finally:
        _gathering.reset(token)
    for do in begun.waiting:
        do()


def after_commit(do: Callable[[], object]) -> None:
    """Do something outside any transaction: now, or when the gathering has committed.

    After a rollback it is not done. Who asks sees to its failures, as nobody else can.

    Raises:
        TransactionError: the journey's own transaction is still open.
    """
    gathering = _gathering.get()
    if gathering is None:
        refuse_transaction()
        do()
    elif gathering.inside:
        raise TransactionError("this must not run inside a transaction")
    else:
        gathering.waiting.append(do)


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


@contextmanager
def _committing(using: str) -> Iterator[None]:
    """Open a transaction of the database, and tell a lost COMMIT from a lost start."""
    committing = False
    try:
        with django_transaction.atomic(using=using, durable=True):
            yield
            committing = True
    except OperationalError as error:
        state = getattr(error.__cause__, "sqlstate", None) or ""
        # Class 40: the server itself says that it rolled back.
        if committing and not state.startswith("40"):
            raise CommitLost(*error.args) from error
        raise


@contextmanager
def _part(gathering: _Gathering) -> Iterator[None]:
    """Open a part of the gathered transaction; it ends as a transaction would."""
    if gathering.inside:
        raise TransactionError("this must not run inside a transaction")
    gathering.inside = True
    try:
        with django_transaction.atomic():
            yield
            # What COMMIT would find, such as a missing row of a foreign key.
            connection.check_constraints()
    finally:
        gathering.inside = False
