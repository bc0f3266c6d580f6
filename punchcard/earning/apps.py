"""The room as Django knows it."""

from django.apps import AppConfig


class EarningConfig(AppConfig):
    """What orders and activities earn, by which rules, and what was taken back."""

    name = "punchcard.earning"
    label = "earning"
