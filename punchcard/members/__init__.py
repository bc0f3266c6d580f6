"""Members: who holds points, under the caller's own ids."""
