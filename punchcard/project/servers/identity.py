"""As whom a local server runs: servers refuse to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ServerError, explained

COMMAND_PATIENCE = 300.0
"""Seconds that a helper command (making a data folder, for one) may take."""


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a server runs: we ourselves, we in a user namespace, or an account."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    @property
    def owner(self) -> int:
        """The user number that must own the server's files, seen from outside."""
        return os.geteuid() if self.uid is None else self.uid

    def run(
        self, argv: Sequence[str | Path], *, stdin: str = "", keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a helper command to its end and return its output, whatever its code.

        `keep` are descriptors that the command inherits.

        Raises:
            ServerError: the command cannot be executed, or does not end in time.
        """
        with explained(f"running {argv[0]}"):
            return subprocess.run(
                [*self.prefix, *map(str, argv)],
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
                cwd="/",
                pass_fds=keep,
                env=plain_environment(),
                umask=0o077,
                timeout=COMMAND_PATIENCE,
                check=False,
            )

    def give(self, path: Path) -> None:
        """Make the identity the owner of `path` and of all below it."""
        if self.uid is None or path.lstat().st_uid == self.uid:
            return
        gid = -1 if self.gid is None else self.gid
        for below in path.rglob("*"):
            os.chown(below, self.uid, gid, follow_symlinks=False)
        # The top comes last: its owner says that all below has been handed over.
        os.chown(path, self.uid, gid, follow_symlinks=False)

    def enters(self, folder: Path) -> bool:
        """Whether this identity can walk down to the folder."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0


def choose_identity(*, home: Path, data: Path) -> Identity:
    """Say as whom the server of this home runs: servers refuse to run as root.

    Root serves a folder of somebody else as that owner, so that the owner can go on
    with it; its own folder in a user namespace (inside not root, outside the files stay
    root's and private); where namespaces are refused, as an account that exists.

    Raises:
        ServerError: root, namespaces refused, and no account `postgres` or `nobody`.
    """
    if os.geteuid() != 0:
        return Identity()
    owner = (data if data.exists() else home).stat()
    if owner.st_uid != 0:
        return Identity(uid=owner.st_uid, gid=_group_of(owner))
    unshare = shutil.which("unshare")
    if unshare is not None:
        inside = Identity(
            prefix=(unshare, "--user", "--map-user=1000", "--map-group=1000")
        )
        if inside.run(["/bin/sh", "-c", ":"]).returncode == 0:
            return inside
    account = _account("postgres") or _account("nobody")
    if account is None:
        raise ServerError(
            "Running as root, user namespaces are refused (unshare --user), and there "
            "is no account `postgres` or `nobody` to run the server as. Run Punchcard "
            "as an ordinary user."
        )
    sys.stderr.write(
        "Punchcard: running as root and user namespaces are refused here (unshare "
        f"--user), so the server runs as the account `{account.pw_name}`, which will "
        f"own {data}; others may walk through {home} (mode 0711) but not list it.\n"
    )
    return Identity(uid=account.pw_uid, gid=account.pw_gid)


def open_the_way(identity: Identity, *, home: Path) -> None:
    """See to it that the identity reaches the home; never touch a folder above it.

    Raises:
        ServerError: a folder above the home is closed to that account.
    """
    if os.geteuid() != 0 or identity.enters(home):
        return
    if home.stat().st_uid == 0:
        home.chmod(stat.S_IMODE(home.stat().st_mode) | 0o011)
    if not identity.enters(home):
        raise ServerError(
            f"The server cannot run as root, and user number {identity.owner} without "
            f"root's privileges cannot enter {home}. Choose a home in a place open to "
            "it (/var/lib/punchcard, for one), or run Punchcard as an ordinary user."
        )


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _group_of(owner: os.stat_result) -> int:
    try:
        return pwd.getpwuid(owner.st_uid).pw_gid
    except KeyError:
        return owner.st_gid


def plain_environment() -> dict[str, str]:
    """Return our environment, less what would steer the server behind our back."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name not in {"LANG", "LANGUAGE", "TZ"}
    }
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
