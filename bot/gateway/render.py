"""Replies in Telegram's form: light Markdown to escaped HTML, long texts split, buttons in rows, captions."""

import html
import re
from collections.abc import Sequence

from bot.outcome import Button, Reply

# Telegram counts 4,096 after its tags are read; what is left over is room for the tags we add.
LIMIT = 3900
CAPTION_LIMIT = 1024
_ROW_CHARACTERS = 30
_ROW_BUTTONS = 3
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_TAG = re.compile(r"</?[a-z]+(?: [a-z]+)?>")
_BREAKS = ("\n\n", "\n", ". ", " ")


def to_html(text: str) -> str:
    """Return light Markdown (`**bold**`, `### heading`, `- bullet`) as Telegram's HTML; all else is escaped."""
    lines = []
    for line in html.escape(text, quote=False).split("\n"):
        if line.startswith("### "):
            lines.append(f"<b>{line[4:].strip().replace('**', '')}</b>")
        elif line.startswith("- "):
            lines.append("• " + _BOLD.sub(r"<b>\1</b>", line[2:]))
        else:
            lines.append(_BOLD.sub(r"<b>\1</b>", line))
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return Telegram's HTML, of tags such as we write, as the text that people read."""
    return html.unescape(_TAG.sub("", text))


def fits_caption(text: str) -> bool:
    """Say whether a text in Telegram's HTML fits under a picture."""
    return _units(plain(text)) <= CAPTION_LIMIT


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Return a text in parts of at most `limit` UTF-16 units, cut at a paragraph, a line, a sentence or a word."""
    parts: list[str] = []
    rest = text.strip()
    while _units(rest) > limit:
        cut = _cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def messages(reply: Reply) -> list[tuple[str, dict[str, object]]]:
    """Return the messages of a reply, as acts and bodies of the outbox. Buttons and a count belong to the last.

    A picture carries the text where that fits; else it goes before the text, so that a picture that can't be sent
    takes no word with it.
    """
    parts = [to_html(part) for part in split(reply.text)]
    made: list[tuple[str, dict[str, object]]] = [("send", {"html": part, "buttons": []}) for part in parts]
    if reply.image is not None:
        carried = parts[0] if len(parts) == 1 and fits_caption(parts[0]) else ""
        photo: dict[str, object] = {"image": reply.image, "html": carried, "buttons": []}
        made = [("send_photo", photo), *([] if carried else made)]
    if made:
        _, last = made[-1]
        last["buttons"] = [[(button.title, button.payload) for button in row] for row in rows(reply.buttons)]
        if reply.count is not None:
            last["count"] = reply.count.model_dump()
    return made


def rows(buttons: Sequence[Button]) -> list[list[Button]]:
    """Return buttons in rows: short ones side by side, long ones alone, in their order."""
    arranged: list[list[Button]] = []
    for button in buttons:
        last = arranged[-1] if arranged else []
        width = sum(len(each.title) for each in last) + len(button.title)
        if last and len(last) < _ROW_BUTTONS and width <= _ROW_CHARACTERS:
            last.append(button)
        else:
            arranged.append([button])
    return arranged


def _cut(text: str, limit: int) -> int:
    end = limit
    while _units(text[:end]) > limit:
        end -= 1
    for mark in _BREAKS:
        found = text.rfind(mark, 0, end)
        if found > end // 3:
            return found + len(mark)
    return end


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
