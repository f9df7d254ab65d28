"""All that is kept of a person as two files: pages to read, and JSON for other programs."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from bot.gateway.pdf import Line, pages_pdf
from bot.outcome import EXPORT_PDF
from bot.store import Store, kept, tracker
from bot.store.kept import Section
from bot.words import Words

log = structlog.get_logger()

_TITLE, _HEADING, _TEXT = 16, 13, 9
_INDENT = "    "


class Exports:
    """Collects what is kept of a person, from the register, at the moment it is sent."""

    def __init__(self, store: Store, words: Words, tracker_at: tracker.Where) -> None:
        self._store, self._words, self._tracker = store, words, tracker_at

    async def file(self, patient_id: str, document: str, made: datetime) -> tuple[str, bytes] | None:
        """Return a file's name and content; None when nothing is kept of the person any more.

        Args:
            patient_id: whose.
            document: `export/pdf` or `export/json`.
            made: when they asked for it, aware; it stands in the file.
        """
        async with self._store.reading() as session:
            sections = await kept.export(session, patient_id)
        if not sections:
            return None
        try:
            told = await asyncio.to_thread(tracker.conversation, self._tracker, patient_id)
        except tracker.Unavailable as error:
            log.error("export.no_tracker", fault=str(error))
            told = []
        if told:
            sections.append(Section("conversations", "own.engine", tuple(told), is_trace=False))
        name = self._words("own.file")
        if document == EXPORT_PDF:
            lines = list(self._lines(sections, made))
            return f"{name}.pdf", await asyncio.to_thread(pages_pdf, self._words("own.head"), lines, made)
        return f"{name}.json", self._json(sections, made)

    def nothing(self) -> str:
        """What is said when nothing is kept."""
        return self._words("own.nothing")

    def _json(self, sections: Sequence[Section], made: datetime) -> bytes:
        whole = {
            "made": made.isoformat(),
            "note": self._words("own.clinics"),
            "kept": {section.table: list(section.entries) for section in sections},
        }
        return json.dumps(whole, ensure_ascii=False, indent=2).encode()

    def _lines(self, sections: Sequence[Section], made: datetime) -> Iterator[Line]:
        yield Line(self._words("own.head"), _TITLE, bold=True)
        yield Line(self._words("own.made", moment=_moment(made)), _TEXT)
        yield Line(self._words("own.clinics"), _TEXT)
        yield Line(self._words("own.not_shown"), _TEXT)
        for section in sections:
            yield Line("", _HEADING)
            yield Line(self._words(section.title), _HEADING, bold=True)
            if section.is_trace:
                yield Line(self._words("own.traces", count=len(section.entries)), _TEXT)
                continue
            for entry in section.entries:
                yield Line("", _TEXT // 2)
                for text in _in_lines(entry):
                    yield Line(text, _TEXT)


def _in_lines(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The fields of an entry, one a line; what is within one, and the lines of a long text, stand indented below it."""
    for name, each in value.items():
        label = f"{indent}{str(name).replace('_', ' ').capitalize()}:"
        if isinstance(each, Mapping) and each:
            yield label
            yield from _in_lines(each, indent + _INDENT)
        elif isinstance(each, list) and any(isinstance(part, Mapping) for part in each):
            yield label
            for part in each:
                yield from _in_lines(part if isinstance(part, Mapping) else {"": part}, indent + _INDENT)
        elif isinstance(each, str) and "\n" in each:
            yield label
            yield from (f"{indent}{_INDENT}{line}" for line in each.split("\n") if line.strip())
        elif each is not None and each not in ("", [], {}):
            yield f"{label} {_readable(each)}"


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_readable(each) for each in value)
    if isinstance(value, str) and len(value) >= len("2026-11-22T10:00") and value[10:11] == "T":
        try:
            return _moment(datetime.fromisoformat(value))
        except ValueError:
            return value
    return str(value)


def _moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M}"
