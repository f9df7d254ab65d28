"""Structured logs without personal data: events and pseudonyms, never a person's words, name or Telegram id.

An exception's message may repeat what a person wrote ("invalid literal: ..."). So a fault is logged by its kind and by
where it happened, and its message stays out: of our own lines, of libraries' lines, and of what a crash leaves.
"""

import contextlib
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor

_MOST_PLACES = 30
_DEEPEST = 5


def configure(level: str, process: str, reports: Processor | None = None) -> None:
    """Set up logging for one process: one JSON line an event on standard error.

    Libraries that would print what people write, or the bot's token in an address, are kept at WARNING.

    Args:
        level: how much is logged.
        process: which of ours this is.
        reports: is shown each line before it is written (see `bot.reports`).
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutWords("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.raiseExceptions = False  # a line that can't be put together would be shown with its values
    warnings.showwarning = _warned
    sys.excepthook = _crashed
    sys.unraisablehook = lambda fault: _crashed(fault.exc_type, fault.exc_value, fault.exc_traceback)
    threading.excepthook = lambda crash: _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)
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
            _told_fault,
            *([reports] if reports is not None else []),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def fault_of(error: BaseException | None, tail: TracebackType | None = None) -> str:
    """An exception as it may be logged: its kind, where it happened, and those behind it; never its message."""
    lines: list[str] = []
    deep = 0
    while error is not None and deep < _DEEPEST:
        places = traceback.extract_tb(error.__traceback__ or (tail if deep == 0 else None))[-_MOST_PLACES:]
        lines.append(("because of " if deep else "") + type(error).__name__)
        lines += [f"  {'/'.join(Path(each.filename).parts[-3:])}:{each.lineno} {each.name}" for each in places]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        deep += 1
    return "\n".join(lines)


def _told_fault(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["exception"] = fault_of(given)
    return event


class _WithoutWords(logging.Formatter):
    """Lines of libraries: of a fault the kind and the place, of its message and of what was put into it nothing."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and record.exc_info[1] is not None:
            # With a fault come its values: what was being done, a future with its result.
            told = str(record.msg).split("\n")[0] if record.args or record.name != "asyncio" else "a fault in a task"
            record = logging.makeLogRecord({**record.__dict__, "msg": told, "args": (), "exc_text": None})
        elif isinstance(record.args, tuple) and any(isinstance(each, BaseException) for each in record.args):
            plain = tuple(type(each).__name__ if isinstance(each, BaseException) else each for each in record.args)
            record = logging.makeLogRecord({**record.__dict__, "args": plain})
        elif isinstance(record.msg, BaseException):
            record = logging.makeLogRecord({**record.__dict__, "msg": type(record.msg).__name__})
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return fault_of(ei[1], ei[2])


def _crashed(kind: type[BaseException], error: BaseException | None, tail: TracebackType | None) -> None:
    """What a crash leaves on standard error, in place of the traceback with its message."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), tail)
        return
    sys.stderr.write(fault_of(error, tail) + "\n" if error is not None else f"{kind.__name__}\n")


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What a library warns of, without its words: in a workbook's they hold what stands in the cell."""
    sys.stderr.write(f"{category.__name__} at {'/'.join(Path(filename).parts[-3:])}:{lineno}\n")


def lossy(stream: TextIO) -> TextIO:
    """The stream as one that loses what can't be written: on a full disk a line of the log must end nothing."""
    return cast(TextIO, _Lossy(stream))


class _Lossy:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose it."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is left, or lose it."""
        with contextlib.suppress(OSError):
            self._stream.flush()
