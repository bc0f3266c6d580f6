"""The room as Django knows it."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """The tenant and its wallets."""

    name = "punchcard.programs"
    label = "programs"
