"""The kernel as Django knows it: only for the tables that belong to no room."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """What every room stands on."""

    name = "punchcard.kernel"
    label = "kernel"
