"""Independent calculations of what Punchcard must answer: standard library only."""
