"""Local servers, against real processes."""
