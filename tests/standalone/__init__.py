"""The ledger inside a Django project that is not Punchcard's."""
