"""The key that signs seals (Ed25519), and the one that they are checked with."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from .errors import SealRefused

PUBLIC_SUFFIX = ".pub"


def signing_key(given: str | None, kept: Path) -> tuple[Ed25519PrivateKey, bool]:
    """Return the given key (PEM), else the kept one, else a new one that is kept.

    And whether it was made now. Beside the kept one lies its public half.

    Raises:
        SealRefused: it is no private key of Ed25519, or cannot be read or written.
    """
    if given is not None:
        return _private(given, "PUNCHCARD_SEAL_KEY"), False
    made = not kept.exists()
    if made:
        _make(kept)
    key = _private(_read(kept), str(kept))
    public = kept.with_name(kept.name + PUBLIC_SUFFIX)
    if not public.exists():
        public.write_text(_pem(key.public_key()), encoding="utf-8")
    return key, made


def checking_key(chosen: str | None, given: str | None, kept: Path) -> Ed25519PublicKey:
    """Return the public key of a chosen file, else that of this installation.

    Raises:
        SealRefused: there is none, or it is no key of Ed25519.
    """
    if chosen is not None:
        return _public(_read(Path(chosen)), chosen)
    if given is not None:
        return _private(given, "PUNCHCARD_SEAL_KEY").public_key()
    if kept.exists():
        return _private(_read(kept), str(kept)).public_key()
    raise SealRefused(
        "There is no key here to check a seal with: name it, --public-key FILE."
    )


def show_public(key: Ed25519PublicKey) -> str:
    """Return a public key as it stands in seals: its 32 bytes in base64."""
    return b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _make(path: Path) -> None:
    """Make a key that only its owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = (
        Ed25519PrivateKey.generate()
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )
    made = path.with_name(f"{path.name}.{os.getpid()}")
    made.touch(mode=0o600)
    try:
        made.write_text(text, encoding="utf-8")
        # A link, not a rename: of two who start at once, the first one's stays.
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise SealRefused(f"The key {path} cannot be read: {said}.") from None


def _private(text: str, where: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SealRefused(
            f"{where} is no private key of Ed25519 in PEM, without a password."
        )
    return key


def _public(text: str, where: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SealRefused(f"{where} is no public key of Ed25519 in PEM.")
    return key


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
