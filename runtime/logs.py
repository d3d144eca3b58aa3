"""Logs: one JSON object a line on stdout. No texts of codes, no persons, no keys."""

import sys

import structlog
from structlog.typing import FilteringBoundLogger

Log = FilteringBoundLogger


def open_log(process: str) -> Log:
    """Set up logging for the process and return its log."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger()
    return log.bind(process=process)
