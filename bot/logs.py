"""Structured logs without personal data: events and pseudonyms, never a person's words, name or Telegram id."""

import logging
import sys

import structlog


def configure(level: str, process: str) -> None:
    """Set up logging for one process: one JSON line an event on standard error.

    Libraries that would print what people write, or the bot's token in an address, are kept at WARNING.
    """
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s %(message)s", force=True)
    for chatty in (
        "httpx",
        "httpcore",
        "telegram",
        "telegram.ext",
        "sanic",
        "rasa_sdk",
        "uvicorn.access",
        "uvicorn.error",
        "aiosqlite",
        "alembic",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
