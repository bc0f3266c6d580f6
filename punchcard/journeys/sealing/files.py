"""Seals as files: text, a line for each account, signed.

    punchcard seal 1
    sealed_at 2026-01-31T00:00:00Z
    accounts 2
    entries 17
    previous none                      (or: sha256 of the whole file of the one before)
    public_key <32 bytes, base64>

    <account> <last sequence> <hash of that entry>
    …

    signature <64 bytes, base64>

The signature is Ed25519 over `punchcard seal 1`, a newline, and the SHA-512 of all that
stands before the line `signature`: so a seal of any size is signed as it streams by.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from punchcard.ledger.sealing import Head, Heads

from .errors import SealRefused
from .keys import show_public

SUFFIX = ".seal"
NONE = "none"
_FORMAT = b"punchcard seal 1\n"
_SIGNATURE = b"signature "
_UNFINISHED = "unfinished"
_LINE_MAX = 1_000
_HEADER = re.compile(
    rb"punchcard seal 1\nsealed_at (\S+)\naccounts (\d{1,19})\nentries (\d{1,19})\n"
    rb"previous (none|[0-9a-f]{64})\npublic_key (\S{44})\n\n"
)
_HEADER_LINES = 7


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What a seal says of itself; its signature is good."""

    path: Path
    sealed_at: datetime
    accounts: int
    entries: int
    previous: str
    """Digest of the seal before it, or `none`."""
    digest: str
    """SHA-256 of the whole file."""


def write_seal(
    folder: Path, heads: Heads, key: Ed25519PrivateKey, sealed_at: datetime
) -> Path:
    """Write a seal, whole or not at all, as the next one of the folder's chain.

    Raises:
        SealRefused: the newest seal there is of a later instant, or the folder cannot
            be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _write_next(folder, heads, key, sealed_at)
    except OSError as error:
        said = error.strerror or str(error)
        raise SealRefused(f"The seal cannot be written to {folder}: {said}.") from None


def list_seals(place: Path) -> list[Path]:
    """Return the seals of a folder, the oldest first; a file is itself.

    Raises:
        SealRefused: there is none.
    """
    found = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
    if not found:
        raise SealRefused(f"{place} has no seals: `punchcard seal` makes one.")
    return found


def check_seal(path: Path, key: Ed25519PublicKey) -> Seal:
    """Check a seal's signature and return what it says of itself.

    Raises:
        SealRefused: it cannot be read, is no seal, is cut short, was changed, or was
            signed by another key.
    """
    try:
        with path.open("rb") as file:
            return _check(path, file, key)
    except OSError as error:
        raise SealRefused(f"{path}: {error.strerror or error}.") from None


def read_heads(seal: Seal) -> Iterator[Head]:
    """Yield the heads of a seal that was checked.

    Raises:
        SealRefused: it was changed since.
    """
    with seal.path.open("rb") as file:
        for _ in range(_HEADER_LINES):
            file.readline(_LINE_MAX)
        for number in range(seal.accounts):
            words = file.readline(_LINE_MAX).split()
            try:
                account, sequence, head = words
                yield Head(
                    UUID(account.decode()), int(sequence), bytes.fromhex(head.decode())
                )
            except ValueError:
                line = number + _HEADER_LINES + 1
                message = f"{seal.path}, line {line}: is no account's head."
                raise SealRefused(message) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one at a time continue the chain; the kernel frees who dies."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_next(
    folder: Path, heads: Heads, key: Ed25519PrivateKey, sealed_at: datetime
) -> Path:
    path = folder / f"{sealed_at:%Y%m%dT%H%M%S.%fZ}{SUFFIX}"
    before = sorted(folder.glob(f"*{SUFFIX}"))
    if before and before[-1].name >= path.name:
        raise SealRefused(f"{before[-1]} is of a later instant: is the clock right?")
    previous = _digest(before[-1]) if before else NONE
    unfinished = folder / _UNFINISHED
    try:
        with unfinished.open("wb") as file:
            _write(file, heads, key, sealed_at, previous)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _write(
    file: BinaryIO,
    heads: Heads,
    key: Ed25519PrivateKey,
    sealed_at: datetime,
    previous: str,
) -> None:
    header = (
        f"sealed_at {_show(sealed_at)}\naccounts {heads.accounts}\n"
        f"entries {heads.entries}\nprevious {previous}\n"
        f"public_key {show_public(key.public_key())}\n\n"
    )
    hashed = hashlib.sha512()
    for part in _parts(header, heads):
        hashed.update(part)
        file.write(part)
    signature = b64encode(key.sign(_FORMAT + hashed.digest()))
    file.write(_SIGNATURE + signature + b"\n")


def _parts(header: str, heads: Heads) -> Iterator[bytes]:
    yield _FORMAT + header.encode()
    for head in heads.rows:
        yield f"{head.account} {head.sequence} {head.hash.hex()}\n".encode()
    yield b"\n"


def _check(path: Path, file: BinaryIO, key: Ed25519PublicKey) -> Seal:
    header = b"".join(file.readline(_LINE_MAX) for _ in range(_HEADER_LINES))
    said = _HEADER.fullmatch(header)
    if said is None:
        raise SealRefused(
            f"{path} is no seal of Punchcard, or its beginning was changed."
        )
    sealed_at, accounts, entries, previous, signer = (
        word.decode("ascii", "replace") for word in said.groups()
    )
    if signer != show_public(key):
        raise SealRefused(
            f"{path} was signed by another key: {signer}; expected is "
            f"{show_public(key)}."
        )
    hashed, whole = hashlib.sha512(header), hashlib.sha256(header)
    signature = b""
    while line := file.readline(_LINE_MAX):
        whole.update(line)
        if line.startswith(_SIGNATURE):
            signature = line.removeprefix(_SIGNATURE).strip()
            break
        hashed.update(line)
    if not signature or file.read(1):
        raise SealRefused(
            f"{path} does not end with its signature: it was cut or added to."
        )
    try:
        key.verify(b64decode(signature, validate=True), _FORMAT + hashed.digest())
    except (InvalidSignature, ValueError):
        message = f"{path} is not what was signed: something in it was changed."
        raise SealRefused(message) from None
    return Seal(
        path=path,
        sealed_at=datetime.fromisoformat(sealed_at),
        accounts=int(accounts),
        entries=int(entries),
        previous=previous,
        digest=whole.hexdigest(),
    )


def _show(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
