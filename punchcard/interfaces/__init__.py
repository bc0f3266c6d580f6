"""Doors: translate, authorise, one call, translate back."""
