"""A letter made ready to be read: shorthand written out, wrapped lines joined, boxes and headings understood.

Whatever is changed for reading, every place is still known in the letter itself, so that it can be quoted exactly.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

_TICKED = r"\[\s?[xX✓✔√]\s?\]|\(\s?[xX✓✔√]\s?\)|[☑☒✅✓✔🗹]"
_EMPTY = r"\[[\s_]{0,3}\]|\(\s{1,3}\)|[☐❏□◻]"
_BOX = re.compile(rf"(?P<ticked>{_TICKED})|(?P<empty>{_EMPTY})")
_NEXT_FIELD = re.compile(r"[ \t]{2,}(?=[^\W_])|\t|(?<=[\w.]) (?=[A-Z][\w /]{2,30}:)")
_PIPE = re.compile(r"[ \t]*\|[ \t]*")
_CHOICE = re.compile(r"\b(?:yes|no|y|n)\b", re.IGNORECASE)
_NOT_CHOSEN = re.compile(r"\b(?:yes|y)\s*/\s*(?:no|n)\b(?:\s*/\s*(?:unknown|n/?k|not known))?", re.IGNORECASE)
_QUERY = re.compile(r"(?:(?<=^)|(?<=[\s(,;:/\[–-]))\?+\s?(?=[^\W\d_])")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])|(?<=\d)[-‐‑](?=(?:year|month|week|day|hour)s?\b)")
_TEMPERATURE = re.compile(r"(?<=\b[Tt])(?=3[5-9]\b|4[01]\b)")
_GLUED = re.compile(r"(?<=\d)(?=(?:h|hrs?|d|w|wks?|mths?|mm|weeks?|days?|months?)\b)")
_FIELDS = re.compile(r"(?<=[\w.)])(?:[ ]{2,}|\t)[ \t]*(?=[A-Z][\w/()'-]*(?: [\w/()'-]+){0,4}[ ]?[:?])")
"""Between two fields of a form on one line: "Hearing: normal   Vertigo: no"."""
_SCANNED = re.compile(
    r"(?<=[a-z])[10](?=[a-z])(?<!a1)|(?<=[a-z]{4})1\b|(?<![^\W_])1(?=[a-z]{3})(?!1(?:year|month|week|day|hour|min|sec|yr|mth|hr|wk|st))"
)
"""A one or a nought inside a word, as scanning makes of "l" and "o": "vesic1es", "d0uble", "1ost"."""
_SCANNED_AGE = re.compile(r"\bage[d:]?\s+\d([lI])\b")
_HASH = re.compile(r"(?:(?<=\n)|(?<=^))#{1,6}(?=\s?[^\W\d_])")
_NEXT_IS_NEW = re.compile(
    r"\s*(?:[-*•·–—>#]|\d{1,2}[.)]\s|\[|\(|☐|☑|☒|(?-i:[A-Z][A-Za-z/ ]{1,28})[:?]|"
    r"(?:onset|hb|house|eyes?|ears?|hearing|pmhx?|o/e|dhx?|fhx?|shx?|side|cause|diagnosis|plan|steroids?|dear|re)\b)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"(?:[.!?:;…]|[-–:]\s?(?:y|n|yes|no|nil))\s*$", re.IGNORECASE)
_ROW_HEAD = re.compile(r"[ \t]*[A-Z][A-Z /]{1,24}(?:\s{2,}|:)")
"""The name of a row of boxes: "EYE   closes ( )  incomplete ( x )"."""
_GAP = re.compile(r"\s{12,}")
"""Blanks and empty lines without end: patterns that allow for some take ages over thousands."""
_WRAPPED = 44
"""A line this long, with no stop at its end, goes on in the next line. Letters are seldom wrapped below."""

_LONGEST = 20_000
"""Characters of a letter that are read; the rest is not."""


@dataclass(frozen=True, slots=True)
class Source:
    """A letter and its readable form, with where each sign of the readable form stands in the letter."""

    letter: str
    text: str
    _from: tuple[int, ...]
    _to: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the letter of some signs of the readable form."""
        if start >= end:
            return (0, 0)
        return self._from[start], self._to[end - 1]

    def quote(self, start: int, end: int) -> str:
        """The letter's own words for some signs of the readable form, without blanks and stops around them."""
        first, last = self.span(start, end)
        words = self.letter[first:last].strip()
        return words.rstrip(" \t\n,;:.") or words


def shorthand(entries: Mapping[str, str]) -> re.Pattern[str]:
    """What finds any of the short forms, standing alone. One written in capitals counts in capitals only."""
    parts = []
    for each in sorted(entries, key=len, reverse=True):
        quoted = re.escape(each).replace(r"\ ", r"\s?")
        parts.append(quoted if each.isupper() and each.isalpha() else f"(?i:{quoted})")
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(parts)})(?![^\W_])")


def readable(letter: str, short: re.Pattern[str], entries: Mapping[str, str]) -> Source:
    """Make a letter readable; of one longer than 20,000 signs the beginning. Never fails."""
    body = letter[:_LONGEST]
    replaced = sorted(_replacements(body, short, entries), key=lambda each: (each[0], -each[1]))
    text: list[str] = []
    begins: list[int] = []
    finishes: list[int] = []
    at = 0

    def put(piece: str, start: int, end: int) -> None:
        text.append(piece)
        if len(piece) == end - start:
            begins.extend(range(start, end))
            finishes.extend(range(start + 1, end + 1))
        else:
            begins.extend([start] * len(piece))
            finishes.extend([end] * len(piece))

    for start, end, piece in replaced:
        if start < at:
            continue
        put(body[at:start], at, start)
        put(piece, start, end)
        at = end
    put(body[at:], at, len(body))
    return Source(letter, "".join(text), tuple(begins), tuple(finishes))


def _replacements(body: str, short: re.Pattern[str], entries: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    in_columns = list(_in_columns(body))
    answered = {body.count("\n", 0, start) for start, _, _ in in_columns}
    yield from in_columns
    yield from (each for each in _boxes(body) if body.count("\n", 0, each[0]) not in answered)
    for found in _PIPE.finditer(body):
        edge = body[found.end() : found.end() + 1] in ("", "\n", "\r") or body[: found.start()][-1:] in ("", "\n")
        yield found.start(), found.end(), " " if edge else " : "
    for found in _QUERY.finditer(body):
        yield found.start(), found.end(), " query "
    for found in _HYPHEN.finditer(body):
        yield found.start(), found.end(), " "
    for found in (*_GLUED.finditer(body), *_TEMPERATURE.finditer(body)):
        yield found.start(), found.start(), " "
    for found in _FIELDS.finditer(body):
        yield found.start(), found.end(), ". "
    for found in _SCANNED.finditer(body):
        yield found.start(), found.end(), "l" if found.group() == "1" else "o"
    for found in _SCANNED_AGE.finditer(body):
        yield found.start(1), found.end(1), "1"
    for found in _HASH.finditer(body):  # of a heading; in a line "#" is a fracture
        yield found.start(), found.end(), " "
    for found in _NOT_CHOSEN.finditer(body):
        yield found.start(), found.end(), ":" if _answered(body, found.end()) else " notchosen "
    lowered = {each.lower(): words for each, words in entries.items()} | dict(entries)
    for found in short.finditer(body):
        said = re.sub(r"\s+", " ", found.group())
        words = lowered.get(said) or lowered.get(said.lower()) or _spaced(said, lowered)
        if words:
            yield found.start(), found.end(), f" {words} "
    for found in _GAP.finditer(body):
        yield found.start(), found.end(), "\n" * min(3, found.group().count("\n")) or " " * 8
    yield from joined_lines(body)


def _spaced(said: str, entries: Mapping[str, str]) -> str | None:
    bare = said.replace(" ", "").lower()
    return next((words for each, words in entries.items() if each.replace(" ", "").lower() == bare), None)


def _answered(body: str, at: int) -> bool:
    """Whether an answer follows a printed "Y/N"."""
    return re.match(r"\s*[\])]?\s*[:=–-]?\s*(?:yes|no|y|n)\b", body[at : at + 12], re.IGNORECASE) is not None


_COLUMNS = re.compile(
    r"[ \t|]*(?:[^\s|].*?)?\b(?P<first>yes|no|y|n)\b[ \t|/]+(?P<second>yes|no|y|n)\b[ \t|]*$", re.IGNORECASE
)


def _in_columns(body: str) -> Iterator[tuple[int, int, str]]:
    """Rows with two boxes under a head "YES   NO": which of them is ticked is the answer to what stands before."""
    start, answers = 0, None
    for line in body.splitlines(keepends=True):
        boxes = list(_BOX.finditer(line))
        if (
            not boxes
            and (head := _COLUMNS.match(line.rstrip()))
            and head["first"][0].lower() != head["second"][0].lower()
        ):
            answers = [head[name][0].lower() == "y" for name in ("first", "second")]
        elif answers and len(boxes) == 2 and line[: boxes[0].start()].strip():
            between = line[boxes[0].end() : boxes[1].start()]
            ticked = [index for index, box in enumerate(boxes) if box["ticked"]]
            if not between.strip(" \t|/"):
                said = "notchosen" if len(ticked) != 1 else "yes" if answers[ticked[0]] else "no"
                yield start + boxes[0].start(), start + boxes[1].end(), f" : {said}. "
        start += len(line)


def _boxes(body: str) -> Iterator[tuple[int, int, str]]:
    """Leave out what stands beside an empty box: it was not ticked, which says nothing. A tick stands for "yes"."""
    start = 0
    for line in body.splitlines(keepends=True):
        boxes = list(_BOX.finditer(line))
        if boxes:
            # In "Otalgia [x]" the box follows its label; in "[x] Otalgia" and "Otalgia: [x] yes [ ] no" it leads.
            leads = bool(line[: boxes[0].start()].strip(" \t-*•") == "" or line[boxes[-1].end() :].strip(" \t\r\n.;,"))
            labelled = ":" in line[: boxes[0].start()]
            chosen = False
            for index, box in enumerate(boxes):
                first, last = box.start(), box.end()
                if leads:
                    until = boxes[index + 1].start() if index + 1 < len(boxes) else len(line.rstrip("\r\n"))
                    # A wide gap, or a new label, ends what stands beside the box.
                    ended = _NEXT_FIELD.search(line, last + 1, until)
                    label = line[last : ended.start() if ended else until]
                    if ended:
                        yield start + ended.start(), start + ended.start() + 1, "."
                    if box["empty"]:
                        yield start + first, start + last + len(label), " "
                    elif _CHOICE.fullmatch(label.strip(" \t,.;")) or (labelled and not chosen):
                        yield start + first, start + last, " "
                    else:
                        yield start + first, start + last, ", " if labelled else "." if index else " "
                    chosen = (chosen or bool(box["ticked"])) and not ended
                else:
                    head = _ROW_HEAD.match(line)
                    before = boxes[index - 1].end() if index else head.end() if head else 0
                    if box["empty"]:
                        yield start + before, start + last, " "
                    else:
                        yield start + first, start + last, " : yes. "
        start += len(line)


def joined_lines(body: str) -> Iterator[tuple[int, int, str]]:
    """Where a line was only wrapped: the end of the line, one sign, and a blank in its place."""
    at = 0
    lines = body.split("\n")
    width = max(len(line) for line in lines)
    wrapped = 60 <= width <= 120
    for line, following in pairwise(lines):
        end = at + len(line)
        length = len(line.rstrip())
        goes_on = following.lstrip()[:1].islower() or (wrapped and length >= 0.8 * width)
        if length >= _WRAPPED and not _ENDS.search(line) and goes_on and not _NEXT_IS_NEW.match(following):
            yield end, end + 1, " "
        at = end + 1
