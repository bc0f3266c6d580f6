"""`punchcard health`: ask a running server whether it can do its work."""

from __future__ import annotations

import http.client
import sys
from argparse import Namespace

import msgspec

from punchcard.interfaces.console.failures import FAILED, Stop
from punchcard.interfaces.console.installation import Installation

PATIENCE_SECONDS = 5


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Print what each dependency is; 1 where it cannot answer without one.

    Raises:
        Stop: nobody answers, or not as Punchcard does.
    """
    where = f"{arguments.host} port {arguments.port}"
    asking = http.client.HTTPConnection(
        arguments.host, arguments.port, timeout=PATIENCE_SECONDS
    )
    try:
        asking.request("GET", "/health/ready")
        answer = asking.getresponse()
        said = msgspec.json.decode(answer.read())
        asked = (said if answer.status == 200 else said["details"])["dependencies"]
    except (OSError, http.client.HTTPException) as error:
        raise Stop(f"Nobody answers at {where}: {error}.") from None
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Stop(f"What answers at {where} is no Punchcard.") from None
    finally:
        asking.close()
    for name, state in asked.items():
        sys.stdout.write(f"{name}: {state}\n")
    return 0 if answer.status == 200 else FAILED
