"""The ledger as a Django app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Names the app."""

    name = "punchcard.ledger"
    label = "ledger"
