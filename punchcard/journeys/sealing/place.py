"""Where seals go, and what signs them; read with the settings, before all else."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Sealing(msgspec.Struct, frozen=True):
    """A folder of seals and its key."""

    folder: Path
    given_key: str | None
    """A private key in PEM; None: one is made and kept."""
    kept_key: Path
