"""What a labelled value means for a referral: a spreadsheet's cell, or an observation that came by FHIR. Pure.

Names and words are data, in `content/referral/columns.yml`. What is found are proposals, as from a letter; each quotes
the line it came from. A clear answer is taken. Anything else stays in the text and is read as a letter is; where that
hears nothing, the answer counts as "unsure".
Who somebody is is kept as initials or the clinic's own number (evidence pack, section 2.1).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, cast

from pydantic import Field

from bot.content_file import Lines, Strict, read
from bot.referral.record import CAUSES, UNSURE, Proposed, Referral, Side
from bot.referral.when import times
from bot.triage.rules import Finding, Provenance

type FieldName = Literal[
    "patient_ref", "name", "forename", "surname", "national_number", "born", "age", "received", "written", "referrer",
    "organisation", "onset", "side", "cause", "grade", "sunnybrook", "fdi", "goals", "letter",
]  # fmt: skip

FIELDS: Mapping[FieldName, str] = MappingProxyType(
    {
        "patient_ref": "patient's reference or initials",
        "name": "patient's name (kept as initials)",
        "forename": "forename (kept as an initial)",
        "surname": "surname (kept as an initial)",
        "national_number": "national number (its last four signs are kept)",
        "born": "date of birth (kept as age)",
        "age": "age",
        "received": "received on",
        "written": "written on",
        "referrer": "referrer",
        "organisation": "referrer's organisation",
        "onset": "onset of the weakness",
        "side": "weak side",
        "cause": "cause",
        "grade": "House-Brackmann grade",
        "sunnybrook": "Sunnybrook score",
        "fdi": "Facial Disability Index",
        "goals": "patient's goals",
        "letter": "letter, or other text to read",
    }
)
"""The fields of a referral with the words for them."""

NAMES_SOMEBODY: tuple[FieldName, ...] = ("patient_ref", "name", "surname", "national_number")
"""One of these is needed, so that the clinic knows whose referral it is."""

DATES = frozenset({"onset", "received", "written", "born"})
LONGEST_VALUE = 20_000
"""Characters of one value; as many as are read of a letter."""

_PRIVATE = frozenset(
    {"name", "forename", "surname", "national_number", "born", "patient_ref", "referrer", "organisation"}
)
_SHOWN = 60
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BUT = re.compile(r"\b(?:but|however|except|although|though|yet|until|now|since|initially|\?)", re.IGNORECASE)
_TITLES = frozenset("mr mrs ms miss mx dr prof sir dame master rev".split())
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_GRADE = re.compile(r"(?<![a-z0-9.])([1-6]|iv|vi|v|i{1,3})(?![a-z0-9.])")
_NUMBER = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:%|/\s*100)?")
_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:(y|yo|yr|yrs|years?|years? old|y/o)|(m|mo|mths?|months?|months? old))?")
_ISO = re.compile(r"((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_NUMERIC = re.compile(r"(\d{1,2})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?((?:19|20)\d\d|\d\d)(?:[T ]+\d{1,2}:\d\d.*)?")
_NAMED = re.compile(r"\d{1,2}(?:st|nd|rd|th)?[-\s]?(?:of\s)?[^\W\d_]{3,9}\.?,?[-\s]?(?:\d{4}|\d\d)", re.IGNORECASE)
_SERIAL = re.compile(r"([1-6]\d{4})(?:\.\d+)?")
_LENGTH = re.compile(r"\d{1,2}\s?/\s?(?:7|52|12)")
_ABOUT = re.compile(r"~|\?|\b(?:about|around|approx|approximately|circa|roughly|c)\b\.?", re.IGNORECASE)
_EXCEL_DAY_0 = date(1899, 12, 30)


class WrongValue(ValueError):
    """A value that can't be taken; as text it says what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Told:
    """One labelled value as it came.

    Attributes:
        label: the column's heading, or what the observation is called.
        text: the value as text.
        key: what it was taken for: a field, a finding, a reading of `columns.yml`; None when nobody knows.
        where: its place: a cell ("C7"), or a FHIR expression.
        day: the day, when it came as one and needs no reading.
        day_is_exact: False when the day stands for a month or a year.
    """

    label: str
    text: str
    key: str | None
    where: str
    day: date | None = None
    day_is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one value: its place, its label, the value cut short, and the remedy."""

    where: str
    label: str
    value: str
    words: str

    def __str__(self) -> str:
        """The problem as one line."""
        shown = f" ('{self.value}')" if self.value else ""
        return f"{self.where}, {self.label}{shown}: {self.words}" if self.label else f"{self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Note:
    """What a person should know of a value that was taken."""

    where: str
    words: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A referral put together from labelled values; it counts only when nothing is wrong.

    `came_from` says for each field and finding the place it came from.
    """

    referral: Referral
    patient_ref: str
    referrer: str
    came_from: Mapping[str, str]
    wrong: tuple[Wrong, ...] = ()
    notes: tuple[Note, ...] = ()


class _FindingColumn(Strict):
    finding: str
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


class _Answers(Strict):
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unsure: tuple[str, ...]
    unknown: tuple[str, ...]


class _ColumnsFile(Strict):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d+$")]
    reviewed_by: str | None
    review_due: date | None
    provenance: Annotated[tuple[Provenance, ...], Field(min_length=1)]
    fields: dict[FieldName, Annotated[tuple[str, ...], Field(min_length=1)]]
    left_out: tuple[str, ...]
    findings: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], _FindingColumn]
    answers: _Answers
    sides: dict[Side, tuple[str, ...]]
    self_referral: tuple[str, ...]
    causes: dict[str, tuple[str, ...]]
    codes: dict[Annotated[str, Field(pattern=r"^[^|]+\|[^|]+$")], str]


@dataclass(frozen=True, slots=True, repr=False)
class Columns:
    """The names of columns and the words of cells."""

    version: str
    findings: Mapping[str, Finding]
    _keys: Mapping[str, str]
    _left_out: frozenset[str]
    _readings: Mapping[str, tuple[str, Mapping[str, str]]]
    _answers: Mapping[str, str]
    _sides: Mapping[str, Side]
    _causes: Mapping[str, str]
    _codes: Mapping[str, str]
    _self: frozenset[str]

    @classmethod
    def load(cls, content: Path, findings: Mapping[str, Finding]) -> Self:
        """The names of a content folder.

        Args:
            content: the folder with `referral/columns.yml`.
            findings: those of the triage rules and of the bands, by name.

        Raises:
            ContentError: the file is malformed, names what doesn't exist, or a name stands for two things.
        """
        file, lines = read(content / "referral" / "columns.yml", _ColumnsFile)
        stated = {name for name, finding in findings.items() if finding.group != "derived"}
        keys: dict[str, str] = {}
        for field_name, labels in file.fields.items():
            _learn(keys, labels, field_name, lines, "fields", field_name)
        readings: dict[str, tuple[str, Mapping[str, str]]] = {}
        for name, reading in file.findings.items():
            if reading.finding not in stated:
                raise lines.error(f"there is no finding '{reading.finding}'.", "findings", name, "finding")
            if name in file.fields or (name in findings and reading.finding != name):
                raise lines.error(f"'{name}' is the name of something else. Choose another.", "findings", name)
            words = dict.fromkeys(map(plain_answer, reading.yes), "yes")
            for answer in map(plain_answer, reading.no):
                if words.setdefault(answer, "no") != "no":
                    raise lines.error(f"'{answer}' means both yes and no. Keep one.", "findings", name, "no")
            readings[name] = (reading.finding, words)
            _learn(keys, reading.names, name, lines, "findings", name, "names")
        for name in sorted(stated):
            if name not in file.fields:
                keys.setdefault(plain(name), name)
                readings.setdefault(name, (name, {}))
        if unknown := sorted(set(file.causes) - set(CAUSES)):
            raise lines.error(f"there is no cause '{unknown[0]}'.", "causes", unknown[0])
        answers: dict[str, str] = {}
        for value in ("yes", "no", "unsure", "unknown"):
            for word in map(plain_answer, getattr(file.answers, value)):
                if answers.setdefault(word, value) != value:
                    raise lines.error(f"'{word}' means two things. Keep one.", "answers", value)
        return cls(
            version=file.version,
            findings=findings,
            _keys=MappingProxyType(keys),
            _left_out=frozenset(map(plain, file.left_out)),
            _readings=MappingProxyType(readings),
            _answers=MappingProxyType(answers),
            _sides=MappingProxyType({plain_answer(word): side for side, words in file.sides.items() for word in words}),
            _causes=MappingProxyType({plain(word): cause for cause, words in file.causes.items() for word in words}),
            _codes=MappingProxyType(file.codes),
            _self=frozenset(map(plain, file.self_referral)),
        )

    def key_of(self, label: str) -> str | None:
        """What a heading is the name of: a field, or a reading of a finding. None when nobody knows."""
        return self._keys.get(plain(label)) or self._keys.get(plain(label, keep_brackets=True))

    def finding_of(self, key: str) -> str | None:
        """The finding that a key of a column is about; None for a field."""
        return self._readings[key][0] if key in self._readings else None

    def is_left_out(self, label: str) -> bool:
        """Whether a column of this name says who somebody is, and isn't needed."""
        return plain(label) in self._left_out

    @property
    def keys(self) -> Mapping[str, str]:
        """Everything that a column may be taken for, with the words for it."""
        return dict(FIELDS) | {
            name: (name if finding == name else f"{name}: {finding}").replace("_", " ")
            for name, (finding, _) in sorted(self._readings.items())
        }

    def understand(
        self,
        told: Iterable[Told],
        received: date,
        *,
        today: date,
        day_first: bool = True,
        read_text: Callable[[str, date], Referral] | None = None,
    ) -> Understood:
        """The referral that some labelled values tell.

        Args:
            told: the values; empty ones count as not told, and columns that only say who somebody is are left out.
            received: the day the clinic received it, when the values don't tell.
            today: the clinic's day; nothing may lie after it.
            day_first: whether 03/04/2026 is 3 April.
            read_text: reads what is written freely, as a letter is read.
        """
        return _Row(self, received, today, day_first, read_text).understand(list(told))

    def answer(self, key: str, text: str) -> str | None:
        """The value of a finding that a cell states: `yes`, `no`, `unsure`, a number, a choice.

        `unknown` when it says that nobody knows, None when its words are not understood.
        """
        name, own = self._readings[key]
        finding, said = self.findings[name], plain_answer(text)
        if self._answers.get(said) == "unknown" and said not in own:
            return "unknown"
        if finding.kind == "number":
            number = _NUMBER.fullmatch(said)
            return number[1] if number else None
        if finding.kind == "choice":
            choice = plain(text).replace(" ", "_")
            return next((value for value in finding.values if choice in (value, value.lower())), None)
        if own:
            return own.get(said) or (UNSURE if self._answers.get(said) == "unsure" else None)
        known = self._answers.get(said)
        if known is not None:
            return UNSURE if known == "unsure" else known
        first = said.split(" ", 1)[0]
        if first in ("yes", "no") and len(said.split()) <= 6 and not _BUT.search(text):
            return first
        return None

    def side(self, text: str) -> Side | None:
        """The weak side; None when it is not known.

        Raises:
            WrongValue: the words are none for a side.
        """
        said = plain_answer(text)
        if self._answers.get(said) == "unknown":
            return None
        if said not in self._sides:
            raise WrongValue("This is no side. Write left, right or both.")
        return self._sides[said]

    def cause(self, text: str) -> str | None:
        """The cause that a cell names as a whole; None when it is not known, or said otherwise."""
        return self._causes.get(plain(text))

    def is_self(self, text: str) -> bool:
        """Whether a referrer is the patient or somebody close, and no clinician."""
        return plain(text) in self._self

    def diagnosis(self, system: str, code: str) -> str | None:
        """What a code of a diagnosis is called; None when it isn't known here."""
        return self._codes.get(f"{system}|{code}")

    def is_unknown(self, text: str) -> bool:
        """Whether a cell says that nobody knows."""
        return self._answers.get(plain_answer(text)) == "unknown"


def plain(text: str, *, keep_brackets: bool = False) -> str:
    """A name without capitals, signs, and what stands in brackets."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    if not keep_brackets and (bare := _BRACKETS.sub(" ", text)).strip():
        text = bare
    return " ".join(re.findall(r"[^\W_]+", text))


def plain_answer(text: str) -> str:
    """An answer without capitals and full stops; signs that mean something stay ("+", "?", "n/k")."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("–", "-").replace("—", "-")
    bare = " ".join(text.replace("'", "").split())
    if bare in ("✓", "✔", "☑", "☒", "✗", "✘", "[x]"):
        return "no" if bare in "✗✘" else "x"
    return bare.strip(" .,;:!") or bare


def _learn(keys: dict[str, str], labels: Iterable[str], key: str, lines: Lines, *place: str) -> None:
    for label in labels:
        name = plain(label)
        if not name:
            raise lines.error(f"'{label}' has no letters. Write a name.", *place)
        if keys.setdefault(name, key) != key:
            raise lines.error(f"'{label}' is already a name of '{keys[name]}'. Keep one of the two.", *place)


def day_of(text: str, base: date, *, day_first: bool, free: bool = False) -> tuple[date, bool, str | None]:
    """The day that a cell names, whether it is that very day, and a remark when it could be read otherwise.

    Args:
        text: the cell.
        base: the day that "3 weeks ago" counts from, and that decides the century of "26".
        day_first: whether 03/04/2026 is 3 April.
        free: whether lengths of time and words are read too ("3/52", "last Tuesday", "September 2026").

    Raises:
        WrongValue: there is no such day, or it can't be read.
    """
    said = " ".join(text.split())
    try:
        if found := _ISO.fullmatch(said) or _COMPACT.fullmatch(said):
            return date(int(found[1]), int(found[2]), int(found[3])), True, None
        if found := _NUMERIC.fullmatch(said):
            return _numeric(found, base, day_first=day_first)
        if found := _SERIAL.fullmatch(said):
            day = _EXCEL_DAY_0 + timedelta(days=int(found[1]))
            return day, True, f"'{said}' was read as Excel's number for {_written_out(day)}."
    except ValueError as error:
        if isinstance(error, WrongValue):
            raise
        raise WrongValue("There is no such day in the calendar. Correct it.") from None
    if free or _NAMED.fullmatch(said):
        found_times = list(times(said, base))
        if len(found_times) == 1:
            when = found_times[0]
            exact = when.exact and not _ABOUT.search(said)
            remark = None
            if _LENGTH.fullmatch(said):
                remark = f"'{said}' was read as a length of time: since {_written_out(when.day)}."
            return when.day, exact, remark
    raise WrongValue("This can't be read as a day. Write it as 2026-09-12 or 12/09/2026.")


def _numeric(found: re.Match[str], base: date, *, day_first: bool) -> tuple[date, bool, str | None]:
    one, two, year = int(found[1]), int(found[2]), int(found[3])
    if year < 100:
        year += 2000 if 2000 + year <= base.year else 1900
    day, month = (one, two) if day_first else (two, one)
    if month > 12 >= day:
        order = "month" if day_first else "day"
        raise WrongValue(f"This day has the {order} first, against the choice made. Correct it, or choose again.")
    read_as = date(year, month, day)
    if one <= 12 and two <= 12 and one != two:
        return read_as, True, f"'{found[0]}' was read as {_written_out(read_as)}."
    return read_as, True, None


def _written_out(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def initials(*names: str) -> str:
    """The initials of a name; "SMITH, Jane" and "Mrs Jane Smith" are both "JS"."""
    name = " ".join(each for each in names if each)
    if "," in name:
        last, _, first = name.partition(",")
        name = f"{first} {last}"
    words = [word for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", name) if word.lower() not in _TITLES]
    return "".join(word[0].upper() for word in words)[:6]


def last_four(number: str) -> str:
    """The end of a national number, enough to tell two people with the same initials apart."""
    signs = "".join(re.findall(r"[^\W_]", number))
    return f"…{signs[-4:]}" if len(signs) > 4 else ""


def reference(local: str, name: str, number: str) -> str:
    """How the queue names a patient: the clinic's own number, else initials with the end of a national number.

    Args:
        local: a reference as it came; a full name in it becomes initials.
        name: the initials.
        number: the national number.
    """
    local = " ".join(local.split())
    if local and not any(sign.isdigit() for sign in local) and (" " in local or "," in local or len(local) > 5):
        local, name = "", name or initials(local)
    return (local or " ".join(part for part in (name, last_four(number)) if part))[:64]


@dataclass
class _Row:
    """One referral in the making."""

    columns: Columns
    default_received: date
    today: date
    day_first: bool
    read_text: Callable[[str, date], Referral] | None
    wrong: list[Wrong] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    came_from: dict[str, str] = field(default_factory=dict)
    findings: dict[str, Proposed] = field(default_factory=dict)
    quotes: dict[str, str] = field(default_factory=dict)
    free: list[Told] = field(default_factory=list)
    open_answers: dict[str, Told] = field(default_factory=dict)

    def understand(self, told: Sequence[Told]) -> Understood:
        told = [each for each in told if each.text.strip() and (each.key or not self.columns.is_left_out(each.label))]
        for each in told:
            if len(each.text) > LONGEST_VALUE:
                self._is_wrong(each, "This is longer than 20,000 characters. Shorten it.")
        if self.wrong:
            return Understood(Referral(self.default_received), "", "", {}, tuple(self.wrong))
        by_key: dict[str, list[Told]] = {}
        for each in told:
            if each.key is None or each.key == "letter":
                self.free.append(each)
            else:
                by_key.setdefault(each.key, []).append(each)
        one: dict[str, Told] = {}
        for key, several in by_key.items():
            one[key] = several[0]
            for other in several[1:]:
                if plain_answer(other.text) != plain_answer(several[0].text):
                    self._is_wrong(other, f"It says something else than {several[0].where}. Keep one of the two.")
        received = self._day(one.get("received"), self.today, self.today) or self.default_received
        written = self._day(one.get("written"), received, self.today)
        onset, exact = self._onset(one.get("onset"), written or received, received)
        side = self._side(one.get("side"))
        cause = self._cause(one.get("cause"))
        grade = self._grade(one.get("grade"))
        sunnybrook, fdi = self._score(one.get("sunnybrook")), self._score(one.get("fdi"))
        self._age(one.get("age"), one.get("born"), received)
        for key, each in one.items():
            if key in self.columns._readings:
                self._finding(key, each)
        patient_ref = self._who(one)
        goals = one["goals"].text.strip() if "goals" in one else None
        text, free = self._text(told)
        referral = Referral(
            received=received,
            findings=MappingProxyType(dict(self.findings)),
            onset=onset,
            onset_is_exact=exact,
            side=side,
            cause=cause,
            grade=grade,
            sunnybrook=sunnybrook,
            fdi=fdi,
            written=written,
            goals=goals,
            text=text,
            quotes=MappingProxyType(dict(self.quotes)),
        )
        referral = self._with_text(one, referral, free, written or received)
        if referral.onset and referral.onset > received and "onset" not in one:
            referral = replace(referral, onset=None, onset_is_exact=False)
        referrer = ", ".join(one[key].text.strip() for key in ("referrer", "organisation") if key in one)
        return Understood(
            referral,
            patient_ref,
            " ".join(referrer.split())[:120],
            MappingProxyType(dict(self.came_from)),
            tuple(self.wrong),
            tuple(self.notes),
        )

    def _is_wrong(self, told: Told, words: str) -> None:
        value = "" if told.key in _PRIVATE else " ".join(told.text.split())
        self.wrong.append(Wrong(told.where, told.label, value[:_SHOWN], words))

    def _note(self, told: Told, words: str) -> None:
        self.notes.append(Note(told.where, f"{told.label}: {words}"))

    def _took(self, name: str, told: Told) -> None:
        self.came_from[name] = told.where
        self.quotes[name] = _line(told)

    def _day(self, told: Told | None, base: date, latest: date) -> date | None:
        if told is None or self.columns.is_unknown(told.text):
            return None
        try:
            day, _, remark = (told.day, True, None) if told.day else day_of(told.text, base, day_first=self.day_first)
        except WrongValue as wrong:
            self._is_wrong(told, str(wrong))
            return None
        if day > latest or day.year < 1900:
            self._is_wrong(told, "This day lies in the future. Correct it." if day > latest else "Correct the year.")
            return None
        if remark and told.key not in _PRIVATE:
            self._note(told, remark)
        self.came_from[str(told.key)] = told.where
        return day

    def _onset(self, told: Told | None, base: date, received: date) -> tuple[date | None, bool]:
        if told is None or self.columns.is_unknown(told.text):
            return None, False
        try:
            day, exact, remark = (
                (told.day, told.day_is_exact, None)
                if told.day
                else day_of(told.text, base, day_first=self.day_first, free=True)
            )
        except WrongValue as wrong:
            self._is_wrong(told, str(wrong))
            return None, False
        if not exact:
            day = min(day, received)  # the middle of a month or year that has only begun
        if day > received or day.year < 1900:
            self._is_wrong(told, "The weakness would begin after the referral was received. Correct one of the days.")
            return None, False
        if remark:
            self._note(told, remark)
        self._took("onset", told)
        return day, exact

    def _side(self, told: Told | None) -> Side | None:
        if told is None:
            return None
        try:
            side = self.columns.side(told.text)
        except WrongValue as wrong:
            self._is_wrong(told, str(wrong))
            return None
        if side:
            self._took("side", told)
        return side

    def _cause(self, told: Told | None) -> str | None:
        if told is None or self.columns.is_unknown(told.text):
            return None
        cause = self.columns.cause(told.text)
        if cause is None:
            self.free.append(told)  # "?Bell's", "LMN palsy after parotidectomy": read as a letter is
            return None
        self._took("cause", told)
        return cause

    def _grade(self, told: Told | None) -> str | None:
        if told is None or self.columns.is_unknown(told.text):
            return None
        said = plain_answer(told.text)
        said = re.sub(r"house[\s-]*bra\w*|\bh-?b\b|grade|score|/\s*(?:6|vi)\b|out of (?:6|six)", " ", said)
        degrees = [_ROMAN.get(each) or int(each) for each in _GRADE.findall(said)]
        rest = _GRADE.sub(" ", said)
        if not degrees or len(degrees) > 2 or re.search(r"\d", rest):
            self._is_wrong(told, "This is no House-Brackmann grade. Write a number from 1 to 6, or I to VI.")
            return None
        if len(degrees) == 2:
            self._note(told, f"of the two grades the worse was taken: HB {max(degrees)}.")
        self._took("grade", told)
        return f"HB {max(degrees)}"

    def _score(self, told: Told | None) -> float | None:
        if told is None or self.columns.is_unknown(told.text):
            return None
        found = _NUMBER.fullmatch(plain_answer(told.text))
        if not found or float(found[1]) > 100:
            self._is_wrong(told, "This is no score from 0 to 100. Correct it.")
            return None
        self._took(str(told.key), told)
        return float(found[1])

    def _age(self, told: Told | None, born: Told | None, received: date) -> None:
        if told is not None and not self.columns.is_unknown(told.text):
            found = _AGE.fullmatch(plain_answer(told.text))
            age = float(found[1]) / (12 if found[3] else 1) if found else 999
            if age > 120:
                self._is_wrong(told, "This is no age. Write years, as 45.")
                return
            self._propose("age", f"{int(age)}" if age >= 1 else f"{age:.1f}", told)
        elif born is not None and (day := self._day(born, received, received)):
            years = received.year - day.year - ((received.month, received.day) < (day.month, day.day))
            if years > 120:
                self._is_wrong(born, "Nobody is so old. Correct the year.")
                return
            # The date itself is not kept, so there is nothing to quote.
            self.findings["age"] = Proposed(str(years) if years else f"{(received - day).days / 365.25:.1f}")
            self.came_from["age"] = born.where

    def _propose(self, name: str, value: str, told: Told) -> None:
        self.findings[name] = Proposed(value, _line(told))
        self.came_from[name] = told.where

    def _finding(self, key: str, told: Told) -> None:
        name, _ = self.columns._readings[key]
        value = self.columns.answer(key, told.text)
        if value == "unknown":
            return
        if value is None:
            self.open_answers.setdefault(name, told)
            self.free.append(told)
            return
        before = self.findings.get(name)
        if before is not None and before.value != value:
            value = self._worse(name, before.value, value)
            self._note(told, f"it differs from {self.came_from[name]}. The more worrying answer was kept.")
            if value == before.value:
                return
        self._propose(name, value, told)

    def _worse(self, name: str, one: str, other: str) -> str:
        finding = self.columns.findings[name]
        if finding.kind != "yes_no" or finding.worse == "neither":
            return one
        order = ("yes", UNSURE, "no") if finding.worse == "yes" else ("no", UNSURE, "yes")
        return min(one, other, key=lambda value: order.index(value) if value in order else len(order))

    def _who(self, one: Mapping[str, Told]) -> str:
        def said(key: FieldName) -> str:
            return one[key].text.strip() if key in one and not self.columns.is_unknown(one[key].text) else ""

        local, whole = said("patient_ref"), said("name")
        if whole and any(sign.isdigit() for sign in whole):
            local, whole = local or whole, ""
        # One word of capitals under "Patient" is initials already.
        short = whole if whole.isupper() and " " not in whole and len(whole) <= 5 else initials(whole)
        short = short or initials(said("forename"), said("surname"))
        return reference(local, short, said("national_number"))

    def _where(self, quote: str | None) -> str:
        """The place of the text that a quote is from."""
        return next((told.where for told in self.free if quote and quote in _line(told)), "text")

    def _text(self, told: Sequence[Told]) -> tuple[str, str]:
        """The row as a letter: its lines, then what was written freely; and the latter alone."""
        free = {id(each) for each in self.free}
        lines = [_line(each) for each in told if id(each) not in free and each.key not in _PRIVATE]
        written = "\n".join(_line(each) for each in told if id(each) in free)
        return "\n\n".join(part for part in ("\n".join(lines), written) if part), written

    def _implied(self, one: Mapping[str, Told], referral: Referral, findings: dict[str, Proposed]) -> None:
        """What the fields say without words: a weak face, and that a clinician saw it [DES].

        Otherwise a row with a new onset and no cause would be sorted as if nobody had written of a weakness.
        """
        says_weak = [name for name in ("side", "grade", "onset") if getattr(referral, name) not in (None, "HB 1")]
        elsewhere = {"other_condition", "full_recovery"} & findings.keys()
        if says_weak and "droop" not in findings and not elsewhere:
            findings["droop"] = Proposed("yes", self.quotes.get(says_weak[0]))
            self.came_from["droop"] = self.came_from.get(says_weak[0], "text")
        seen = [one[name] for name in ("grade", "cause", "referrer", "organisation") if name in one]
        seen = [told for told in seen if not self.columns.is_unknown(told.text) and not self.columns.is_self(told.text)]
        if seen and "assessed_by_clinician" not in findings:
            findings["assessed_by_clinician"] = Proposed("yes", self.quotes.get(str(seen[0].key)))
            self.came_from["assessed_by_clinician"] = seen[0].where

    def _with_text(self, one: Mapping[str, Told], referral: Referral, free: str, base: date) -> Referral:
        """The referral with what its free text states, where the columns say nothing or something less worrying."""
        read = self.read_text(free, base) if self.read_text and free else Referral(base)
        if len(free) > LONGEST_VALUE:
            words = "of the text the first 20,000 characters were read. Read the rest yourself."
            self.notes.append(Note(self.free[-1].where, words))
        findings = dict(referral.findings)
        for name, each in read.findings.items():
            before, asked = findings.get(name), self.open_answers.get(name)
            if asked and (each.quote or "") in _line(asked) and self._worse(name, each.value, UNSURE) == UNSURE:
                continue  # an answer that isn't clearly a "no" is not made one by a guess at its words
            if before is None:
                findings[name] = each
                self.came_from.setdefault(name, self._where(each.quote))
            elif before.value != each.value and self._worse(name, before.value, each.value) == each.value:
                findings[name] = each
                where = self.came_from[name] = self._where(each.quote)
                words = f"{name.replace('_', ' ')}: the text says {each.value}. The more worrying answer was kept."
                self.notes.append(Note(where, words))
        self._implied(one, referral, findings)
        for name, told in self.open_answers.items():
            if name not in findings:
                findings[name] = Proposed(UNSURE, _line(told))
                self.came_from[name] = told.where
                self._note(told, "the answer was not understood, so it counts as unsure. Read it and correct it.")
        taken: dict[str, object] = {}
        quotes = dict(referral.quotes)
        for name in ("onset", "side", "cause", "grade", "sunnybrook", "fdi", "goals"):
            if getattr(referral, name) is None and (value := getattr(read, name)) is not None:
                taken[name] = value
                self.came_from.setdefault(name, self._where(read.quotes.get(name)))
                if name == "onset":
                    taken["onset_is_exact"] = read.onset_is_exact
                if name in read.quotes:
                    quotes[name] = read.quotes[name]
        return replace(
            referral,
            findings=MappingProxyType(findings),
            quotes=MappingProxyType(quotes),
            **cast("dict[str, str]", taken),  # type: ignore[arg-type]
        )


def _line(told: Told) -> str:
    """A labelled value as it stands in the referral's text, which is what a finding quotes."""
    value = told.text.strip()
    return f"{told.label}: {value}" if told.label and told.key != "letter" else value
