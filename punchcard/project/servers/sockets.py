"""Where a local server's unix sockets are: a private folder with a short path."""

import hashlib
import os
import re
import stat
import sys
from pathlib import Path

from .errors import ServerError
from .identity import Identity

SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes of a unix socket's path: `sun_path` less its closing zero."""


def socket_folder(home: Path, *, longest_name: str) -> Path:
    """Name the folder of the sockets: always the same one for the same resolved home.

    Inside the home where the path is short and plain enough, else a private folder in
    /tmp. Neither TMPDIR nor XDG_RUNTIME_DIR has a say: they differ between a login and
    a cron job, and both must find the one server.
    """
    inside = home / "sockets"
    # Commas and quotes have a meaning in libpq's and in the server's lists of folders.
    plain = re.fullmatch(r"[\w./+@=~ -]+", str(inside)) is not None
    if plain and len(os.fsencode(inside / longest_name)) <= SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"punchcard-{digest}"  # noqa: S108


def make_private_folder(folder: Path, *, identity: Identity) -> None:
    """Create the folder for the identity alone (0700), or make sure that it is so.

    Raises:
        ServerError: it belongs to somebody else, or is no folder.
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    require_private(folder, owners={os.geteuid(), identity.owner})
    folder.chmod(0o700)
    identity.give(folder)


def require_private(folder: Path, *, owners: set[int]) -> None:
    """Refuse a folder that a stranger has put where our sockets should be.

    Raises:
        ServerError: it belongs to none of `owners`, or is no folder.
        OSError: it is not there.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise ServerError(
            f"{folder} should be Punchcard's private folder for sockets, but belongs "
            f"to user number {found.st_uid} or is no folder. Remove it and start again."
        )
