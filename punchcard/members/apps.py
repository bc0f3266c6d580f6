"""The room as Django knows it."""

from django.apps import AppConfig


class MembersConfig(AppConfig):
    """Who holds points."""

    name = "punchcard.members"
    label = "members"
