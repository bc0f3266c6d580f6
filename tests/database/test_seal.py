"""Seals are tested by harm: what all other checks find clean, a seal names.

A superuser rewrites history, hashes and all; cuts the last entries off; deletes an
account. And somebody changes the seals themselves.
"""

from __future__ import annotations

import hashlib
import re
import tracemalloc
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from punchcard.journeys.sealing.errors import SealRefused
from punchcard.journeys.sealing.files import (
    check_seal,
    list_seals,
    read_heads,
    write_seal,
)
from punchcard.kernel import sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger.commands import Earn, Redeem
from punchcard.ledger.sealing import Head, Heads, find_broken, open_heads
from punchcard.ledger.verifying import verify
from tests.builders import Ledger, a_ledger
from tests.sizes import size

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def book() -> Ledger:
    made = a_ledger()
    for account in made.open(3):
        made.post(
            Earn(account=account, points=100, key="1", validity="P1Y"),
            Redeem(account=account, points=30, key="2"),
        )
    return made


def sealed(folder: Path, at: datetime = NOW, key: Ed25519PrivateKey = KEY) -> Path:
    with open_heads() as heads:
        return write_seal(folder, heads, key, at)


def broken(path: Path, ledger: Ledger) -> dict[UUID, str]:
    """Return what is not as sealed, in the accounts of this ledger."""
    found = find_broken(heads=read_heads(check_seal(path, KEY.public_key())))
    return {one.account: one.what for one in found if one.account in ledger.accounts}


@contextmanager
def behind_the_guards() -> Iterator[Callable[..., object]]:
    with transaction():
        run_by_hand("SET LOCAL session_replication_role = replica")
        yield run_by_hand


def run_by_hand(statement: str, *parameters: object) -> None:
    sql.cursor().execute(statement.encode(), parameters or None)


def forget(account: UUID) -> None:
    """Take away all that happened to an account, as if it had just been opened."""
    with behind_the_guards() as run:
        for table in ("outbox", "allocation", "lot", "hold", "refusal", "entry"):
            run(f"DELETE FROM ledger_{table} WHERE account_id = %s", account)
        run(
            "UPDATE ledger_account SET available = 0, pending = 0, reserved = 0,"
            " lifetime = 0, last_sequence = 0, effective_at = NULL, next_due_at = NULL,"
            " active_at = NULL, hash = decode(repeat('00', 32), 'hex') WHERE id = %s",
            account,
        )


# ------------------------------------------------------------------------- the ledger


def test_a_ledger_that_went_on_still_has_what_was_sealed(
    book: Ledger, tmp_path: Path
) -> None:
    empty = book.account()
    path = sealed(tmp_path)
    first = book.accounts[0]
    book.post(
        Earn(account=first, points=5, key="3"), Earn(account=empty, points=1, key="1")
    )
    book.open(2)
    assert broken(path, book) == {}
    seal = check_seal(path, KEY.public_key())
    assert (seal.sealed_at, seal.previous) == (NOW, "none")
    heads = {head.account: head for head in read_heads(seal)}
    assert len(heads) == seal.accounts
    assert sum(head.sequence for head in heads.values()) == seal.entries
    assert heads[first].sequence == 2
    assert heads[empty] == Head(empty, 0, bytes(32))


def test_a_history_written_anew_is_named(book: Ledger, tmp_path: Path) -> None:
    """Every hash is right again: only the seal knows that there was another history."""
    path = sealed(tmp_path)
    harmed = book.accounts[1]
    forget(harmed)
    book.post(
        Earn(account=harmed, points=9_100, key="1", validity="P1Y"),
        Redeem(account=harmed, points=30, key="2"),
        Earn(account=harmed, points=5, key="3"),
    )
    assert verify(accounts=book.accounts).clean
    assert broken(path, book) == {harmed: "its hash is not the sealed one"}


def test_a_tail_that_was_cut_off_is_named(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path)
    harmed = book.accounts[2]
    with behind_the_guards() as run:
        run("DELETE FROM ledger_allocation WHERE account_id = %s", harmed)
        run("DELETE FROM ledger_entry WHERE account_id = %s AND sequence = 2", harmed)
        run("UPDATE ledger_lot SET remaining = 100 WHERE account_id = %s", harmed)
        run(
            "UPDATE ledger_account a SET available = 100, last_sequence = 1,"
            " hash = e.hash, effective_at = e.effective_at FROM ledger_entry e"
            " WHERE e.account_id = a.id AND a.id = %s",
            harmed,
        )
    assert verify(accounts=book.accounts).clean
    assert broken(path, book) == {harmed: "it ends at 1, entries up to 2 were sealed"}
    # Something else at the end, to hide it: the sealed entry is another one now.
    book.one(Redeem(account=harmed, points=1, key="2"))
    assert verify(accounts=book.accounts).clean
    assert broken(path, book) == {harmed: "its hash is not the sealed one"}


def test_an_account_that_was_deleted_is_named(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path)
    harmed = book.accounts[0]
    forget(harmed)
    with behind_the_guards() as run:
        run("DELETE FROM ledger_account_holder WHERE account_id = %s", harmed)
        run("DELETE FROM ledger_account WHERE id = %s", harmed)
    assert verify(accounts=book.accounts).clean
    assert broken(path, book) == {harmed: "the account is gone"}


def test_a_sealed_entry_that_was_deleted_is_named(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path)
    harmed = book.accounts[0]
    with behind_the_guards() as run:
        run("DELETE FROM ledger_entry WHERE account_id = %s AND sequence = 2", harmed)
    assert broken(path, book) == {harmed: "the sealed entry is gone"}
    forget(harmed)


def test_it_refuses_to_run_inside_a_transaction() -> None:
    with transaction(), pytest.raises(TransactionError):
        with open_heads():
            pass
    with transaction(), pytest.raises(TransactionError):
        list(find_broken(heads=[]))


# ------------------------------------------------------------------------- the file


def test_who_has_no_punchcard_can_check_a_seal(book: Ledger, tmp_path: Path) -> None:
    """The recipe of the documentation, with nothing of ours."""
    text = sealed(tmp_path).read_bytes()
    body, _, signature = text.rpartition(b"signature ")
    message = b"punchcard seal 1\n" + hashlib.sha512(body).digest()
    public = re.search(rb"^public_key (\S+)$", text, re.MULTILINE)
    assert public is not None
    Ed25519PublicKey.from_public_bytes(b64decode(public[1])).verify(
        b64decode(signature), message
    )
    assert f"{book.accounts[0]} 2 ".encode() in body


def test_a_seal_that_was_changed_anywhere_is_none(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path)
    whole = path.read_bytes()
    places = {0, 20, len(whole) - 2, len(whole) // 2} | set(range(0, len(whole), 997))
    places |= {whole.index(word) + len(word) for word in (b"accounts ", b"entries ")}
    for place in places:
        other = b"1" if whole[place : place + 1] != b"1" else b"2"
        path.write_bytes(whole[:place] + other + whole[place + 1 :])
        with pytest.raises(SealRefused):
            check_seal(path, KEY.public_key())
    path.write_bytes(whole)
    assert broken(path, book) == {}


def test_a_seal_that_was_cut_or_added_to_is_none(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    named = next(
        n for n, line in enumerate(lines) if str(book.accounts[0]).encode() in line
    )
    for changed in (
        lines[:-1],
        lines[:named],
        lines[: len(lines) // 2],
        lines[:3],
        [],
        [*lines, b"\n"],
        lines[:named] + lines[named + 1 :],
        [*lines[: named + 1], *lines[named:]],
        [*lines[:-1], lines[-1][:40]],
        [*lines[:-1], b"signature \n"],
        [*lines[:-1], "signature é\n".encode()],
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(SealRefused, match=re.escape(str(path))):
            check_seal(path, KEY.public_key())


def test_a_seal_by_another_key_is_none(book: Ledger, tmp_path: Path) -> None:
    path = sealed(tmp_path, key=OTHER)
    assert check_seal(path, OTHER.public_key()).previous == "none"
    with pytest.raises(SealRefused, match="was signed by another key"):
        check_seal(path, KEY.public_key())
    ours = sealed(tmp_path / "ours").read_bytes()
    signature = path.read_bytes().rpartition(b"signature ")[2]
    path.write_bytes(ours.rpartition(b"signature ")[0] + b"signature " + signature)
    with pytest.raises(SealRefused, match="is not what was signed"):
        check_seal(path, KEY.public_key())


def test_seals_are_a_chain_in_the_order_of_time(book: Ledger, tmp_path: Path) -> None:
    paths = [sealed(tmp_path, NOW + n * HOUR) for n in range(3)]
    assert list_seals(tmp_path) == paths
    seals = [check_seal(path, KEY.public_key()) for path in paths]
    assert [seal.previous for seal in seals] == [
        "none",
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths[:-1]),
    ]
    assert [seal.digest for seal in seals[:-1]] == [seal.previous for seal in seals[1:]]
    with pytest.raises(SealRefused, match="of a later instant"):
        sealed(tmp_path, NOW)
    assert list_seals(tmp_path) == paths
    assert sorted(tmp_path.iterdir()) == paths, "nothing unfinished is left"


def test_a_seal_is_whole_or_is_not_there(tmp_path: Path) -> None:
    def failing() -> Iterator[Head]:
        yield Head(new_id(), 1, bytes(32))
        raise RuntimeError("the server is gone")

    with pytest.raises(RuntimeError):
        write_seal(tmp_path, Heads(accounts=2, entries=2, rows=failing()), KEY, NOW)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SealRefused, match="has no seals"):
        list_seals(tmp_path)


def test_what_is_no_seal_is_said_to_be_none(tmp_path: Path) -> None:
    for name, contents in (("a", b""), ("b", b"\xff" * 5_000), ("c", b"x" * 5_000)):
        path = tmp_path / name
        path.write_bytes(contents)
        with pytest.raises(SealRefused, match="is no seal of Punchcard"):
            check_seal(path, KEY.public_key())
    with pytest.raises(SealRefused, match="No such file"):
        check_seal(tmp_path / "absent", KEY.public_key())


def test_many_accounts_stream_by(tmp_path: Path) -> None:
    """Memory does not grow with the accounts, when writing, reading or comparing."""
    many = size(60_000, 1_000_000)
    heads = (Head(UUID(int=n), n, n.to_bytes(32, "big")) for n in range(many))
    tracemalloc.start()
    try:
        path = write_seal(
            tmp_path, Heads(accounts=many, entries=0, rows=heads), KEY, NOW
        )
        seal = check_seal(path, KEY.public_key())
        gone = sum(1 for _ in find_broken(heads=read_heads(seal)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert gone == many
    assert peak < 20_000_000
