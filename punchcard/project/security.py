"""What an installation must not be without: it refuses to start, in a sentence.

An installation has a database of its own (`DATABASE_URL`). What only its own machine
can reach, by the names it answers to, need not be encrypted; what others can reach
must be, or whoever runs it says that something else sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable

from punchcard.project.env import EnvironmentMistake

SECRET_CHARACTERS = 50
SECRET_DIFFERENT = 5
"""Characters at least, and different ones: what Django asks of its key."""

OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})


def require_secret(name: str, value: str) -> None:
    """Refuse a secret that can be guessed.

    Raises:
        EnvironmentMistake: it is short, monotonous, or an example.
    """
    if len(value) < SECRET_CHARACTERS or len(set(value)) < SECRET_DIFFERENT:
        raise EnvironmentMistake(
            f"{name} can be guessed: {SECRET_CHARACTERS} random characters at least, "
            "as `openssl rand -base64 48` makes."
        )


def require_hosts(names: Iterable[str]) -> None:
    """Refuse to answer to every name: links in letters are made from it.

    Raises:
        EnvironmentMistake: one of the names stands for all.
    """
    if "*" in names:
        raise EnvironmentMistake(
            "PUNCHCARD_ALLOWED_HOSTS is `*`: say the names that it is called by."
        )


def require_guarded(
    *, hosts: Iterable[str], debug: bool, https: bool, plain: bool
) -> None:
    """Refuse what others can reach when it tells its secrets, or sends them openly.

    Raises:
        EnvironmentMistake: says which setting to change.
    """
    if OWN_MACHINE.issuperset(hosts):
        return
    if debug:
        raise EnvironmentMistake(
            "PUNCHCARD_DEBUG is on, and PUNCHCARD_ALLOWED_HOSTS says that others can "
            "reach this: pages of errors would show them its secrets."
        )
    if not https and not plain:
        raise EnvironmentMistake(
            "Others can reach this, by PUNCHCARD_ALLOWED_HOSTS, and keys would be sent "
            "openly: put it behind HTTPS and set PUNCHCARD_BEHIND_HTTPS_PROXY=true. "
            "Where the network itself encrypts, set PUNCHCARD_PLAIN_HTTP=true."
        )
