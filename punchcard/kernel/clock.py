"""The one place where the clock is read; everybody else is given an instant."""

from datetime import UTC, datetime


def read() -> datetime:
    """Return the present instant, in UTC, to the microsecond."""
    return datetime.now(UTC)
