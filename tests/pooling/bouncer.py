"""PgBouncer itself, where it is installed, in transaction mode with nothing reset."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

NAMES = ("pgbouncer",)
PORT = "6432"
PATIENCE = 60.0


def find_bouncer() -> str | None:
    """Return the program, or None where there is none."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass
class Bouncer:
    """A running one: where it is reached."""

    host: str
    user: str
    port: str = PORT

    def transactions(self) -> int:
        """Return how many transactions it has lent a session for."""
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            dbname="pgbouncer",
            autocommit=True,
        ) as asked:
            # Its console knows simple queries alone.
            cursor = psycopg.ClientCursor(asked)
            cursor.execute("SHOW TOTALS")
            return sum(
                int(row[1])
                for row in cursor.fetchall()
                if row[0] == "total_xact_count" or row[0] == "xact_count"
            )


@contextmanager
def bouncing(
    program: str, *, host: str, port: object, user: str, sessions: int
) -> Iterator[Bouncer]:
    """Run it before the server whose socket is in the folder `host`."""
    folder = Path(tempfile.mkdtemp(prefix="pc-bouncer-"))
    users = folder / "users"
    users.write_text(f'"{user}" ""\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {users}
admin_users = {user}
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
server_round_robin = 1
"""
    )
    command = [program, settings]
    if os.geteuid() == 0:
        # It does not run as root: it is told that we are somebody else.
        mapped = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        command = [*mapped, *command]  # type: ignore[list-item]
    log = folder / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ) as process,
    ):
        try:
            deadline = time.monotonic() + PATIENCE
            while not (folder / f".s.PGSQL.{PORT}").exists():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield Bouncer(str(folder), user)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            shutil.rmtree(folder)
