"""The ledger: accounts, entries, lots and holds. Points are never lost or made here."""
