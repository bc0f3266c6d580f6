"""How the log is written: a line for people, or one JSON object a line for machines.

Everything goes one way, ours and that of libraries: through the standard library's
logging to standard error, with what `kernel/log_context.py` knows.
"""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
STYLES = ("json", "text")

_rows = re.compile(
    r"^(?:DETAIL|CONTEXT):.*?(?=\n\n(?:The above|During handling)|\Z)",
    re.MULTILINE | re.DOTALL,
)


def plan(*, level: str, style: str) -> dict[str, Any]:
    """Return what `configure` takes; Django hands it over when it is set up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": _last(style),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # It says the path, in which a member may be named. What it has to say is
            # said by the line of the request, and by `interfaces/api/problems.py`.
            "django.request": {"level": "CRITICAL"},
        },
    }


def configure(plan: Mapping[str, Any]) -> None:
    """Write the log as planned: Django calls this (`LOGGING_CONFIG`)."""
    logging.config.dictConfig(dict(plan))
    structlog.configure(
        processors=[
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def without_rows(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Leave out of a traceback what PostgreSQL says of rows: it may name somebody."""
    for part in ("exception", "event"):
        if isinstance(event.get(part), str):
            event[part] = _rows.sub("(details of rows are left out)", event[part])
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last(style: str) -> list[Processor]:
    tidy: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        without_rows,
    ]
    if style == "json":
        return [*tidy, structlog.processors.JSONRenderer(default=str)]
    colours = sys.stderr.isatty()
    return [*tidy, structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)]
