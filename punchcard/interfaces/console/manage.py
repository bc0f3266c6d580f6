"""`punchcard manage …`: Django's own commands, for who knows them."""

from __future__ import annotations

from argparse import Namespace

from django.core.management import ManagementUtility

from punchcard.interfaces.console.installation import Installation


def run(arguments: Namespace, installation: Installation) -> int:  # noqa: ARG001
    """Pass the words on."""
    ManagementUtility(["punchcard manage", *arguments.words]).execute()
    return 0
