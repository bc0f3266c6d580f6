"""Settings from the environment: typed, and loud when they are wrong.

Every name may be given as `X_FILE` instead: the path of a file that holds the value,
as container platforms hand over secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit


class EnvironmentMistake(Exception):
    """A setting in the environment is missing or wrong; says which and how."""


def text(name: str, default: str | None = None) -> str:
    """Return a setting as text.

    Raises:
        EnvironmentMistake: it is not set and has no default, or its file is unreadable.
    """
    value = _read(name)
    if value is None:
        value = default
    if value is None:
        raise EnvironmentMistake(f"Set {name} (or {name}_FILE) in the environment.")
    return value


def optional(name: str) -> str | None:
    """Return a setting as text, or None where it is not set or empty."""
    return _read(name) or None


def flag(name: str, *, default: bool) -> bool:
    """Return a setting that is on or off.

    Raises:
        EnvironmentMistake: it is neither.
    """
    value = _read(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise EnvironmentMistake(f"{name} is {value!r}: say true or false.")


def number(name: str, *, default: int, least: int = 0) -> int:
    """Return a setting that is a whole number.

    Raises:
        EnvironmentMistake: it is none, or below `least`.
    """
    value = _read(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < least:
        message = f"{name} is {value!r}: say a whole number from {least} up."
        raise EnvironmentMistake(message)
    return int(value)


def rate(name: str, default: str) -> tuple[int, int] | None:
    """Return a setting like `600/60`: so many in so many seconds; None: `off`.

    Raises:
        EnvironmentMistake: it is neither, more than a day, or more than can be counted.
    """
    value = text(name, default)
    if value.lower() in {"off", "0"}:
        return None
    said = re.fullmatch("([0-9]{1,9})/([0-9]{1,5})", value)
    if said is not None:
        quota, window = int(said[1]), int(said[2])
        # Counted are microseconds: a whole one for each.
        if 1 <= window <= 86_400 and 1 <= quota <= window * 1_000_000:
            return quota, window
    message = f"{name} is {value!r}: say off, or how many in how many seconds: 600/60."
    raise EnvironmentMistake(message)


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """Return a setting that is one of a few words.

    Raises:
        EnvironmentMistake: it is another one.
    """
    value = text(name, default)
    if value not in choices:
        raise EnvironmentMistake(f"{name} is {value!r}: say {' or '.join(choices)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return a setting that is a list, separated by commas."""
    value = _read(name)
    parts = (default if value is None else value).split(",")
    return [part.strip() for part in parts if part.strip()]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Return a setting that is a list of addresses and networks, as in 10.0.0.0/8.

    Raises:
        EnvironmentMistake: one of them is none.
    """
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise EnvironmentMistake(f"{name}: {error}.") from error


def mail(name: str) -> dict[str, Any] | None:
    """Return how mail is sent: `smtp://user:password@host:587`, or `smtps://…`.

    `smtp` begins TLS after the greeting (but `?starttls=false`), `smtps` before it.

    Raises:
        EnvironmentMistake: it is no such address.
    """
    url = optional(name)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EnvironmentMistake(f"{name} cannot be read: {error}.") from error
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    plain = options.pop("starttls", "true") == "false"
    # The address holds a password, so no message repeats it.
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or options:
        message = f"{name}: say smtp://user:password@host:587 or smtps://…"
        raise EnvironmentMistake(message)
    tls = parts.scheme == "smtps"
    return {
        "HOST": parts.hostname,
        "PORT": port or (465 if tls else 587),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "TLS": tls,
        "STARTTLS": not tls and not plain,
    }


def database(url: str, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Return Django's words for `postgresql://user:password@host:port/name?sslmode=…`.

    A folder of unix sockets is given as `?host=/run/postgresql`.

    Raises:
        EnvironmentMistake: it is no such address, or of another database.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EnvironmentMistake(f"{name} cannot be read: {error}.") from error
    # The address holds a password, so no message repeats it.
    if parts.scheme not in {"postgres", "postgresql"}:
        message = f"{name} is {parts.scheme or 'no'}://…: say postgresql://…"
        raise EnvironmentMistake(message)
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise EnvironmentMistake(f"{name} names no database: …/name")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(port or "")),
        "OPTIONS": options,
    }


class Broker(NamedTuple):
    """Where a Redis or Valkey is, in the words of two libraries."""

    client: str
    """Of redis-py."""
    celery: str


def broker(url: str) -> Broker:
    """Return the address `redis://user:password@host:6379/0`, or `rediss://…` with TLS.

    A unix socket is `unix:///run/valkey.sock?db=0`, or in Celery's words
    `redis+socket:///run/valkey.sock?virtual_host=0`.

    Raises:
        EnvironmentMistake: it is no such address.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - what is no number is refused here, not in use
    except ValueError as error:
        raise EnvironmentMistake(f"REDIS_URL cannot be read: {error}.") from error
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    # The address holds a password, so no message repeats it.
    match parts.scheme:
        case "redis" | "rediss":
            return _broker_at_host(parts, said)
        case "unix" | "redis+socket":
            return _broker_at_socket(parts, said)
    message = f"REDIS_URL is {parts.scheme or 'no'}://…: say redis:// or rediss://"
    raise EnvironmentMistake(message)


def _broker_at_host(parts: SplitResult, said: dict[str, str]) -> Broker:
    if not parts.hostname:
        raise EnvironmentMistake("REDIS_URL names no host: redis://host:6379/0")
    number = _broker_database(parts.path.removeprefix("/"))
    if parts.scheme == "rediss":
        # Celery refuses to guess whether a certificate is looked at.
        said.setdefault("ssl_cert_reqs", "required")
    rest = f"?{urlencode(said)}" if said else ""
    address = f"{parts.scheme}://{parts.netloc}/{number}{rest}"
    return Broker(client=address, celery=address)


def _broker_at_socket(parts: SplitResult, said: dict[str, str]) -> Broker:
    if parts.hostname or not parts.path.removeprefix("/"):
        raise EnvironmentMistake("REDIS_URL names no socket: unix:///path/of/it")
    number = _broker_database(said.pop("db", said.pop("virtual_host", "")))
    where = f"{parts.netloc}{parts.path}"
    client, celery = {"db": number, **said}, {"virtual_host": number, **said}
    return Broker(
        client=f"unix://{where}?{urlencode(client)}",
        celery=f"redis+socket://{where}?{urlencode(celery)}",
    )


def _broker_database(number: str) -> str:
    if number and not (number.isascii() and number.isdigit()):
        raise EnvironmentMistake("REDIS_URL: its database is a number, as in …/0")
    return number or "0"


def _read(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return os.environ.get(name)
    if name in os.environ:
        raise EnvironmentMistake(f"Set {name} or {name}_FILE, not both.")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentMistake(f"{name}_FILE cannot be read: {error}.") from error
