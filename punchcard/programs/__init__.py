"""Programs and their wallets: the tenant, and the policies its points live by."""
