"""`punchcard seal` and `punchcard verify --seal`: keys, folders, exit codes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from punchcard.project.servers.postgres import PostgresServer
from tests.interfaces.test_console import Console, console

__all__ = ["console"]


@pytest.fixture(scope="module", autouse=True)
def first(console: Console) -> str:
    """What was said of the first seal, of something to seal."""
    program = console.program("sealed")
    path = console.folder / "held.csv"
    path.write_text(
        "member,points,expires_at,lot\n"
        + "".join(f"m{n},{n + 1},2098-01-01,{n}\n" for n in range(30))
    )
    console.run("import", "balances", path, "--enrol", *program)
    return console.run("seal").out


def pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def with_settings(console: Console, **settings: object) -> Console:
    said = {f"PUNCHCARD_{name}": str(value) for name, value in settings.items()}
    return Console(console.home, console.folder, console.extra | said)


def by_hand(console: Console, *statements: str) -> None:
    with psycopg.connect(**PostgresServer(console.home).dsn()) as session:
        session.execute("SET session_replication_role = replica")
        for statement in statements:
            session.execute(statement.encode())


def newest(folder: Path) -> Path:
    return max(folder.glob("*.seal"))


def test_a_key_is_made_once_and_only_its_owner_can_read_it(
    console: Console, first: str
) -> None:
    key = console.home / "seal_key"
    assert f"{key} is new" in first
    assert key.stat().st_mode & 0o777 == 0o600
    signer = re.search(r"^Signed by (\S{44})$", first, re.MULTILINE)
    assert signer is not None
    assert re.search(r"seal: [0-9]+ accounts, [0-9]+ entries\.$", first, re.MULTILINE)
    second = console.run("seal").out
    assert "is new" not in second
    assert signer[0] in second
    seals = console.home / "seals"
    assert len(list(seals.iterdir())) == 2
    for where in (newest(seals), seals):
        done = console.run("verify", "--seal", where)
        assert re.search(r"^seal of \S+Z: [0-9]+ accounts", done.out, re.MULTILINE)
        assert done.out.endswith("\n      ok\n\nClean.\n")
    assert done.out.count("seal of") == 2


def test_what_is_not_as_sealed_is_named_and_is_no_success(console: Console) -> None:
    seals = console.folder / "harmed"
    console.run("seal", "--to", seals)
    some = (
        "(SELECT id FROM ledger_account WHERE last_sequence = 1 ORDER BY id LIMIT 25)"
    )
    by_hand(
        console,
        "CREATE TABLE kept AS SELECT account_id, hash FROM ledger_entry"
        f" WHERE account_id IN {some}",
        "UPDATE ledger_entry SET hash = sha256(hash)"
        " WHERE account_id IN (SELECT account_id FROM kept)",
    )
    try:
        done = console.run("verify", "--seal", seals, code=1)
    finally:
        by_hand(
            console,
            "UPDATE ledger_entry e SET hash = k.hash FROM kept k"
            " WHERE k.account_id = e.account_id AND e.sequence = 1",
            "DROP TABLE kept",
        )
    told = done.out.partition("seal of")[2]
    assert len(re.findall(r"acc_\w+/1: its hash is not the sealed one", told)) == 20
    assert "… and 5 more" in told
    assert "25 ACCOUNTS ARE NOT AS SEALED" in told
    assert done.out.endswith("The ledger is harmed.\n")
    assert console.run("verify", "--seal", seals).out.endswith("Clean.\n")


def test_what_was_done_to_a_seal_is_said_in_a_sentence(console: Console) -> None:
    seals = console.folder / "changed"
    for _ in range(3):
        console.run("seal", "--to", seals)
    first, second, _ = sorted(seals.iterdir())
    whole = second.read_text()
    second.write_text(whole[: len(whole) // 2])
    done = console.run("verify", "--seal", second, code=1)
    assert done.err.startswith(f"punchcard: {second} does not end with its signature")
    second.write_text(whole.replace("accounts", "Accounts"))
    assert (
        "its beginning was changed"
        in console.run("verify", "--seal", seals, code=1).err
    )
    second.unlink()
    done = console.run("verify", "--seal", seals, code=1)
    assert f"does not follow {first}: a seal between them is missing" in done.err
    assert done.out == "", "nothing is said of a ledger when the seals are wrong"
    absent = console.run("verify", "--seal", seals / "absent", code=1)
    assert "No such file" in absent.err


def test_a_given_key_signs_and_its_public_half_checks_elsewhere(
    console: Console, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    private.write_text(pem(key))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    given = with_settings(console, SEAL_KEY_FILE=private, SEALS=tmp_path / "kept")
    assert "is new" not in given.run("seal").out
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert given.run("verify", "--seal", tmp_path / "kept").out.endswith("Clean.\n")
    words = ("verify", "--seal", tmp_path / "kept")
    # This installation has another key: the seal is none of its own.
    assert "was signed by another key" in console.run(*words, code=1).err
    assert console.run(*words, "--public-key", public).out.endswith("Clean.\n")


def test_what_is_no_key_is_said_to_be_none(console: Console, tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for text in ("", "no key", rsa.decode()):
        path = tmp_path / "key.pem"
        path.write_text(f"{text}\n")
        given = with_settings(console, SEAL_KEY_FILE=path)
        if text:
            done = given.run("seal", "--to", tmp_path / "none", code=1)
            assert "PUNCHCARD_SEAL_KEY is no private key of Ed25519" in done.err
        seals = console.home / "seals"
        done = console.run("verify", "--seal", seals, "--public-key", path, code=1)
        assert f"{path} is no public key of Ed25519" in done.err
    assert not (tmp_path / "none").exists()
    absent = ("--public-key", tmp_path / "absent")
    assert (
        "cannot be read" in console.run("verify", "--seal", seals, *absent, code=1).err
    )


def test_without_a_key_of_its_own_one_must_be_named(
    console: Console, tmp_path: Path
) -> None:
    away = tmp_path / "seal_key"
    shutil.move(console.home / "seal_key", away)
    try:
        done = console.run("verify", "--seal", console.home / "seals", code=1)
        assert "name it, --public-key FILE" in done.err
        assert not (console.home / "seal_key").exists(), "checking makes no key"
        done = console.run(
            "verify",
            "--seal",
            console.home / "seals",
            "--public-key",
            console.home / "seal_key.pub",
        )
        assert done.out.endswith("Clean.\n")
    finally:
        shutil.move(away, console.home / "seal_key")


def test_a_folder_that_cannot_be_written_is_said(console: Console) -> None:
    done = console.run("seal", "--to", "/dev/null/seals", code=1)
    assert "The seal cannot be written to /dev/null/seals: Not a directory" in done.err
