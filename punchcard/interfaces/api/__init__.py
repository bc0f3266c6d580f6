"""The HTTP API: one way in, one table of problems, one document that says so."""
