"""A small shop: its own settings, its own app with a table, the ledger's two apps."""
