"""Background work, with real brokers and real workers, which are killed."""
