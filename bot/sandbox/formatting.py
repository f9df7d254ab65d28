"""Telegram's HTML: from markup to plain text with entities, refused in Telegram's own words.

Offsets and lengths of entities count UTF-16 code units and byte offsets in errors count UTF-8 bytes,
as at Telegram.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import BotApiError, bad_request

Entity = dict[str, Any]

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_CHARACTER = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot));?")
_SPACE = " \t\n\r\f\v"
_LINK_SCHEMES = ("http://", "https://", "tg://", "mailto:", "tel:")
_FOUND = re.compile(r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)\]'])|(?P<bot_command>(?<!\S)/[A-Za-z0-9_]{1,64}\b)")


@dataclass
class _Open:
    """A tag that waits for its end."""

    name: str
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)


def is_entity(value: Any) -> bool:
    """Whether a value from outside has the shape of an entity."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and isinstance(value.get("offset"), int)
        and isinstance(value.get("length"), int)
    )


def utf16_length(text: str) -> int:
    """The length of a text in UTF-16 code units, the unit of entity offsets."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def clean(text: str) -> str:
    """The text as Telegram stores it: control characters become spaces, direction overrides go."""
    text = text.replace("\r", "")
    text = re.sub(r"[\x00-\x09\x0b-\x1f]", " ", text)
    return re.sub(r"[\u2028-\u202e]", "", text)


def parse_html(markup: str) -> tuple[str, list[Entity]]:
    """Plain text and entities of Telegram HTML, trimmed at both ends as Telegram does.

    Raises:
        BotApiError: 400 with Telegram's "can't parse entities: ..." when the markup is malformed.
    """
    out: list[str] = []
    entities: list[Entity] = []
    open_tags: list[_Open] = []
    length = 0
    i = 0
    while i < len(markup):
        character = markup[i]
        if character == "&":
            decoded, i = _decode_character(markup, i)
            out.append(decoded)
            length += utf16_length(decoded)
        elif character != "<":
            out.append(character)
            length += utf16_length(character)
            i += 1
        elif markup[i + 1 : i + 2] == "/":
            i = _end_tag(markup, i, open_tags, entities, length)
        else:
            tag, i = _start_tag(markup, i, length)
            open_tags.append(tag)
    if open_tags:
        raise _cannot_parse(f'Can\'t find end tag corresponding to start tag "{open_tags[-1].name}"')
    return _trim("".join(out), entities)


def trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """A text without the white space around it, with the entities moved along."""
    return _trim(text, entities)


def find_entities(text: str, known: list[Entity]) -> list[Entity]:
    """The known entities and those Telegram finds by itself: web addresses and commands."""
    found = list(known)
    for match in _FOUND.finditer(text):
        offset = utf16_length(text[: match.start()])
        length = utf16_length(match.group())
        if any(e["offset"] < offset + length and offset < e["offset"] + e["length"] for e in known):
            continue
        found.append({"type": str(match.lastgroup), "offset": offset, "length": length})
    return sorted(found, key=lambda e: (e["offset"], -e["length"]))


def _cannot_parse(reason: str) -> BotApiError:
    return bad_request(f"can't parse entities: {reason}")


def _at(markup: str, position: int) -> str:
    return f"at byte offset {len(markup[:position].encode('utf-8', 'surrogatepass'))}"


def _decode_character(markup: str, i: int) -> tuple[str, int]:
    match = _CHARACTER.match(markup, i)
    if match is None:
        return "&", i + 1
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED_CHARACTERS[name], match.end()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "&", i + 1
    return chr(code), match.end()


def _start_tag(markup: str, begin: int, offset: int) -> tuple[_Open, int]:
    i = begin + 1
    while i < len(markup) and markup[i] not in _SPACE and markup[i] != ">":
        i += 1
    if i >= len(markup):
        raise _cannot_parse(f"Unclosed start tag {_at(markup, begin)}")
    name = markup[begin + 1 : i].lower()
    if name not in _TAGS:
        raise _cannot_parse(f'Unsupported start tag "{name}" {_at(markup, begin)}')
    tag = _Open(name, offset)
    while True:
        while i < len(markup) and markup[i] in _SPACE:
            i += 1
        if i >= len(markup):
            raise _cannot_parse(f"Unclosed start tag {_at(markup, begin)}")
        if markup[i] == ">":
            break
        key, value, i = _attribute(markup, i, begin, name)
        tag.attributes[key] = value
    if name == "span" and tag.attributes.get("class") != "tg-spoiler":
        raise _cannot_parse(f'Tag "span" must have class "tg-spoiler" {_at(markup, begin)}')
    return tag, i + 1


def _attribute(markup: str, i: int, begin: int, tag: str) -> tuple[str, str, int]:
    start = i
    while i < len(markup) and markup[i] not in _SPACE and markup[i] not in "=>":
        i += 1
    key = markup[start:i].lower()
    if not key:
        raise _cannot_parse(f'Empty attribute name in the tag "{tag}" {_at(markup, begin)}')
    while i < len(markup) and markup[i] in _SPACE:
        i += 1
    if i >= len(markup):
        raise _cannot_parse(f"Unclosed start tag {_at(markup, begin)}")
    if markup[i] != "=":
        return key, "", i
    i += 1
    while i < len(markup) and markup[i] in _SPACE:
        i += 1
    if i >= len(markup):
        raise _cannot_parse(f"Unclosed start tag {_at(markup, begin)}")
    if markup[i] not in "'\"":
        start = i
        while i < len(markup) and (markup[i].isalnum() or markup[i] in ".-"):
            i += 1
        if i < len(markup) and markup[i] not in _SPACE and markup[i] != ">":
            raise _cannot_parse(f"Unexpected end of name token {_at(markup, start)}")
        return key, markup[start:i].lower(), i
    quote = markup[i]
    i += 1
    value: list[str] = []
    while i < len(markup) and markup[i] != quote:
        if markup[i] == "&":
            decoded, i = _decode_character(markup, i)
            value.append(decoded)
        else:
            value.append(markup[i])
            i += 1
    if i >= len(markup):
        raise _cannot_parse(f"Unclosed start tag {_at(markup, begin)}")
    return key, "".join(value), i + 1


def _end_tag(markup: str, begin: int, open_tags: list[_Open], entities: list[Entity], length: int) -> int:
    if not open_tags:
        raise _cannot_parse(f"Unexpected end tag {_at(markup, begin)}")
    i = begin + 2
    while i < len(markup) and markup[i] not in _SPACE and markup[i] != ">":
        i += 1
    name = markup[begin + 2 : i].lower()
    while i < len(markup) and markup[i] in _SPACE:
        i += 1
    if i >= len(markup) or markup[i] != ">":
        raise _cannot_parse(f"Unclosed end tag {_at(markup, begin)}")
    tag = open_tags.pop()
    if name and name != tag.name:
        raise _cannot_parse(f'Unmatched end tag {_at(markup, begin)}, expected "</{tag.name}>", found "</{name}>"')
    if length > tag.offset:
        entity = _entity(tag, length, open_tags, entities)
        if entity is not None:
            entities.append(entity)
    return i + 1


def _entity(tag: _Open, end: int, around: list[_Open], entities: list[Entity]) -> Entity | None:
    entity: Entity = {"type": _TAGS[tag.name], "offset": tag.offset, "length": end - tag.offset}
    if tag.name == "a":
        url = tag.attributes.get("href", "").strip()
        if not url.lower().startswith(_LINK_SCHEMES):
            # Telegram drops a link that leads nowhere and keeps its words.
            return None
        entity["url"] = url
    elif tag.name == "pre":
        inner = next(
            (e for e in entities if e["offset"] == tag.offset and e["length"] == end - tag.offset and "_lang" in e),
            None,
        )
        if inner is not None:
            entities.remove(inner)
            entity["language"] = inner["_lang"]
    elif tag.name == "code":
        language = tag.attributes.get("class", "")
        if around and around[-1].name == "pre" and language.startswith("language-"):
            entity["_lang"] = language.removeprefix("language-")
    elif tag.name == "blockquote" and "expandable" in tag.attributes:
        entity["type"] = "expandable_blockquote"
    elif tag.name == "tg-emoji":
        entity["custom_emoji_id"] = tag.attributes.get("emoji-id", "")
    return entity


def _trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    lead = utf16_length(text[: len(text) - len(text.lstrip())])
    stripped = text.strip()
    total = utf16_length(stripped)
    kept: list[Entity] = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        end = min(entity["offset"] + entity["length"] - lead, total)
        if end > start:
            kept.append({k: v for k, v in entity.items() if k != "_lang"} | {"offset": start, "length": end - start})
    return stripped, sorted(kept, key=lambda e: (e["offset"], -e["length"]))
