"""The room as Django knows it."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Who may do what."""

    name = "punchcard.access"
    label = "access"
