"""The room as Django knows it."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """What happened outside, and points come from."""

    name = "punchcard.orders"
    label = "orders"
