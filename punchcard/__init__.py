"""Punchcard: points that are never lost, never counted twice, and always explained."""
