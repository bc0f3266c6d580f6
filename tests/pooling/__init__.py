"""Everything behind a pooler that lends a session for the length of a transaction."""
