"""The wallet that a job is about."""

from __future__ import annotations

from punchcard.interfaces.importing.csv_files import BadFile
from punchcard.kernel.jobs import JobView
from punchcard.programs.queries import WalletView, find_wallet_by_code


def require_wallet(job: JobView, code: str) -> WalletView:
    """Return the wallet with this code in the job's program.

    Raises:
        BadFile: there is none.
    """
    found = find_wallet_by_code(program=job.program, code=code)
    if found is None:
        raise BadFile(f"The program has no wallet `{code}`. Nothing was done.")
    return found
