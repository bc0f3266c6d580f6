"""What the system does: one file per verb, each opening the one transaction."""
