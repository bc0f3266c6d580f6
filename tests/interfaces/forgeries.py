"""Tokens that are not good: each way to be wrong, made from a good one."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings as configured

from punchcard.kernel.ids import typed
from tests.interfaces.conftest import make_api

KEY = configured.SIMPLE_JWT["SIGNING_KEY"]
RSA_HEADER = {"alg": "RS256", "typ": "JWT"}


def claims_of(text: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return said


def signed(claims: dict[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def part(value: dict[str, Any]) -> str:
    text = json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def handmade(header: str, payload: str, secret: bytes = KEY.encode()) -> str:
    """Return a token of any text, signed by HMAC as ours are."""
    texts = (header.encode(), payload.encode())
    said = b".".join(base64.urlsafe_b64encode(text).rstrip(b"=") for text in texts)
    mac = hmac.digest(secret, said, "sha256")
    return f"{said.decode()}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def headed(claims: dict[str, Any], key: str, **header: Any) -> str:
    return jwt.encode(claims, key, algorithm="HS256", headers=header)


def tampered(text: str) -> str:
    head, _, tail = text.split(".")
    better = claims_of(text) | {"membership": typed("mbr", uuid.uuid4())}
    return f"{head}.{part(better)}.{tail}"


NOW = int(time.time())
OTHER_KEY = "another key, as long as the real one is"
OTHERS_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHERS_EC = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = OTHERS_RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
ELSEWHERE = "https://attacker.example/keys.json"
OUR_HEADER = json.dumps({"alg": "HS256", "typ": "JWT"})
WRONG: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "garbage": lambda _text, _said: "garbage",
    "three parts of garbage": lambda _text, _said: "a.b.c",
    "nothing between the dots": lambda _text, _said: "..",
    "not ASCII": lambda text, _said: text + "é",
    "absurdly long": lambda text, _said: text + "x" * 10_000,
    "cut off": lambda text, _said: text[:-3],
    "tampered with": lambda text, _said: tampered(text),
    "signature of another token": lambda text, said: (
        signed(said | {"x": 1}).rpartition(".")[0] + "." + text.rpartition(".")[2]
    ),
    "no algorithm": lambda _text, said: unsigned(said),
    "no algorithm, oddly written": lambda _text, said: unsigned(said, "nOnE"),
    "no signature": lambda _text, said: unsigned(said, "HS256"),
    "no algorithm, said after ours": lambda _text, said: handmade(
        '{"alg": "HS256", "alg": "none"}', json.dumps(said)
    ),
    "another algorithm": lambda _text, said: signed(said, algorithm="HS512"),
    "our algorithm, in small letters": lambda _text, said: handmade(
        '{"alg": "hs256", "typ": "JWT"}', json.dumps(said)
    ),
    "a critical extension": lambda _text, said: headed(said, KEY, crit=["x"], x=1),
    "its contents detached": lambda _text, said: headed(
        said, KEY, crit=["b64"], b64=False
    ),
    "contents that are no object": lambda _text, said: handmade(
        OUR_HEADER, json.dumps([said])
    ),
    "contents that are no JSON": lambda _text, _said: handmade(OUR_HEADER, "{"),
    "five parts": lambda text, _said: f"{text}.a.b",
    "wrong key": lambda _text, said: signed(said, OTHER_KEY),
    "Django's own key": lambda _text, said: signed(
        said, configured.SECRET_KEY.ljust(32, "x")
    ),
    "an empty key": lambda _text, said: handmade(OUR_HEADER, json.dumps(said), b""),
    "wrong key, named": lambda _text, said: headed(said, OTHER_KEY, kid="1"),
    "an empty file's key": lambda _text, said: handmade(
        json.dumps({"alg": "HS256", "kid": "/dev/null"}), json.dumps(said), b""
    ),
    "wrong key, to be fetched": lambda _text, said: headed(
        said, OTHER_KEY, jku=ELSEWHERE, x5u=ELSEWHERE
    ),
    "wrong key, enclosed": lambda _text, said: headed(
        said, OTHER_KEY, jwk={"kty": "oct", "k": part({"key": OTHER_KEY})}
    ),
    "forged for RSA": lambda text, said: (
        f"{part(RSA_HEADER)}.{part(said)}.{text.rpartition('.')[2]}"
    ),
    "signed by RSA": lambda _text, said: jwt.encode(said, OTHERS_RSA, "RS256"),
    "signed by RSA, key to be fetched": lambda _text, said: jwt.encode(
        said, OTHERS_RSA, "RS256", headers={"jku": ELSEWHERE, "kid": "1"}
    ),
    "signed by an elliptic curve": lambda _text, said: jwt.encode(
        said, OTHERS_EC, "ES256"
    ),
    "a public key taken for a secret": lambda _text, said: handmade(
        OUR_HEADER, json.dumps(said), PUBLIC_PEM
    ),
    "expired": lambda _text, said: signed(said | {"exp": NOW - 60}),
    "without an expiry": lambda _text, said: signed(without(said, "exp")),
    "not valid yet": lambda _text, said: signed(said | {"nbf": NOW + 3600}),
    "of the future": lambda _text, said: signed(said | {"iat": NOW + 3600}),
    "wrong audience": lambda _text, said: signed(said | {"aud": "another-api"}),
    "wrong audiences": lambda _text, said: signed(said | {"aud": ["a", "b"]}),
    "no audience": lambda _text, said: signed(without(said, "aud")),
    "wrong issuer": lambda _text, said: signed(said | {"iss": "somebody"}),
    "no issuer": lambda _text, said: signed(without(said, "iss")),
    "no kind": lambda _text, said: signed(without(said, "token_type")),
    "another kind": lambda _text, said: signed(said | {"token_type": "sliding"}),
    "no subject": lambda _text, said: signed(without(said, "sub")),
    "a subject that is none": lambda _text, said: signed(said | {"sub": "root"}),
    "somebody else": lambda _text, said: signed(
        said | {"sub": typed("usr", uuid.uuid4())}
    ),
    "another program": lambda _text, said: signed(
        said | {"program": typed("prg", make_api().program)}
    ),
    "another membership": lambda _text, said: signed(
        said | {"membership": typed("mbr", uuid.uuid4())}
    ),
    "another session": lambda _text, said: signed(said | {"session": uuid.uuid4().hex}),
    "a session that is none": lambda _text, said: signed(said | {"session": 7}),
    "an older version": lambda _text, said: signed(
        said | {"version": said["version"] - 1}
    ),
    "a version that is none": lambda _text, said: signed(said | {"version": "x"}),
    "no identity": lambda _text, said: signed(without(said, "jti")),
}
"""What is wrong -> the token, of a good one and of what that says."""
