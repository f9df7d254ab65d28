"""What a person asks of their reminders, read from their own words: "at 8 and after lunch, not on sundays".

Pure: the words and the present moment decide. What is read is told back as the next three times, so the likeliest
meaning is taken where words leave a choice, and a question is asked where a wrong guess would not show.

- A bare hour is taken between 7 in the morning and 6.30 in the evening (8 is 08:00, 3 is 15:00), unless "pm", "evening"
  or "tonight" is said, or a list goes up: 8, 12, 4 and 8 ends at 20:00. Of today, it is the next that is still to come.
- A moment with a name (after lunch, before bed), a number a day (twice a day) and an interval without hours have
  usual times; they are the constants below.
- Quiet hours without an end last until the early morning, those without a beginning begin at midnight. A bare hour of
  theirs is taken for the night, unless they are short: 10 to 7 is the night, 12 to 2 is around noon.
- Dates are whole local days: `starts` is the first, `ends` the last with reminders; `Pause.until` is the day on which
  they come back. "On monday" is once, "on mondays" and "mon and wed" every week; a check-in is weekly by its nature.
- What would be harmful to misread is not read: stopping eye drops (not their reminder), cancelling an appointment (not
  its reminder), and erasing data are no requests of this kind.
"""

import calendar
import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

import dateparser

type Kind = Literal["exercises", "eye_drops", "check_in", "appointment"]
type Span = tuple[time, time]
type Manner = Literal["set", "change", "add"]

EVERY_DAY = frozenset(range(7))
MOST_A_DAY = 12
"""A sensible ceiling: so many reminders of one kind a day."""
DAY_BEGINS, DAY_ENDS = time(7), time(22)
"""Between these an interval runs when no hours are said."""
QUIET_ENDS = time(5)
"""Until then quiet hours last of which only the beginning is said."""
MOST_DAYS_OFF = 100
"""So many dates can be left out at once; a longer time is a pause."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Reminders at `times`, or every `every_minutes` from `first` to `last`; wall clock, in the person's zone.

    `days` are weekdays (Monday is 0). `starts` and `ends` are the first and the last day, `on` a single one.
    `days_off` are dates without any, `quiet` the hours without. `is_exception`: the days are what others leave over.
    `kind_guessed`: nothing said which kind. `manner`: "change" is of what is set already, `only` the part of the day of
    the reminder that is meant; with neither times nor an interval, only its days or dates change. "add" is one more.
    """

    kind: Kind
    times: tuple[time, ...] = ()
    every_minutes: int | None = None
    first: time | None = None
    last: time | None = None
    days: frozenset[int] = EVERY_DAY
    starts: date | None = None
    ends: date | None = None
    on: date | None = None
    kind_guessed: bool = False
    manner: Manner = "set"
    only: Span | None = None
    days_off: frozenset[date] = frozenset()
    quiet: Span | None = None
    is_exception: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """No reminders until that day, on which they come back; None is until the person says so."""

    until: date | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """No such reminders any more: all, those of a kind, those in `only`'s part of the day."""

    kind: Kind | None = None
    only: Span | None = None


@dataclass(frozen=True, slots=True)
class List:
    """Tell which reminders there are."""


@dataclass(frozen=True, slots=True)
class Move:
    """The person is in another place now; `place` is theirs to say, in lower case."""

    place: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Reminders come again, those of a kind or all."""

    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """No reminders from one time on the wall to another, each day, those of a kind or all; None: no such hours."""

    hours: Span | None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class DaysOff:
    """No reminders on these dates, those of a kind or all; in order, none of them past."""

    days: tuple[date, ...]
    kind: Kind | None = None


type Request = Wish | Pause | Delete | List | Move | Resume | Quiet | DaysOff
type Key = Literal[
    "when", "no_such_time", "no_such_date", "which_date", "which_day", "past", "ends_first", "too_often",
    "not_offered", "what", "one_at_a_time", "quiet_hours", "where", "which_holidays", "until_when",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """What has to be asked back: the words entry's key, and the person's words that it is about.

    `so_far` is what was understood all the same, to go on from with the answer.
    """

    key: Key
    detail: str = ""
    so_far: Wish | None = field(default=None, compare=False)


def read_request(text: str, now: datetime, is_place: Callable[[str], bool] | None = None) -> Request | Problem | None:
    """What a message asks of reminders; None when it asks nothing of them.

    Args:
        text: the message.
        now: the present moment, aware, in the person's zone.
        is_place: whether a name is a place's; with it "i'm in spain" is read as a move, and "i'm in agony now" is not.

    Raises:
        ValueError: `now` carries no zone.
    """
    if now.utcoffset() is None:
        raise ValueError("a moment without a zone has no local day; give it in the person's zone")
    said = _whole_dates(_plain(text))
    if not said or len(said) > _LONGEST:
        return None
    moved = _move(said, is_place)
    if moved is not None:
        return moved
    if _LIST.search(said) and not _NO_LIST.search(said):
        return List()
    if _NO_REQUEST.search(said):
        return None
    if (both := _wish_with_quiet(said, now)) is not None:
        return both
    tokens = _tokens(said, now)
    return _resume(said, tokens, now) or _less(said, tokens, now) or _wish(said, tokens, now)


_LONGEST = 300
"""Characters; a longer message is a story, and no request that could be told back."""

# --- usual times -----------------------------------------------------------------------------------------------------

_PARTS = {
    "morning": time(9), "afternoon": time(15), "evening": time(19), "tonight": time(20), "night": time(21, 30),
}  # fmt: skip
_SPANS: dict[str, Span] = {
    "morning": (time(5), time(11, 59)),
    "afternoon": (time(12), time(17, 59)),
    "evening": (time(17), time(23, 59)),
    "tonight": (time(17), time(23, 59)),
    "night": (time(19), time(23, 59)),
}
# Before, at and after.
_MOMENTS: dict[str, tuple[time, time, time]] = {
    "breakfast": (time(7, 30), time(8), time(8, 30)),
    "lunch": (time(12), time(12, 30), time(13, 30)),
    "dinner": (time(18), time(18, 30), time(19, 30)),
    "work": (time(7, 30), time(9), time(18)),
    "school": (time(7, 30), time(9), time(16)),
    "bed": (time(21, 30), time(21, 30), time(22)),
}
_WAKING, _MID_MORNING, _NOON, _MIDNIGHT = time(7, 30), time(10, 30), time(12), time(0)
_A_DAY = {
    1: (time(9),),
    2: (time(9), time(19)),
    3: (time(9), time(14), time(19)),
    4: (time(8), time(12), time(16), time(20)),
}
_NEAR = timedelta(minutes=90)
"""How far from lunch "the lunch one" may be."""

# --- plain words -----------------------------------------------------------------------------------------------------

_SLIPS = {
    slip: word
    for word, slips in {
        "remind": "remnd remid remimd remined reming rmind remine remindme remend",
        "reminder": "remindr reminer remider remainder remender remimder reminderr",
        "reminders": "remindrs reminers remiders remainders remenders reminderss",
        "exercise": "excercise exersise exercize excersise exercice exercie exersize exrcise excersize exercis",
        "exercises": "excercises exersises exercizes excersises exercices exercies exersizes exrcises excersizes exs",
        "drops": "dropps drps drosp",
        "eyedrops": "eyedrop eyedrps eydrops",
        "appointment": "apointment appointmnt appoitment appointement apppointment appontment appt apt",
        "tomorrow": "tommorow tomorow tommorrow tomoro tmrw tmw tmr tomoz 2moro 2morrow tomorro tomorrrow",
        "tonight": "tonite 2nite tonght 2night tonigt",
        "today": "2day tday todya",
        "monday": "mondy monady munday",
        "tuesday": "tuseday teusday tusday tuesdy",
        "wednesday": "wensday wednsday wendsday wednesay wednesdy wenesday wedensday",
        "thursday": "thrusday thursdy thirsday thurday thurdsay",
        "friday": "firday fryday fridy fridat",
        "saturday": "satuday saterday satarday saturdy",
        "sunday": "sundy sunady sudnay sundey",
        "mondays": "mondys", "tuesdays": "tusdays", "wednesdays": "wensdays wednsdays", "thursdays": "thurdays",
        "saturdays": "saterdays satudays",
        "weekdays": "wekdays weekdas", "weekend": "wkend weeknd", "weekends": "wkends weeknds",
        "morning": "mornin moring mornign morining morn", "mornings": "mornins morings",
        "afternoon": "afternon aftenoon arvo afternoone", "evening": "evning evenin evenng", "evenings": "evnings",
        "breakfast": "breakfst brekfast breakfest brekkie brekky breakast", "lunch": "luch lucnh lunchs",
        "dinner": "diner dinnner", "every": "evry evey eveyr evrey ev", "day": "dya", "daily": "dayly daliy",
        "hour": "hr huor", "hours": "hrs hous huors horus", "minute": "min minuet", "minutes": "mins minuets",
        "week": "wk", "weeks": "wks weaks", "until": "untill til till unitl untl", "from": "frm",
        "before": "b4 befor bfore", "after": "aftr afer", "at": "@", "for": "4r fr", "you": "u", "your": "ur",
        "please": "pls plz pleas plse pleese", "thanks": "thx ty", "cancel": "cancle cansel", "delete": "delet delte",
        "pause": "puase pasue paus", "twice": "twise", "times": "tiems tmes", "december": "decmber", "and": "& n",
        "because": "cos coz", "with": "w/", "doctor": "doc dr", "alarm": "alram", "change": "chnage chang",
        "weekly": "wkly", "message": "msg messege mesage", "messages": "msgs messeges mesages",
        "dont": "dnt dun", "stop": "stpo sotp", "send": "snd", "remember": "rember",
    }.items()
    for slip in slips.split()
}  # fmt: skip
_NUMBERS = {
    word: str(number)
    for number, words in {
        0: "zero", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine",
        10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen",
        18: "eighteen", 20: "twenty", 24: "twenty-four", 25: "twenty-five", 30: "thirty", 40: "forty fourty",
        45: "forty-five", 48: "forty-eight", 50: "fifty", 60: "sixty", 90: "ninety", 100: "hundred",
    }.items()
    for word in words.split()
}  # fmt: skip
_ORDINALS = {
    word: f"{number}{'st' if number == 1 else 'nd' if number == 2 else 'rd' if number == 3 else 'th'}"
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1
    )
}
_HOUR_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_CLEANING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(old), new)
    for old, new in (
        (r"[’‘`´]", "'"),
        (r"'", ""),
        (r"\b([ap])\.m\b\.?", r"\1m"),
        (r"(?<=\d)\s*([ap])m\b", r"\1m"),
        (r"\b(\d{1,2}(?:[.:]\d\d)?)([ap])\b", r"\1\2m"),
        (r"(?<=\d)ish\b", ""),
        (r"[.!;]+(?=\s|$)|[!;()\[\]\"“”*_~<>]", " , "),
        (r"(\d)(hrs?|mins?|wks?|hours?|minutes?|weeks?|days?)\b", r"\1 \2"),
        (r"[–—]", "-"),
    )
)
_COMPOUND = re.compile(
    rf"\b({'|'.join(_HOUR_WORDS)}|\d{{1,2}}) (fifteen|twenty|thirty|forty|fifty|forty[- ]five|oh five|30|15|45)\b"
    r"(?! (?:seconds?|minutes?|hours?|days?|times?|reps?|past|to)\b)"
)
_ONE = re.compile(
    r"\bone(?= (?:hour|minute|day|week|month|oclock|am|pm|in the)\b)|(?<=\bpast )one\b|(?<=\bto )one\b|(?:(?<=\bat )"
    r"|(?<=\band )|(?<=, ))one(?=$| ,|,| and\b)"
)
_TENS = re.compile(r"\b(twenty|forty)[- ](four|five|eight)\b")


def _plain(text: str) -> str:
    """The text in lower case and plain words: slips of the finger, short forms and numbers in words are set right."""
    said = unicodedata.normalize("NFKC", text).lower()
    for old, new in _CLEANING:
        said = old.sub(new, said)
    said = re.sub(r"[&@+](?=\w)|(?<=\w)[&@+]|[&@+]", lambda found: f" {'at' if found[0] == '@' else 'and'} ", said)
    said = re.sub(r"[a-z0-9/]+", lambda found: _SLIPS.get(found[0], found[0]), said)
    said = re.sub(r"\boclock\b|\bo clock\b", "oclock", said)
    said = _TENS.sub(r"\1-\2", said)
    said = _COMPOUND.sub(_hour_and_minutes, said)
    said = _ONE.sub("1", said)
    said = re.sub(r"(?<![\w-])[a-z]+(?:-(?:four|five|eight))?(?![\w-])", _number, said)
    said = re.sub(rf"\b({'|'.join(_ORDINALS)})(?= (?:of )?{_MONTH}\b)", lambda found: _ORDINALS[found[0]], said)
    said = re.sub(r"\b(?:a|an|1) hundred\b", "100", said)
    said = re.sub(r"(?<=\d) ([ap])m\b", r"\1m", said)
    return " ".join(said.split()).strip(" ,?") + (" ?" if "?" in said else "")


_DAY_NUMBER = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?"
_DATES_OF_A_MONTH: tuple[tuple[re.Pattern[str], str], ...] = (
    # from 3 to 10 december
    (
        re.compile(
            rf"\b(from|between) ({_DAY_NUMBER})(?: of)? ?(?:to|-|through|until|and) ?"
            rf"({_DAY_NUMBER} (?:of )?({_MONTH}))\b"
        ),
        r"from \2 \4 to \3",
    ),
    # from december 3 to 10
    (
        re.compile(
            rf"\b(from|between) (({_MONTH}) {_DAY_NUMBER}) ?(?:to|-|through|until|and) ?({_DAY_NUMBER})"
            r"(?![\d:]|am|pm| ?oclock)"
        ),
        r"from \2 to \4 \3",
    ),
    # 25 and 26 december
    (
        re.compile(rf"(?<!at )\b({_DAY_NUMBER})( ?(?:,|and|, and) ?)(?={_DAY_NUMBER} (?:of )?({_MONTH})\b)"),
        r"\1 \3\2",
    ),
)


def _whole_dates(said: str) -> str:
    """The words with the month beside each day of one: "from 3 to 10 december" has it once."""
    for old, new in _DATES_OF_A_MONTH[:2]:
        said = old.sub(new, said)
    if _NO.search(said) or _PAUSE.search(said) or re.match(r"(?:not|nothing|skip|(?:the )?\d)", said):
        for old, new in (_DATES_OF_A_MONTH[2],) * 3:  # "24, 25 and 26 december" takes a round for each
            said = old.sub(new, said)
    return said


def _number(found: re.Match[str]) -> str:
    return found[0] if found[0] == "one" else _NUMBERS.get(found[0], found[0])


def _hour_and_minutes(found: re.Match[str]) -> str:
    hour = _NUMBERS.get(found[1], found[1])
    minutes = {"oh five": "05", "forty five": "45"}.get(found[2]) or _NUMBERS.get(found[2], found[2])
    return f"{hour}:{minutes}" if int(hour) <= 24 else found[0]


# --- what the words are ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Time:
    """A time of day, and which ones it may be, the likelier first.

    `bare` is a number without a sign that it is a time; `written` says "am" or "pm". `span` is the stretch of the day
    that it may stand for; `vague` is a mere "evening".
    """

    said: str
    options: tuple[time, ...]
    bare: bool = False
    written: bool = False
    span: Span | None = None
    vague: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    said: str
    name: str


@dataclass(frozen=True, slots=True)
class _Every:
    said: str
    minutes: int


@dataclass(frozen=True, slots=True)
class _Rate:
    said: str
    count: int
    per: str


@dataclass(frozen=True, slots=True)
class _Days:
    """Days of the week; `once` when a single one is named without a sign that every such day is meant."""

    said: str
    days: frozenset[int]
    once: bool = False


@dataclass(frozen=True, slots=True)
class _Date:
    """A day, or a week or month from its first to its last."""

    said: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class _Length:
    said: str
    amount: int
    unit: str

    def after(self, start: date) -> date:
        """The day after so many days, weeks or months that begin with one."""
        if self.unit in ("month", "year"):
            return _months_later(start, self.amount * (12 if self.unit == "year" else 1))
        return start + timedelta(days=self.amount * {"week": 7, "fortnight": 14}.get(self.unit, 1))

    @property
    def is_days(self) -> bool:
        """Whether it is a day or longer."""
        return self.unit not in ("second", "minute", "hour")


@dataclass(frozen=True, slots=True)
class _Thing:
    said: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Mark:
    said: str
    name: str


@dataclass(frozen=True, slots=True)
class _Wrong:
    said: str
    key: Key


@dataclass(frozen=True, slots=True)
class _Word:
    said: str


type _Token = _Time | _Part | _Every | _Rate | _Days | _Date | _Length | _Thing | _Mark | _Wrong | _Word
type _Build = Callable[[re.Match[str], Sequence[_Token], datetime], tuple[_Token, ...]]

_DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun)\b"
_DAY_NUMBERS = {"mo": 0, "tu": 1, "we": 2, "th": 3, "fr": 4, "sa": 5, "su": 6}
_MEAL = r"(?:breakfast|lunch|dinner|supper|tea|work|school|bed)"
_UNIT = r"(?:second|minute|hour|day|night|week|fortnight|month|year)s?"
_NOUN = r"(?:reminders?|alarms?|notifications?|alerts?|nudges?|prompts?|pings?)"
_MANY = {"a": 1, "an": 1, "the": 1, "couple of": 2, "a couple of": 2, "couple": 2, "few": 3, "a few": 3, "other": 2}
_FEW = r"(?:\d+|an?|(?:a )?couple(?: of)?|(?:a )?few)"


def _day_number(name: str) -> int:
    return _DAY_NUMBERS[name[:2]]


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _next_day(number: int, today: date) -> date:
    """The next such weekday after today."""
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)


def _later(at: time, by: timedelta) -> time:
    """A time of day so much later, or earlier, kept within the day."""
    noon = datetime(2000, 1, 1, at.hour, at.minute)  # noqa: DTZ001 - a time on the wall
    moved = noon + by
    if moved.date() != noon.date():
        return time(23, 59) if by > timedelta(0) else time(0)
    return moved.time()


# Dates


def _is(first: date, said: str, last: date | None = None) -> tuple[_Token, ...]:
    return (_Date(said, first, last or first),)


def _iso_date(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    try:
        return _is(date(int(found[1]), int(found[2]), int(found[3])), found[0])
    except ValueError:
        return (_Wrong(found[0], "no_such_date"),)


def _numeric_date(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    first, second = int(found[1]), int(found[2])
    if first != second and first <= 12 and second <= 12:
        return (_Wrong(found[0], "which_date"),)
    day, month = (first, second) if second <= 12 else (second, first)
    year = int(found[3]) if found[3] else None
    return _calendar_date(found[0], day, month, year + 2000 if year is not None and year < 100 else year, now)


def _named_date(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    said = found[0].strip(" ,")
    text = re.sub(r"\b(?:the|of)\b|,", " ", said)
    # In a leap year: whether the 29th of February exists is known when the year is.
    parsed = dateparser.parse(
        " ".join(re.sub(r"\b\d{4}\b", " ", text).split()) + " 2000", languages=["en"], settings={"DATE_ORDER": "DMY"}
    )
    year = re.search(r"\b\d{4}\b", text)
    if parsed is None:
        return (_Wrong(said, "no_such_date"),)
    return _calendar_date(said, parsed.day, parsed.month, int(year[0]) if year else None, now)


def _calendar_date(said: str, day: int, month: int, year: int | None, now: datetime) -> tuple[_Token, ...]:
    today = now.date()
    try:
        if year is not None:
            return _is(date(year, month, day), said)
        # The 29th of February comes within eight years.
        years = [each for each in range(today.year, today.year + 9) if calendar.isleap(each) or (month, day) != (2, 29)]
        this_year, next_year = date(years[0], month, day), date(years[1], month, day)
    except ValueError:
        return (_Wrong(said, "no_such_date"),)
    # A date of the last weeks is more likely a slip than one of next year.
    return _is(this_year if this_year >= today - _JUST_PAST else next_year, said)


_JUST_PAST = timedelta(days=60)


def _day_of_month(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    number = int(found[1])
    if not 1 <= number <= 31:
        return (_Wrong(found[0], "no_such_date"),)
    first = now.date().replace(day=1)
    months = (_months_later(first, each) for each in range(4))
    days = (month.replace(day=number) for month in months if number <= calendar.monthrange(month.year, month.month)[1])
    return _is(next(day for day in days if day >= now.date()), found[0])


def _month(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    today = now.date()
    number = "jan feb mar apr may jun jul aug sep oct nov dec".split().index(found["month"][:3]) + 1
    first = date(today.year + (number <= today.month), number, 1)
    if "end of" in found[0] and number == today.month:
        first = today.replace(day=1)
    last = _months_later(first, 1) - timedelta(days=1)
    return _is(last, found[0]) if "end of" in found[0] else _is(first, found[0], last)


def _relative_date(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    said, today = found[0], now.date()
    monday = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    sunday, month_end = monday + timedelta(days=6), _months_later(month, 1) - timedelta(days=1)
    year_end = date(today.year, 12, 31)
    match said.removeprefix("the ").replace("todays", "today").replace("tomorrows", "tomorrow"):
        case "today" | "just today" | "rest of the day" | "rest of today" | "end of the day" | "this once":
            return _is(today, said)
        case "tomorrow":
            return _is(today + timedelta(days=1), said)
        case "day after tomorrow":
            return _is(today + timedelta(days=2), said)
        case "yesterday" | "day before yesterday" | "last night":
            return _is(today - timedelta(days=1), said)
        case "last week" | "last month" | "last year":
            return _is(monday - timedelta(days=7), said)
        case "this week" | "rest of the week" | "rest of this week" | "week":
            return _is(today, said, sunday)
        case "end of the week" | "end of this week":
            return _is(sunday, said)
        case "next week" | "start of next week" | "beginning of next week":
            return _is(sunday + timedelta(days=1), said, sunday + timedelta(days=7))
        case "end of next week":
            return _is(sunday + timedelta(days=7), said)
        case "this month" | "rest of the month" | "rest of this month":
            return _is(today, said, month_end)
        case "end of the month" | "end of this month":
            return _is(month_end, said)
        case "next month":
            return _is(_months_later(month, 1), said, _months_later(month, 2) - timedelta(days=1))
        case "end of next month":
            return _is(_months_later(month, 2) - timedelta(days=1), said)
        case "this year" | "rest of the year":
            return _is(today, said, year_end)
        case "end of the year" | "end of this year":
            return _is(year_end, said)
        case "next year":
            return _is(date(today.year + 1, 1, 1), said, date(today.year + 1, 12, 31))
        case "weekend" | "this weekend" | "coming weekend":
            return _is(max(today, monday + timedelta(days=5)), said, sunday)
        case "next weekend":
            return _is(monday + timedelta(days=12), said, monday + timedelta(days=13))
    return ()


def _feast(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    eve = "eve" in found[0]
    month, day = (12, 25 - eve) if found[0][0] in "cx" else (12, 31) if eve else (1, 1)
    return _calendar_date(found[0], day, month, None, now)


def _this_or_next_day(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    today, number = now.date(), _day_number(found[2])
    monday = today - timedelta(days=today.weekday())
    match found[1].split()[-1]:
        case "next":
            return _is(monday + timedelta(days=7 + number), found[0])
        case "last":
            return _is(_next_day(number, today) - timedelta(days=7), found[0])
        case "on" | "week":
            return _is(_next_day(number, today) + timedelta(days=7), found[0])
    return _is(_next_day(number, today), found[0])


def _in_a_while(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    unit = found["unit"].rstrip("s")
    if found["part"]:
        minutes = (30 if "half" in found["part"] else 15) if unit == "hour" else None
    else:
        amount = _amount(found["amount"])
        minutes = amount * {"minute": 1, "hour": 60}[unit] if unit in ("minute", "hour") else None
        if minutes is not None and found["more"]:
            minutes += 30
        if minutes is None and unit != "second":
            return _is(_Length(found[0], amount, unit).after(now.date()), found[0])
    if minutes is None:
        return (_Wrong(found[0], "too_often"),)
    moment = now + timedelta(minutes=minutes)
    return (
        _Date(found[0], moment.date(), moment.date()),
        _Time(found[0], (moment.time().replace(second=0, microsecond=0),)),
    )


def _amount(said: str | None) -> int:
    if said is None:
        return 1
    return _MANY[said] if said in _MANY else min(int(said), 10_000)


# Times


def _clock(said: str, hour: str, minute: str | None = None, half: str | None = None, *, bare: bool = False) -> _Token:
    """The token of an hour and a minute: 8.30 may be two times, 08:30 and 8.30pm are one."""
    hours, minutes = int(hour), int(minute or 0)
    if hours == 24 and not minutes and not half:
        return _Time(said, (_MIDNIGHT,))
    if hours > 23 or minutes > 59 or (half == "am" and hours > 12) or (half == "pm" and hours == 0):
        return _Wrong(said, "no_such_time")
    if half:
        hours = hours % 12 + (12 if half == "pm" else 0) if hours <= 12 else hours
        return _Time(said, (time(hours, minutes),), written=True)
    if hours > 12 or hours == 0 or (len(hour) == 2 and hour[0] == "0"):
        return _Time(said, (time(hours, minutes),), bare=bare)
    morning, later = time(hours % 12, minutes), time(hours % 12 + 12, minutes)
    return _Time(said, (morning, later) if 7 <= hours < 12 else (later, morning), bare=bare)


def _clock_time(found: re.Match[str], before: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    parts = found.groupdict()
    bare = found[0].isdigit() and not _comes_after_at(before)
    return (_clock(found[0], parts["hour"], parts.get("minute"), parts.get("half"), bare=bare),)


def _comes_after_at(before: Sequence[_Token]) -> bool:
    return bool(before) and isinstance(before[-1], _Word) and before[-1].said in ("at", "by", "around", "about")


def _past_or_to(found: re.Match[str], before: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    """Half past eight; "10 to 8" is a time, unless it stands for hours from 10 to 8."""
    range_ = found["count"].isdigit() and found["way"] == "to"
    if range_ and any(
        isinstance(each, _Every) or (isinstance(each, _Mark) and each.name in ("from", "between")) for each in before
    ):
        return ()
    minutes = {"half": 30, "quarter": 15}.get(found["count"]) or int(found["count"])
    hour = int(found["hour"])
    if found["way"] in ("to", "before", "of"):
        minutes, hour = 60 - minutes, hour - 1 if hour != 1 or found["half"] else 12
    if not 1 <= minutes <= 59 or not 0 <= hour <= 23:
        return (_Wrong(found[0], "no_such_time"),)
    return (_clock(found[0], str(hour), str(minutes), found["half"]),)


def _number_token(found: re.Match[str], before: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    after_at = _comes_after_at(before)
    if len(found[0]) > 2 or int(found[0]) > 24:
        return (_Wrong(found[0], "no_such_time"),) if after_at else (_Word(found[0]),)
    return (_clock(found[0], found[0], bare=not after_at),)


def _named_time(at: time) -> _Build:
    return lambda found, before, now: (_Time(found[0], (at,)),)


def _meal_name(said: str) -> str:
    return {"supper": "dinner", "tea": "dinner"}.get(said, said)


def _at_meal(found: re.Match[str], before: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    """After lunch; in "after breakfast and lunch" the second is after it too."""
    name, way = _meal_name(found["meal"]), found["way"]
    if way is None:
        others = [each.said for each in before if isinstance(each, _Time)]
        joined = bool(before) and isinstance(before[-1], _Mark) and before[-1].name == "and"
        way = next((each for each in ("before", "after") if joined and others and each in others[-1].split()), "at")
        if way == "at" and found["meal"] in ("tea", "work", "school", "bed") and not found["time"]:
            return ()
    index = {"before": 0, "after": 2}.get(way, 1)
    if found["meal"] in ("work", "school") and index == 1:
        return ()
    exact = f"{way} {found['meal']}" if way in ("before", "after") else found[0]
    at = _MOMENTS[name][index]
    return (_Time(exact, (at,), span=(_later(at, -_NEAR), _later(at, _NEAR)) if index == 1 else None),)


def _near_meal(found: re.Match[str], before: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    """Half an hour before breakfast."""
    way, at = found["way"], _MOMENTS[_meal_name(found["meal"])]
    minutes = 30 if found["half"] else _amount(found["amount"]) * (60 if found["unit"].startswith("hour") else 1)
    base = at[2] if found["meal"] == "bed" or (way == "after" and found["meal"] in ("work", "school")) else at[1]
    return (_Time(found[0], (_later(base, timedelta(minutes=minutes if way == "after" else -minutes)),)),)


def _meals(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    index = {"before": 0, "after": 2}.get(found["way"] or "", 1)
    return tuple(_Time(found[0], (_MOMENTS[meal][index],)) for meal in ("breakfast", "lunch", "dinner"))


def _part(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    name = found["part"].removesuffix("s").removesuffix("time").strip()
    name = {"eve": "evening", "overnight": "night", "tonights": "tonight"}.get(name, name)
    part = _Part(found[0], name)
    today = _Date(found[0], now.date(), now.date())
    return (today, part) if name == "tonight" or found[0].startswith("this ") else (part,)


# Intervals, numbers, lengths


def _interval(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    said = found["amount"] or "1"
    amount = (
        0.5
        if said.startswith("half")
        else float(said)
        if said[0].isdigit()
        else _amount(said.replace("second", "other"))
    )
    amount += 0.5 if found["more"] or found["more2"] else 0
    minutes = amount * {"h": 60.0, "m": 1.0, "s": 1 / 60}[found["unit"][0]]
    if minutes < 1:
        return (_Wrong(found[0], "too_often"),)
    return (_Every(found[0], round(minutes)) if minutes <= 24 * 60 else _Wrong(found[0], "not_offered"),)


def _hourly(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    minutes = 30 if found[1] == "half" else 60 * int(found[1] or 1)
    return (_Every(found[0], minutes),) if 0 < minutes <= 24 * 60 else (_Wrong(found[0], "not_offered"),)


def _rate(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    parts = found.groupdict()
    said = parts["count"]
    number = re.search(r"\d+", said)
    count = min(int(number[0]), 10_000) if number else _COUNTS[said.removesuffix(" times")]
    per = (parts["per"] or "day").replace("daily", "day").removesuffix("ly")
    if per in ("minute", "second") or count > {"day": MOST_A_DAY, "week": 7 * MOST_A_DAY}.get(per, count):
        return (_Wrong(found[0], "too_often"),)
    if count == 0:
        return ()
    if per == "hour":
        return (_Every(found[0], 60 // count if count <= 60 else 1),)
    return (_Rate(found[0], count, per),) if per in ("day", "week") else (_Wrong(found[0], "not_offered"),)


_COUNTS = {"once": 1, "one": 1, "twice": 2, "thrice": 3, "a couple of": 2, "a few": 3, "several": 4}


def _length(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    amount = found.groupdict().get("amount")
    unit = "day" if found["unit"].startswith("night") else found["unit"].rstrip("s")
    if amount and amount.startswith("half"):
        return (_Length(found[0], 30, "minute"),)
    return (_Length(found[0], _amount(amount), unit),)


# Days


def _days(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    repeated = bool(found[1]) or found[2].endswith("days")
    return (_Days(found[0], frozenset({_day_number(found[2])}), once=not repeated),)


def _day_range(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    first, last = _day_number(found[1]), _day_number(found[2])
    return (_Days(found[0], frozenset((first + each) % 7 for each in range((last - first) % 7 + 1))),)


def _set_of_days(*days: int) -> _Build:
    return lambda found, before, now: (_Days(found[0], frozenset(days)),)


def _thing(kind: Kind) -> _Build:
    return lambda found, before, now: (_Thing(found[0], kind),)


def _mark(name: str) -> _Build:
    return lambda found, before, now: (_Mark(found[0], name),)


def _wrong(key: Key) -> _Build:
    return lambda found, before, now: (_Wrong(found[0], key),)


def _aside(found: re.Match[str], _: Sequence[_Token], now: datetime) -> tuple[_Token, ...]:
    """Words that change nothing."""
    return (_Word("please"),)


_HALF = r"(?:\s?(?P<half>am|pm))?"
_OF_BODY = r"(?:(?:face|facial|eye|mouth|lip|smile|mirror|home|daily|neck|cheek) )*"
_LEXEMES: tuple[tuple[re.Pattern[str], _Build], ...] = tuple(
    (re.compile(rf"(?:{pattern})(?!\w)"), build)
    for pattern, build in (
        # dates
        (r"(\d{4})-(\d{1,2})-(\d{1,2})", _iso_date),
        (r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})", _numeric_date),
        (r"(?!24/7)(\d{1,2})/(\d{1,2})()(?! ?(?:of an |an )?hour)", _numeric_date),
        (rf"(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?:,? (?:19|20)\d\d)?", _named_date),
        (rf"{_MONTH} (?:the )?\d{{1,2}}(?:st|nd|rd|th)?\b(?![:.]\d|[ap]m| ?oclock)(?:,? (?:19|20)\d\d)?", _named_date),
        (r"(?:the )?(\d{1,2})(?:st|nd|rd|th)", _day_of_month),
        (rf"(?:the )?end of (?P<month>{_MONTH})", _month),
        (r"(?:(?<=until )|(?<=from )|(?<=in ))(?P<month>may|march)", _month),
        (rf"(?!may\b|mar\b|march\b)(?P<month>{_MONTH})", _month),
        (r"(?:christmas|xmas|new years?)(?: day| eve)?", _feast),
        (rf"in (?:(?P<part>half an?|half|(?:a )?quarter of an)"
         rf"|(?P<amount>{_FEW})) ?(?P<unit>{_UNIT})\b(?P<more> and a half)?"
         r"(?: time)?", _in_a_while),
        (r"(?:the )?day after tomorrow|(?:just )?todays?|tomorrows?|(?:the day before )?yesterday|last (?:night|week"
         r"|month|year)|(?:the )?(?:rest|end) of (?:the|this) (?:day|week|month|year)|(?:the )?rest of today"
         r"|(?:the )?(?:end|start|beginning) of next (?:week|month)|this once|(?:(?<!the )next|this) (?:week|month"
         r"|year)(?! ?days?)|(?:this|next|the coming) weekend|(?:(?<=until )|(?<=for )|(?<=over ))the weekend"
         r"|(?<=for )the week", _relative_date),
        (rf"(?:(this(?: coming)?|the coming|next|last|a week on|week on) )({_DAY})", _this_or_next_day),
        # what is not offered, and intervals
        (r"(?:every|each|on) (?:other|2nd|second|third|3rd|4th|alternate|few|couple of|[02-9]|\d\d+) "
         rf"(?:days?|weeks?|months?|years?|nights?|mornings?|evenings?|{_DAY})", _wrong("not_offered")),
        (r"(?:on )?alternat(?:e|ing) (?:days|nights|weeks|mornings|evenings)|(?:every )?fortnight(?:ly)?"
         r"|(?<=every )fortnight|monthly|every month|yearly|every year|annually|once a (?:month|year|fortnight)"
         r"|bi-?weekly|1 day on,? 1 day off|day on,? day off", _wrong("not_offered")),
        (r"(?:(?:bank|public|school|national|state) holidays?|holidays)", _wrong("which_holidays")),
        (r"constantly|all the time|continuously|non-?stop|(?:every )?(?:single )?moment|every few seconds",
         _wrong("too_often")),
        (r"(?:once )?(?:every|each|once an?) (?:single )?(?:(?P<amount>\d+(?:\.\d+)?|half an?|half|an?|couple of"
         r"|couple|few|other|second)(?P<more2> and a half)?(?: ?(?:to|or|-) ?\d+)? )?(?P<unit>seconds?|minutes?"
         r"|hours?)(?P<more> and a half)?",
         _interval),
        (r"(?:every )?(?:(\d+|half)[ -])?hourly", _hourly),
        (r"(?P<count>once|twice|thrice|\d+(?: times?| ?x)|x ?\d+|(?:a couple of|a few|several) times)(?: a| per| an"
         r"| each| every| in a| in the|/)? ?(?P<per>day|daily|week|weekly|hour|month|year|minute|second)(?!s)", _rate),
        (r"(?<!at )(?P<count>\d{1,2}) (?:a|per) (?P<per>day|week|hour)(?!s)", _rate),
        (rf"(?P<count>\d+|one(?= \w+ (?:a|per) day)) (?:daily )?(?:{_NOUN}|messages)(?: (?:a|per|each"
         rf"|every))?(?: (?P<per>day|daily|week|hour))?", _rate),
        (rf"(?P<count>twice|thrice|\d+ times)(?P<per>)(?= {_NOUN}| please|$)", _rate),
        (r"(?:every|each|1) week|weekly(?! check)", lambda found, before, now: (_Rate(found[0], 1, "week"),)),
        # things
        (r"(?:(?:a|an|my|the) )?(?:(?:doctors?|gp|physio(?:therapy)?|hospital|clinic|eye|dentist|consultants?"
         r"|therapists?|therapy|botox|specialists?|neurology|ent|facial|follow[ -]?up|face"
         r"|outpatients?) )*(?:appointments?|clinic visit)|(?:see|seeing|visit|visiting) (?:(?:the|my"
         r"|a) )?(?:\w+ )?(?:doctor|gp|physio|consultant|therapist|specialist|surgeon|neurologist|(?:face "
         r"|eye )?clinic|nurse|team)", _thing("appointment")),
        (r"(?:weekly )?check[ -]?ins?|weekly (?:check|questions|questionnaire)s?|questionnaires?", _thing("check_in")),
        (rf"{_OF_BODY}(?:exercis(?:es?|ing)|massag(?:es?|ing)|stretch(?:es|ing)?|physio(?:therapy)?|practi[cs](?:es?|ing)"
         r"|workouts?|training|sessions?|movements|rehab|mirror work)|(?:(?<=do my )|(?<=do his )|(?<=do her ))face",
         _thing("exercises")),
        (r"(?:(?:eye ?)?drops?|artificial tears|(?:eye )?(?:ointment|gel|lubricants?)|eye (?:care|checks?|medicine)"
         rf"|eyes? (?={_NOUN}|messages)|(?:(?<=about my )|(?<=about the )|(?<=for my )|(?<=do my )|(?<=do his )"
         rf"|(?<=do her ))eyes?"
         r"|(?:(?:the|my|put on) )?(?:eye )?tap(?:e|ing)(?: on)?(?! my| the| his| her| eye| up)|(?:tape|taping|patch"
         r"|close|cover) (?:up )?(?:(?:my|the|his|her|your) )?eyes?(?: (?:shut|closed|up))?)",
         _thing("eye_drops")),
        # times with a name
        (rf"(?:(?P<half>half an hour|half hour)|(?P<amount>\d+|an?) (?P<unit>minutes?|hours?)) (?P<way>before"
         rf"|after) (?:(?:my|i have|i eat|eating|the|going to|i go to) )*(?P<meal>{_MEAL})", _near_meal),
        (r"(?:(?P<way>before|after|at|with) )?(?:(?:every|each|all|my) )*(?:meals?|mealtimes?|meal times?)", _meals),
        (r"(?:when|as soon as|once|after|just after) i(?:ve)? (?:wake(?: up)?|get up|got up|woken up)|(?:on"
         r"|after) waking(?: up)?|(?:when|after) getting up|first thing(?: in the morning| every morning"
         r"| each morning)?(?: when i (?:wake|get) up)?",
         _named_time(_WAKING)),
        (r"last thing(?: at night| every night| each night| in the evening)?|(?:at |my )?bed ?time|(?:when|before"
         r"|just before) (?:i go|i get in|going|i get into|i am going) ?(?:to)? (?:my )?(?:bed|sleep)"
         r"|before (?:i )?sleep(?:ing)?|when i go to bed|before lights out", _named_time(_MOMENTS["bed"][0])),
        (r"(?:(?:just|right|straight|shortly|soon) )?(?:(?P<way>before|after|at|with|around|during|over) )?(?:(?:my"
         r"|i have|ive had|i eat|eating|having|i finish|finishing|the) )*"
         rf"(?P<meal>{_MEAL})(?P<time> ?time)?", _at_meal),
        (r"12 noon|noon|mid ?day", _named_time(_NOON)),
        (r"12 midnight|mid ?night", _named_time(_MIDNIGHT)),
        (r"mid[ -]?morning", _named_time(_MID_MORNING)),
        (r"mid[ -]?afternoon", _named_time(_PARTS["afternoon"])),
        # times of the clock
        (rf"(?:a )?(?P<count>half|quarter|5|10|20|25|\d\d(?= minutes?))(?: minutes?)? (?P<way>past|to|after|before"
         rf"|of) (?P<hour>\d{{1,2}})(?![:.]\d)(?: ?oclock)?{_HALF}", _past_or_to),
        (rf"half (?P<hour>\d{{1,2}})(?! ?(?:hour|minute)){_HALF}",
         lambda found, before, now: (_clock(found[0], found["hour"], "30", found["half"]),)),
        (rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d\d){_HALF}", _clock_time),
        (r"(?P<hour>\d{1,2}) ?(?:oclock ?)(?P<half>am|pm)?", _clock_time),
        (r"(?P<hour>\d{1,2})(?:(?P<half>am|pm)|h)", _clock_time),
        (r"(?P<hour>\d{1,2})(?P<minute>\d\d)(?P<half>am|pm)", _clock_time),
        (r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?: ?(?:hours|h))?", _clock_time),
        (r"(?<=at )(?P<hour>\d)(?P<minute>[0-5]\d)", _clock_time),
        (r"(?:this )?(?P<part>mornings?|afternoons?|evenings?)", _part),
        (r"(?P<part>tonights?|night ?times?|nights?|overnight|eves?)", _part),
        # days
        (rf"(?:from |between )?({_DAY}) ?(?:-|to|through|thru) ?({_DAY})", _day_range),
        (r"(?:(?:every|each|all) )?(?:weekdays?|week days?|work(?:ing)? ?days?)|during the week",
         _set_of_days(0, 1, 2, 3, 4)),
        (r"(?:(?:every|each|at the|on the|at) )?week ?ends?|the weekend", _set_of_days(5, 6)),
        (r"every ?(?:single )?day|daily|each day|all (?:week|days)|(?:7|all 7) days(?: a week)?|all day every day"
         r"|a day", _set_of_days(*EVERY_DAY)),
        (rf"(?:(every|each|all) )?({_DAY})", _days),
        # lengths
        (rf"(?:the )?(?:(?:next|following|coming) )?(?:(?P<amount>{_FEW}|half an?) )(?P<unit>{_UNIT})(?: or so)?",
         _length),
        (rf"the (?:next|following|coming) (?P<unit>{_UNIT})", _length),
        # marks
        (r"until|up to|ending(?: on)?|ends(?: on)?|finishing(?: on)?|through(?= )|(?:stop|finish|end)(?:ping|ing"
         r"|s)? (?:on|at)",
         _mark("until")),
        (rf"(?:but )?(?:not|nothing)(?: on| at| the| over the| over)*(?= (?:{_DAY}|week|bank|public|tomorrow"
         rf"|the weekend|christmas|{_DAY_NUMBER} (?:of )?{_MONTH}|{_MONTH} {_DAY_NUMBER}))|(?:but )?(?:except"
         rf"|apart from|excluding|other than|skip(?:ping)?|never|leave out|leaving out"
         rf"|no)(?: for| on| the)*(?= (?:{_DAY}|week|bank|public|the weekend|at weekend|at the weekend|on))"
         rf"|except(?: for| on)?", _mark("except")),
        (r"(?:starting|beginning|commencing|as of|start(?:s)?(?= (?:from|on|at|tomorrow|today|next|in)))(?: from| on"
         r"| at| in)?|from(?! now)", _mark("from")),
        (r"from now(?: on)?|(?:while|when) (?:im |i am )?(?:awake|up)|(?:during|throughout"
         r"|through) the day(?: ?time)?|in the day(?: ?time)|(?:during )?waking hours", _aside),
        (r"instead of|rather than|not(?= (?:at )?\d)", _mark("instead")),
        (r"between", _mark("between")),
        (r"after|later than|past", _mark("after")),
        (r"before|earlier than", _mark("before")),
        (r"only|just", _mark("only")),
        (r"for", _mark("for")),
        (r"to|-", _mark("to")),
        (r"and|or|then|plus", _mark("and")),
        (r"\d+", _number_token),
    )
)  # fmt: skip
_COMMAS = (",", ";", "/")


def _tokens(said: str, now: datetime) -> list[_Token]:
    """The words as what they are, in order."""
    tokens: list[_Token] = []
    at = 0
    while at < len(said):
        if said[at].isspace():
            at += 1
            continue
        for pattern, build in _LEXEMES:
            found = pattern.match(said, at)
            if found and found.end() > at and (made := build(found, tokens, now)):
                tokens += made
                at = found.end()
                break
        else:
            word = re.split(r"[\s,;?]", said[at:], maxsplit=1)[0] or said[at]
            tokens.append(_Mark(word, "and") if word in _COMMAS else _Word(word))
            at += len(word)
    return _clocks(tokens)


# --- what belongs together -------------------------------------------------------------------------------------------

_FILLER = frozenset(
    "please thanks thank you your hi hello hey ok okay yes yeah the a an my me us it them that this these some "
    "all any do in on at of each every with by around about up so can could would will like id want wanna need "
    "needs have get put use set add give send remind nudge ping mum mom dad him her son daughter wife husband eye "
    "eyes face facial as also well too now again time times reminder reminders alarm alarms one ones extra "
    "another more something both side early late later sharp exactly its due day days love great morning if "
    "possible to be kindly just go off maybe dear bot there ?".split()
)
_LINKS = frozenset("in the at on of each every around about my this a please".split())
_BETWEEN_NUMBERS = frozenset(
    "it them that one me us the please reminder reminders alarm alarms each every mum mom dad him her".split()
)


def _clocks(tokens: Sequence[_Token]) -> list[_Token]:
    """Numbers that are no times become words, and "in the evening" goes into the time that it belongs to."""
    kept: list[_Token] = []
    for at, token in enumerate(tokens):
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        is_number = isinstance(token, _Time) and token.bare
        kept.append(_Word(token.said) if is_number and not _is_clock(kept[-1] if kept else None, after) else token)
    return _with_parts(kept)


def _is_clock(before: _Token | None, after: _Token | None) -> bool:
    """Whether a number between two tokens is a time: "exercises 8 and 6", and not "3 exercises"."""
    if isinstance(after, _Thing) or (isinstance(after, _Word) and after.said not in _FILLER):
        return False
    return not isinstance(before, _Word) or before.said in _BETWEEN_NUMBERS


def _with_parts(tokens: Sequence[_Token]) -> list[_Token]:
    """Each part of the day goes into the time beside it; one that stands alone stays."""
    given = list(tokens)
    used: set[int] = set()
    for at, part in enumerate(tokens):
        if not isinstance(part, _Part) or at in used:
            continue
        back = _time_beside(given, at, -1)
        if back is not None and back not in used and _narrow(given, back, part):
            used |= {at, back}
            continue
        parts = [at]
        while (more := _joined_part(given, parts[-1])) is not None:
            parts.append(more)
        ahead = _time_beside(given, parts[-1], 1)
        if ahead is None or ahead in used:
            continue
        if len(parts) > 1:
            _share(given, parts, ahead)
            used |= {*parts, ahead}
        elif _narrow(given, ahead, part):
            used |= {at, ahead}
            _carry_on(given, ahead, part, used)
    return [token for at, token in enumerate(given) if not (isinstance(token, _Part) and at in used)]


def _time_beside(tokens: Sequence[_Token], at: int, step: int) -> int | None:
    """Where the time before or after a part of the day stands, when nothing but small words is between."""
    at += step
    while 0 <= at < len(tokens):
        token = tokens[at]
        if isinstance(token, _Time):
            return at
        if not (isinstance(token, _Days | _Date) or (isinstance(token, _Word) and token.said in _LINKS)):
            return None
        at += step
    return None


def _joined_part(tokens: Sequence[_Token], at: int) -> int | None:
    """The place of the next part of the day in "mornings and evenings"."""
    at += 1
    if at < len(tokens) and isinstance(tokens[at], _Mark) and tokens[at].said == "and":
        for place in range(at + 1, len(tokens)):
            token = tokens[place]
            if isinstance(token, _Part):
                return place
            if not (isinstance(token, _Word) and token.said in _LINKS):
                return None
    return None


def _fits(at: time, part: str) -> bool:
    if part == "night":
        return at.hour >= 17 or at.hour < 5
    return (at.hour < 12) == (part == "morning")


def _narrow(tokens: list[_Token], at: int, part: _Part) -> bool:
    """Keep of a time what fits the part of the day; False when nothing does."""
    token = tokens[at]
    if not isinstance(token, _Time):
        return False
    fitting = tuple(each for each in token.options if _fits(each, part.name))
    if fitting:
        tokens[at] = replace(token, options=fitting, bare=False)
    return bool(fitting)


def _share(tokens: list[_Token], parts: Sequence[int], ahead: int) -> None:
    """Mornings and evenings at 8: the time counts for each."""
    shared = tokens[ahead]
    for at in parts:
        part = tokens[at]
        if isinstance(part, _Part) and isinstance(shared, _Time):
            fitting = tuple(each for each in shared.options if _fits(each, part.name))
            tokens[at] = replace(shared, options=fitting, bare=False) if fitting else part
    tokens[ahead] = _Word("at")


def _carry_on(tokens: list[_Token], at: int, part: _Part, used: set[int]) -> None:
    """In the evening at 6 and 9: what follows is of the evening too while it goes up and has no part of its own."""
    while at + 2 < len(tokens) and isinstance(tokens[at + 1], _Mark) and tokens[at + 1].said in ("and", ","):
        following = at + 2
        if isinstance(tokens[following], _Word) and tokens[following].said == "at" and following + 1 < len(tokens):
            following += 1
        now, then = tokens[at], tokens[following]
        if not isinstance(now, _Time) or not isinstance(then, _Time) or len(then.options) < 2:
            return
        own = next((each for each in range(following + 1, len(tokens)) if not _is_link(tokens[each])), None)
        if own is not None and isinstance(tokens[own], _Part):
            return
        fitting = tuple(each for each in then.options if _fits(each, part.name) and each > now.options[0])
        if not fitting:
            return
        tokens[following] = replace(then, options=fitting, bare=False)
        used.add(following)
        at = following


def _is_link(token: _Token) -> bool:
    return isinstance(token, _Word) and token.said in _LINKS


# --- what was heard --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Heard:
    """What a message names, each with its part in it."""

    times: list[_Time] = field(default_factory=list)
    first: _Time | None = None
    last: _Time | None = None
    every: _Every | None = None
    rate: _Rate | None = None
    days: set[int] = field(default_factory=set)
    daily: bool = False
    once: list[_Days] = field(default_factory=list)
    out: set[int] = field(default_factory=set)
    only: bool = False
    on: list[_Date] = field(default_factory=list)
    off: list[_Date] = field(default_factory=list)
    starts: date | None = None
    start_said: str = ""
    until: _Date | None = None
    ends: date | None = None
    length: _Length | None = None
    kinds: dict[Kind, str] = field(default_factory=dict)
    wrong: _Wrong | None = None
    order: str = ""

    @property
    def kind(self) -> Kind | None:
        """The kind that was said; the first of several."""
        return next(iter(self.kinds), None)

    @property
    def says_when(self) -> bool:
        """Whether it names a time of day, or an interval, or how often a day."""
        return bool(self.times or self.first or self.every or self.rate or self.last)


def _hear(tokens: Sequence[_Token], today: date) -> _Heard:
    heard, role = _Heard(), ""
    for at, token in enumerate(tokens):
        if isinstance(token, _Mark):
            if token.name == "only":
                heard.only = True
            elif token.name == "and" and role == "between":
                role = "to" if heard.first else role
            elif token.name != "and" or role != "except":
                role = token.name
            continue
        if _is_link(token):
            continue
        match token:
            case _Days():
                _hear_days(heard, token, role, today)
            case _Date():
                _hear_date(heard, token, role, today)
            case _Time() | _Part():
                _hear_time(heard, token, role, after_interval=_follows_interval(tokens, at))
            case _Every():
                heard.every = heard.every or token
            case _Rate():
                heard.rate = heard.rate or token
            case _Length() if token.is_days:
                heard.length = token
            case _Thing():
                heard.kinds.setdefault(token.kind, token.said)
            case _Wrong():
                heard.wrong = heard.wrong or token
            case _:
                pass
        role = role if role in ("except", "between") else ""
    return heard


def _follows_interval(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a time stands right after an interval: "every 2 hours at 8" begins at 8."""
    return isinstance(next(itertools.dropwhile(_is_link, reversed(tokens[:at])), None), _Every)


def _hear_days(heard: _Heard, token: _Days, role: str, today: date) -> None:
    number = next(iter(token.days)) if len(token.days) == 1 else None
    if role == "except":
        heard.out |= token.days
    elif number is not None and role in ("until", "to", "before"):
        _hear_date(heard, _Date(token.said, *2 * (_next_day(number, heard.starts or today),)), role, today)
    elif number is not None and role in ("from", "after"):
        _hear_date(heard, _Date(token.said, *2 * (_next_day(number, today),)), role, today)
    else:
        if token.once:
            heard.once.append(token)
        elif token.days == EVERY_DAY:
            heard.daily = True
            return
        else:
            heard.days |= token.days
        _order(heard, "D")


def _hear_date(heard: _Heard, token: _Date, role: str, today: date) -> None:
    day = timedelta(days=1)
    match role:
        case "except":
            heard.off.append(token)
        case "until" | "to":
            heard.until, heard.ends = token, token.first if token.first == token.last else token.first - day
        case "before":
            heard.until, heard.ends = token, token.first - day
        case "from" | "after":
            heard.starts, heard.start_said = token.first if role == "from" else token.last + day, token.said
        case _ if token.first == token.last:
            if token.first not in [each.first for each in heard.on]:
                heard.on.append(token)
                _order(heard, "D")
        case _:
            if token.first > today:
                heard.starts, heard.start_said = token.first, token.said
            heard.ends = token.last


def _hear_time(heard: _Heard, token: _Time | _Part, role: str, *, after_interval: bool) -> None:
    if isinstance(token, _Part):
        # Late tonight there is still bedtime.
        options = (_PARTS[token.name], _PARTS["night"])[: 2 if token.name == "tonight" else 1]
        at = _Time(token.said, options, span=_SPANS[token.name], vague=True)
    else:
        at = token
    if role in ("until", "to"):
        heard.last = at
    elif role in ("from", "between", "after") or after_interval:
        heard.first = at
    else:
        heard.times.append(at)
        _order(heard, "T")


def _order(heard: _Heard, letter: str) -> None:
    if not heard.order.endswith(letter):
        heard.order += letter


# --- which times are meant -------------------------------------------------------------------------------------------


def _unlikely(options: Sequence[time], chosen: time) -> tuple[int, int]:
    return int(chosen != options[0]), int(not DAY_BEGINS <= chosen <= DAY_ENDS)


def _meant(times: Sequence[_Time]) -> tuple[time, ...]:
    """The times that are meant: those that go up in the order said, where there are such, the likeliest first."""
    offered = [each.options for each in times]
    for at in range(len(times) - 1, 0, -1):
        # At 8 and 10pm: what is written after the last is meant for the others, too.
        if times[at].written and len(offered[at - 1]) == 2:
            late = times[at].options[0].hour >= 12
            offered[at - 1] = tuple(sorted(offered[at - 1], key=lambda each: (each.hour >= 12) != late))
    rising: list[tuple[tuple[int, int], tuple[time, ...]]] = [((0, 0), ())]
    for options in offered:
        rising = [
            min(((cost[0] + odd, cost[1] + late), (*before, each)) for cost, before in smaller)
            for each in options
            if (smaller := [one for one in rising if not one[1] or one[1][-1] < each])
            for odd, late in [_unlikely(options, each)]
        ]
    return min(rising)[1] if rising else tuple(sorted({options[0] for options in (each.options for each in times)}))


def _still_to_come(times: Sequence[_Time], now: datetime) -> list[_Time]:
    """Of today, what is still to come."""
    wall = now.time()
    return [replace(each, options=tuple(at for at in each.options if at > wall) or each.options) for each in times]


def _hours(heard: _Heard, every: int) -> Span | None:
    """From when to when an interval runs; None when it would run past midnight."""
    starts = heard.first.options if heard.first else (DAY_BEGINS,)
    ends = heard.last.options if heard.last else (DAY_ENDS,)
    spans = [
        ((_count(first, last, every) < 3, one + other), (first, last))
        for (one, first), (other, last) in itertools.product(enumerate(starts), enumerate(ends))
        if first < last
    ]
    return min(spans)[1] if spans else None


def _count(first: time, last: time, every: int) -> int:
    minutes = (last.hour - first.hour) * 60 + last.minute - first.minute
    return minutes // every + 1


def _times_of_rate(count: int) -> tuple[time, ...]:
    if count in _A_DAY:
        return _A_DAY[count]
    half_hours = (DAY_ENDS.hour - DAY_BEGINS.hour) * 2 // (count - 1)
    return tuple(_later(DAY_BEGINS, timedelta(minutes=30 * half_hours * each)) for each in range(count))


def _only(at: _Time) -> Span:
    """The stretch of the day in which a reminder that is set already is looked for."""
    return at.span or (at.options[0], at.options[0])


# --- the requests ----------------------------------------------------------------------------------------------------

_WHOM = r"(?:me|us|him|her|them|mum|mom|mam|dad|my (?:mum|mom|dad|son|daughter|wife|husband|partner|child|kid))"
_CALL = re.compile(
    rf"\b(?:remind|nudge|ping|prompt|buzz|notify) {_WHOM}\b|\bremember me (?:to|my|at|about|every)\b|\bneed reminding\b"
)
_CALL_AT = re.compile(
    rf"\b(?:text|message|alert|poke|beep|nag|wake|shout at|prod|write|write to) {_WHOM}\b|\b(?:ask|tell) me again\b"
    rf"|\blet me know\b"
    r"|\bsend (?:me )?(?:a |the )?messages?\b"
)
"""Asks for a reminder where it says when; otherwise it may be a friend who shall be texted."""
_DUE = re.compile(r"\bwhen (?:its|it is|its the) time\b|\bwhen\b.*\b(?:is|are) due\b")
_SET = re.compile(
    r"\b(?:set(?! off)|make|create|add|put|schedule|book|start|have|get|give me|wants?|needs?|like|wanna|send(?:ing)?"
    r"|change"
    rf"|move|switch|shift|alter|edit|update|reschedule|delay|postpone|snooze|turn on|arrange"
    rf"|sort)\b(?: \w+){{0,6}}? {_NOUN}\b|\bsend me (?:a )?messages?\b|\b(?:fewer|less|more) {_NOUN}\b|^snooze\b"
    rf"|^{_NOUN} please$|^(?:an? |new )?reminder$"
)
_NAMED = re.compile(
    rf"^(?:[\w:,]+ ){{0,3}}{_NOUN} (?:to|for|about|at|every|each|on|after|before|in|from)\b(?!.*\b(?:came|woke|was"
    rf"|went|never"
    r"|didnt|late|wrong|is|are|isnt|doesnt|keeps|stopped|shakes)\b)"
)
_REMINDER = re.compile(rf"\b{_NOUN}\b")
_STATEMENT = re.compile(
    r"^(?:(?:and|but|so|ok|hi|hello|,) )*(?:i|ive|we|weve) (?:have |already |just |had |did |always |usually |keep "
    r"|still )*(?:set|had|got|have|put|made|changed|moved|added|missed|ignored|saw|heard|get|getting|like|love"
    r"|hate)\b"
)
_QUESTION = (
    r"how(?! about)|why|what(?! about)|whats|who|whose|which|where|is(?! it possible| there any chance| there a way)"
    r"|does|did|should|shall|was|were|has|am i|isnt|doesnt|didnt|arent|are(?! you able)|do (?:i|you|we|they|people"
    r"|the|these|reminders|your|vapes)|when (?:is|are|do|does|did|should|can|will|was|would|s|to)|can (?:i|we|they|he"
    r"|she) (?:still |also )?(?:do|use|put|practise|exercise|drive|eat|sleep|stop|take|massage|tape)"
)
_NO_REQUEST = re.compile(
    rf"^(?:(?:so|and|but|ok|hi|hello|hey|sorry|please|just wondering|,) )*(?:{_QUESTION})\b"
    r"(?!.*(?:,|\?) .*\b(?:remind|nudge|ping) me)|\b(?:didnt|did not|havent|hasnt|wont|you never|you dont"
    r"|not) (?:you )?(?:remind|nudg|ping|messag|text|notif)\w*|\b(?:reminded|reminds|mates could)\b|\bwhats (?:up"
    r"|wrong|going on)\b|\b(?:never|hasnt|havent|didnt) (?:came|come|work)|\bstopped working\b|\b(?:wording|louder"
    r"|quieter|volume|sound|tone)\b|\bremind (?:me|us) (?:again )?(?:please )?(?:what|how|why|who|which|where|if"
    r"|whether|when (?!its|it is|i |im ))|\bexplain\b|\bmy (?:data|account)\b"
)
_MINE = rf"(?:remind|{_NOUN}|(?:message|text|nudge) me)"
_LIST = re.compile(
    r"^(?:(?:please|can you|could you|hi|hello|ok|my|all|the|current|open|list|show|see|view|me) )*(?:reminders"
    r"|alarms|notifications)(?: please| list)?$"
    rf"|\b(?:what|which|how many|whats)\b[^,?]{{0,25}}\b{_NOUN}\b|\bwhat time (?:are|will|do|is|am|does|did"
    rf"|have)\b[^,?]{{0,30}}\b{_MINE}|\bwhen (?:is|are|will|do|does|s|am|would)\b[^,?]{{0,30}}\b{_MINE}"
    r"|\b(?:list|show|see|view|check|tell|give|read|display|send|confirm|open)(?: \w+){0,3}"
    rf" (?:my|the|all|your) (?:\w+ )?{_NOUN}"
    r"(?: (?:list|please|times?|again|i have|i have set|ive set|set|for me|now|out|\?))*$"
    rf"|\b(?:are|is) (?:my|the|any|there any) [^,?]{{0,25}}?\b(?:{_NOUN}|one)\b[^,?]{{0,15}}\b(?:on|set|active|off"
    rf"|right|up|correct)\b|\b(?:do i (?:still |already )?have|have i (?:already )?(?:got|set)|did (?:i"
    rf"|you) (?:already )?set)\b[^,]{{0,20}}\b(?:{_NOUN}|one)\b"
)
_NO_LIST = re.compile(
    rf"\bwhat (?:if|happens|about|can|could|kind|sort|else|does|do you)\b|\bhow (?:do|can|to|does)\b|\bwhy\b"
    rf"|\bwhat (?:is|are) (?:an? )?{_NOUN}|\b(?:can|could|may) i\b"
)
_RESUME = re.compile(
    r"\b(?:resume|un-? ?pause|un-? ?mute|restart|continue|re-?enable|enable|reactivate|bring back|turn on|switch on"
    r"|off mute|back on)\b|\b(?:turn|switch)\b.{0,40}\bon\b"
    r"|\b(?:turn|switch|put|start|bring|have|set|want|get|begin)\b.{0,40}\b(?:back|on again|again)\b"
)
_THEM = rf"(?:{_NOUN}|messages?|texts)"
_DELETE = re.compile(
    r"\b(?:delete|cancel|remove|scrap|erase|clear|get rid of|ditch|bin|(?<!eye )drop|take (?:off|away|out))\b"
    rf"(?P<which>(?: [\w.:-]+){{0,7}}?) (?:{_THEM}|ones?|them|those)\b"
)
_PAUSE = re.compile(
    r"(?<!off )\b(?:pause|pausing|stop|halt|hold(?: off)?|suspend|mute|silence|disable|deactivate|freeze|quieten"
    r"|end(?! of)|skip|hush|shush|(?:turn|turning|switch|switching)(?: \w+){0,8}? off"
    r"|(?:give me|take|have|need|want) a (?:\w+ )?(?:break|rest)|a break from|leave me (?:alone"
    r"|be)|put (?:\w+ ){0,3}on hold)\b"
)
_NO = re.compile(
    rf"\bno (?:more )?(?:\w+ ){{0,2}}{_THEM}\b|\bwithout (?:any |the )?{_NOUN}|\b(?:dont|do not|never) (?:remind|ping"
    rf"|nudge|notify|(?:text|message) me|send\b.*\b{_THEM})\b|\b(?:dont|do not|no longer) (?:want"
    rf"|need)\b.*\b(?:{_THEM}|reminding)\b|\btoo many {_THEM}\b"
)
_OBJECT = re.compile(
    rf"\b(?:{_THEM}|reminding|nudging|pinging|messaging|texting|notifying|bothering|bugging|sending me)\b"
)
_ASKED_FIRST = re.compile(
    rf"(?<!dont )(?<!do not )(?<!never )(?:{_CALL.pattern})|\b(?:set|add|create|send me)(?: \w+){{0,3}} {_NOUN}\b"
)
_QUIET_HOURS = re.compile(
    r"\b(?:after|before|between|past|later than|earlier than) (?:\d[\d:.]*(?:am|pm)?|noon|midday"
    r"|midnight)(?! ?(?:days?|weeks?|months?))|\bwhile (?:im |i am )?(?:at work|asleep|sleeping|working)\b"
)
_FOR_GOOD = re.compile(
    r"\b(?:any ?more|any longer|ever(?: again)?|for good|permanently|for ?ever|completely|no longer|altogether)\b"
)
_NIGHT = re.compile(
    r"\bquiet (?:hours?|time)\b|\bdo not disturb\b|\bdnd\b|\b(?:at|in the|during the|through the|over) ?night\b"
    r"|\bovernight\b"
)
_HUSH = re.compile(r"\bquiet (?:hours?|time)\b|\bdo not disturb\b|\bdnd\b")
_NO_HUSH = re.compile(
    r"\b(?:no|without|remove|delete|cancel|end|stop|clear|drop|turn off|switch off|disable|lift)"
    r" (?:the |my |any |all |more )*(?:quiet (?:hours?|time)|do not disturb|dnd)\b"
    r"|\b(?:quiet (?:hours?|time)|do not disturb|dnd) (?:off|away)\b"
)
_CLOCK_SAID = r"(?=\d|noon|mid)(?!\d+ ?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b)"
_NOTHING = re.compile(
    r"^(?:(?:please|and|but|ok|hi|hello|,) )*(?:nothing|never|not)(?: please)?"
    rf" (?:after|before|between|from|until) {_CLOCK_SAID}"
    r"|\b(?:quiet|silent|silence) (?:please )?(?:(?:after|before|between|from|until) (?=\d|noon|mid)|at night|overnight"
    r"|(?=\d))"
)
"""Nothing after 9pm; other words beside it make it something else."""
_QUIET_FILLER = frozenset("nothing never not quiet silent silence keep stay".split())
_NIGHT_ITSELF = re.compile(r"\bnights?\b|\bovernight\b")
_CHANGE_VERBS = frozenset(
    "change move switch shift reschedule alter edit update push make set delay postpone bring".split()
)
_CHANGE = re.compile(
    r"\b(?:change|move|switch|shift|reschedule|alter|edit|update|push|delay|postpone|make (?:it|them|that|this|my"
    r"|the)|set (?:it|them) to|bring (?:it|them) forward|instead|rather than|too (?:early|late)|fewer|less often"
    rf"|(?:bit|little|hours?|minutes|much|{_NOUN}|ones?|it|them) (?:earlier|later))\b"
)
_CHANGE_TO = re.compile(
    r"\b(?:change|move|switch|shift|reschedule|update|push|make|set)\b.* (?:to|from|for|it|them|instead)\b"
)
_SHIFT = re.compile(r"\b(?:earlier|later|sooner|delay|forward|back)\b")
_NAMES_ONE = re.compile(rf"{_NOUN}|ones?")
_ADD = re.compile(
    r"\b(?:add|another|also|an extra|1 more|one more|additional|as well|too)\b(?! (?:early|late|many|much|often))"
)
_MEDICINE = re.compile(
    r"\b(?:tablets?|pills?|(?<!eye )medicines?|medications?|meds|steroids?|prednisolone|prednisone|antivirals?"
    r"|aciclovir|acyclovir|valaciclovir|paracetamol|ibuprofen|vitamins?|doses?|capsules?|painkillers?|injections?)\b"
)


def _is_meant(said: str, wrong: _Wrong) -> bool:
    """Whether what can't be asks for a reminder all by itself: "24/30" may be a score, and "all the time" an answer."""
    match wrong.key:
        case "too_often":
            return re.search(r"\d|\b(?:every|each)\b", wrong.said) is not None
        case "no_such_time":
            return said.startswith("at ") or re.search(r":|am$|pm$", wrong.said) is not None
        case "no_such_date":
            return re.search(_MONTH, wrong.said) is not None
        case "which_holidays":
            return re.match(r"(?:not?|never|nothing|except)\b", said) is not None
    return False


def _unknown(tokens: Sequence[_Token]) -> list[str]:
    """The words that are not a matter of course in a request."""
    words = [each.said if isinstance(each, _Word) else "" for each in tokens]
    return [
        word
        for word, after in itertools.pairwise([*words, ""])
        if word and word not in _FILLER and not (word == "i" and after in ("want", "need", "would", "wanna"))
    ]


def _asks(said: str, tokens: Sequence[_Token], heard: _Heard) -> bool:
    """Whether a message asks for reminders: it says so, or is nothing but times and what they are for."""
    if _CALL.search(said) or (_CALL_AT.search(said) and (heard.says_when or _DUE.search(said))):
        return True
    if _STATEMENT.search(said):
        return False
    if _SET.search(said) or (_NAMED.search(said) and (heard.says_when or heard.wrong)):
        return True
    unknown = set(_unknown(tokens))
    if unknown <= _CHANGE_VERBS | {"instead"} and _CHANGE_TO.search(said) and heard.says_when and "?" not in said:
        return True
    if unknown:
        return False
    if _REMINDER.search(said) or re.match(r"(?:please )?add\b", said):
        return True
    # Without a word of reminders a question is one about practice, and "or" asks, too.
    if "?" in said or any(isinstance(each, _Mark) and each.said == "or" for each in tokens):
        return False
    if heard.out or heard.off or (heard.only and heard.days) or heard.every or heard.rate:
        return True
    if heard.wrong and _is_meant(said, heard.wrong):
        return True
    if heard.times and all(each.vague for each in heard.times):
        wished = re.search(r"\b(?:every|each|please)\b|(?:morning|evening|afternoon|night)s\b", said)
        return bool(wished and heard.kinds and not heard.on)
    return bool(heard.times) and (bool(heard.kinds) or not all(each.bare for each in heard.times))


def _resume(said: str, tokens: Sequence[_Token], now: datetime) -> Request | Problem | None:
    """Reminders are to come again, now or from a day on."""
    found = _RESUME.search(said)
    if not found or _NO.search(said) or re.search(r"\boff\b(?! mute)", said):
        return None
    own_word = found[0].startswith("un") or "remind me again" in said
    if not own_word and not re.search(rf"\b(?:{_NOUN}|messages|reminding)\b", said):
        return None
    heard = _hear(tokens, now.date())
    if heard.says_when or heard.once or heard.days or heard.wrong:
        return None
    if heard.starts is None and heard.on:
        return Pause(heard.on[0].first, heard.kind) if heard.on[0].first > now.date() else Resume(heard.kind)
    if heard.starts is not None and heard.starts > now.date():
        return Pause(heard.starts, heard.kind)
    return Resume(heard.kind)


def _less(said: str, tokens: Sequence[_Token], now: datetime) -> Request | Problem | None:
    """Fewer reminders: none for a time, none any more, none on some days."""
    heard = _hear(tokens, now.date())
    if _HUSH.search(said) or (_NOTHING.search(said) and not set(_unknown(tokens)) - _QUIET_FILLER):
        dates = None if heard.says_when else _days_off(heard, now.date())
        return dates or _quiet(said, heard.kind, now)
    night = _NIGHT.search(said)
    delete, pause, no = _DELETE.search(said), _PAUSE.search(said), _NO.search(said)
    if not (delete or pause or no):
        return None
    if calls := _ASKED_FIRST.search(said):
        first = min(each.start() for each in (delete, pause, no) if each)
        if calls.start() < first:
            return Problem("one_at_a_time") if delete and _OBJECT.search(said, first) else None
    # "My last session before the holiday: pause the reminders" is of all of them.
    behind = said[min(each.start() for each in (delete, pause, no) if each) :]
    if _OBJECT.search(behind):
        heard.kinds = _hear(_tokens(behind, now), now.date()).kinds
    about = no or _OBJECT.search(said)
    if delete:
        named = about or (heard.times and not re.search(r"\b(?:them|those)\b", delete[0]))
        return _fewer(heard, Delete, now, said, delete["which"]) if named else None
    if not about and not _is_pause(said, tokens, heard):
        return None
    quiet = night or (_QUIET_HOURS.search(said) if heard.first or heard.times else None)
    if quiet and not heard.every:
        return _quiet(said, heard.kind, now)
    which = re.search(rf"\b(?:stop|off|mute|pause|disable|silence|no|any|end) ((?:[\w.:-]+ ){{0,5}}?){_THEM}\b", said)
    for_good = _FOR_GOOD.search(said) and heard.until is None and heard.length is None
    return _fewer(heard, Delete if for_good else Pause, now, said, which[1] if which else "")


def _quiet(said: str, kind: Kind | None, now: datetime) -> Quiet | Problem:
    """The hours without reminders; asked for when no time is said."""
    if _NO_HUSH.search(said):
        return Quiet(None, kind)
    begin: _Time | None = None
    end: _Time | None = None
    role = ""
    # Between two numbers "to" means hours here, and no "10 to 7".
    for token in _tokens(_FROM_TO.sub(r"between \1 and ", said), now):
        if isinstance(token, _Mark):
            role = "until" if token.name == "and" and role == "from" and begin else _QUIET_ROLES.get(token.name, role)
        elif isinstance(token, _Time):
            begin, end = (begin, end or token) if role == "until" else (begin or token, end)
        elif isinstance(token, _Wrong):
            return Problem(token.key, token.said)
        elif isinstance(token, _Date | _Length) or (isinstance(token, _Days) and token.days != EVERY_DAY):
            return Problem("not_offered", token.said)  # they are the same each day
    hours = _quiet_span(begin, end)
    if hours is None and _NIGHT_ITSELF.search(said):
        hours = (DAY_ENDS, DAY_BEGINS)
    return Quiet(hours, kind) if hours is not None else Problem("quiet_hours")


def _wish_with_quiet(said: str, now: datetime) -> Wish | Problem | None:
    """Reminders and the hours without them: "every 2 hours, but nothing between 10 and 7"; None for anything else."""
    found = _BUT_QUIET.search(said)
    if found is None:
        return None
    wish = _wish(said[: found.start()], _tokens(said[: found.start()], now), now)
    quiet = _quiet(found["quiet"], None, now)
    if not isinstance(quiet, Quiet) or not isinstance(wish, Wish):
        return quiet if isinstance(wish, Wish) and isinstance(quiet, Problem) else None
    return replace(wish, quiet=quiet.hours)


_BUT_QUIET = re.compile(
    r"(?:,|\bbut\b|\band\b)(?:[ ,]|\bbut\b|\band\b)+(?:nothing|never|not|quiet|silent|none|be quiet|no \w+)"
    rf" (?P<quiet>(?:(?:after|before|between|from) {_CLOCK_SAID}|at night|overnight)(?: ?(?!remind)[\w:.]+)*)$"
)
_FROM_TO = re.compile(r"(?:\b(?:from|between) )?\b(\d{1,2}(?:[:.]\d\d)?(?:am|pm)?) ?(?:to|-|until|and) ?(?=\d)")
_QUIET_ROLES = {"between": "from", "from": "from", "after": "from", "until": "until", "to": "until", "before": "until"}
_SHORT = 4 * 60
"""Minutes; hours that are longer than that are taken for the night, where they may be either."""


def _quiet_span(begin: _Time | None, end: _Time | None) -> Span | None:
    """The quiet hours that were said: those of the night where a bare hour leaves the choice and they are long."""
    if begin is None and end is None:
        return None
    begins = sorted(begin.options, reverse=True) if begin else [_MIDNIGHT]
    ends = sorted(end.options) if end else [QUIET_ENDS]

    def unlikely(span: Span) -> tuple[bool, int, int]:
        first, last = (each.hour * 60 + each.minute for each in span)
        minutes = (last - first) % (24 * 60)
        by_day = DAY_BEGINS <= span[0] < DAY_ENDS and first < last
        return minutes == 0, int(by_day != (minutes <= _SHORT)), minutes

    chosen = min(((first, last) for first in begins for last in ends), key=unlikely)
    return chosen if chosen[0] != chosen[1] else None


def _days_off(heard: _Heard, today: date) -> DaysOff | Problem | None:
    """The dates that are to be without reminders; None when none are named, or they begin at once: that is a pause."""
    spans = [(each.first, each.last) for each in (*heard.off, *heard.on)]
    once = [number for each in heard.once for number in sorted(each.days)]
    spans += [(day, day) for day in (_next_day(number, today) for number in once)]
    if heard.starts is not None and heard.starts > today:
        last = heard.until.last if heard.until else heard.ends
        if last is None and heard.length is not None:
            last = heard.length.after(heard.starts) - timedelta(days=1)
        if last is None:
            return Problem("until_when")
        if last < heard.starts:
            return Problem("ends_first", heard.until.said if heard.until else "")
        spans.append((heard.starts, last))
    if not spans or heard.says_when:
        return None
    past = next((each for each in (*heard.off, *heard.on) if each.last < today), None)
    if past is not None:
        return Problem("past", past.said)
    days = sorted({day for first, last in spans for day in _each_day(max(first, today), last)})
    return DaysOff(tuple(days), heard.kind) if len(days) <= MOST_DAYS_OFF else Problem("until_when")


def _each_day(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=each) for each in range(min((last - first).days, MOST_DAYS_OFF) + 1))


def _is_pause(said: str, tokens: Sequence[_Token], heard: _Heard) -> bool:
    """Whether a pause is meant where no reminder is named: "stop for a week"; never the stopping of eye drops."""
    if "?" in said or [word for word in _unknown(tokens) if word not in _PAUSE_WORDS]:
        return False
    lasts = heard.until is not None or heard.length is not None
    if heard.kinds:
        gentle = re.search(r"\b(?:pause|mute|suspend|freeze|hold off)\b", said)
        return lasts and (heard.kind != "eye_drops" or gentle is not None)
    return lasts or re.search(r"\b(?:pause|mute|hush|silence)\b.*\b(?:them|everything|all)\b", said) is not None


_PAUSE_WORDS = frozenset(
    "pause stop halt hold off suspend mute silence freeze hush break rest take everything bit while".split()
)


def _fewer(heard: _Heard, sort: type[Pause] | type[Delete], now: datetime, said: str, which: str) -> Request | Problem:
    """The request for fewer reminders. `which` are the words that say which; what isn't understood there is asked."""
    today = now.date()
    if heard.wrong:
        return Problem(heard.wrong.key, heard.wrong.said)
    if len(heard.kinds) > 1:
        return Problem("one_at_a_time", " and ".join(heard.kinds.values()))
    if not heard.kinds:
        named = re.sub(r"\b(?:every|all|of|more|any|those)\b", " ", which)
        unclear = which.strip() if _unknown(_tokens(named, now)) else _clause(_tokens(said, now), ("to", "about"))
        if unclear:
            return Problem("what", unclear)
    if heard.out and sort is Pause:
        return Wish(heard.kind or "exercises", days=frozenset(heard.out), kind_guessed=not heard.kinds, manner="change")
    if heard.days:
        days = EVERY_DAY - heard.days
        if not days:
            return Problem("which_day")
        return Wish(
            heard.kind or "exercises", days=days, kind_guessed=not heard.kinds, manner="change", is_exception=True
        )
    until = _pause_end(heard, today)
    if heard.last:
        return Problem("not_offered", heard.last.said)
    ahead = heard.once or (heard.starts and heard.starts > today) or any(each.first > today for each in heard.on)
    if ahead and (off := _days_off(heard, today)) is not None:
        return off
    if sort is Delete and heard.on:
        return Pause(today + timedelta(days=1), heard.kind)
    if heard.times:
        if until is not None or len(heard.times) > 1:
            return Problem("not_offered" if until else "one_at_a_time", " and ".join(each.said for each in heard.times))
        return Delete(heard.kind, _only(heard.times[0]))
    if sort is Delete:
        return Delete(heard.kind)
    if until is not None and until <= today:
        return Problem("past", heard.until.said if heard.until else "")
    if until is None and (short := re.search(r"\bfor (?:\d+|an?|half an?) (?:minutes?|hours?)\b", said)):
        return Problem("not_offered", short[0])
    return Pause(until, heard.kind)


def _pause_end(heard: _Heard, today: date) -> date | None:
    """The day on which reminders come back."""
    if heard.until:
        return heard.until.first
    if heard.length:
        return heard.length.after(today)
    if heard.on:
        return heard.on[0].first + timedelta(days=1)
    return heard.ends + timedelta(days=1) if heard.ends else None


def _wish(said: str, tokens: Sequence[_Token], now: datetime) -> Request | Problem | None:
    """The reminders that are asked for, or what must be asked back."""
    today = now.date()
    heard = _hear(tokens, today)
    if not _asks(said, tokens, heard):
        return None
    manner: Manner = "change" if _CHANGE.search(said) else "add" if _ADD.search(said) else "set"
    only: Span | None = None
    if manner == "change":
        old, new = _old_and_new(tokens)
        meant = [each for each in (*_hear(old, today).times, _hear(old, today).first) if each]
        only = _only(meant[0]) if meant else None
        heard = replace(_hear(new, today), kinds=heard.kinds, wrong=heard.wrong)
    if heard.off and not heard.says_when and not heard.wrong and (days := _days_off(heard, today)) is not None:
        return days
    so_far = Wish(heard.kind or "exercises", kind_guessed=not heard.kinds, manner=manner, only=only)
    fault = _unclear(said, tokens, heard)
    if fault is None:
        so_far, fault = _dated(so_far, heard, today)
    if fault is None:
        so_far, fault = _timed(so_far, heard, said, now)
    if fault is None and so_far.kind == "appointment" and so_far.on is None and not (heard.days or heard.once):
        fault = Problem("which_day")
    if fault is None:
        return so_far
    # "At 8 this morning" alone is no wish that came too late: it tells when something was.
    if fault.key == "past" and not (_CALL.search(said) or _REMINDER.search(said) or re.search(_MONTH, fault.detail)):
        return None
    return replace(fault, so_far=so_far)


def _old_and_new(tokens: Sequence[_Token]) -> tuple[Sequence[_Token], Sequence[_Token]]:
    """What is said of a reminder as it is, and what of it as it shall be: "my 8am one | to 9"."""
    for at, token in enumerate(tokens):
        if isinstance(token, _Mark) and token.name in ("to", "for", "instead"):
            after = next((each for each in tokens[at + 1 :] if not _is_link(each)), None)
            if isinstance(after, _Time | _Part | _Every | _Rate | _Days | _Date):
                before, behind = tokens[:at], tokens[at + 1 :]
                return (behind, before) if token.name == "instead" else (before, behind)
    words = [each.said if isinstance(each, _Word) else "" for each in tokens]
    verb = max((at for at, word in enumerate(words) if word in _CHANGE_VERBS), default=-1)
    noun = next((at for at, word in enumerate(words) if at > verb and _NAMES_ONE.fullmatch(word)), verb)
    return tokens[:noun], tokens[noun + 1 :]


def _unclear(said: str, tokens: Sequence[_Token], heard: _Heard) -> Problem | None:
    """What can't be set as it was said, whatever the time."""
    clause = _clause(tokens)
    if (_MEDICINE.search(said) and not _is_visit(heard)) or (clause and not heard.kinds):
        return Problem("what", clause)
    if heard.wrong:
        return Problem(heard.wrong.key, heard.wrong.said)
    if no_day := _no_day(tokens):
        return Problem("which_day", no_day)
    if len(heard.kinds) > 1:
        return Problem("one_at_a_time", " and ".join(heard.kinds.values()))
    if len(heard.order) > 3:
        return Problem("one_at_a_time")
    return None


def _no_day(tokens: Sequence[_Token]) -> str:
    """The words "on mars", where a day should stand; empty when there are no such."""
    for before, on, name, after in zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], None], strict=False):
        stands_for_a_day = isinstance(before, _Time) or before.said in _BETWEEN_NUMBERS
        is_name = isinstance(name, _Word) and name.said.isalpha() and name.said not in _FILLER | _ON_THAT
        ends = after is None or isinstance(after, _Time | _Mark) or after.said in ("at", "?", "please")
        if stands_for_a_day and on.said == "on" and is_name and ends:
            return f"on {name.said}"
    return ""


_ON_THAT = frozenset("here telegram whatsapp phone mobile time purpose repeat schedule top waking properly".split())


def _is_visit(heard: _Heard) -> bool:
    """Whether it is an appointment, which may be for an injection."""
    return heard.kind == "appointment"


def _clause(tokens: Sequence[_Token], begins: tuple[str, ...] = ("to", "for", "about", "of", "that")) -> str:
    """What a reminder shall be of, in the person's words; empty when nothing or only "it" is named."""
    for at, token in enumerate(tokens):
        if isinstance(token, _Mark | _Word) and token.said in begins:
            run = list(itertools.takewhile(_goes_on, tokens[at + 1 :]))
            if _unknown(run):
                return " ".join(each.said for each in run)
    return ""


def _goes_on(token: _Token) -> bool:
    return isinstance(token, _Word) and token.said not in ("at", "on", "every", "each", "in", "?")


def _dated(wish: Wish, heard: _Heard, today: date) -> tuple[Wish, Problem | None]:
    """The wish with its days and dates."""
    on, once = [each.first for each in heard.on], list(heard.once)
    weekdays = {number for each in once for number in each.days}
    if on and once:
        if any(day.weekday() not in weekdays for day in on):
            return wish, Problem("which_date", f"{once[0].said} {heard.on[0].said}")
        weekdays, once = set(), []
    weekly = heard.rate is not None and heard.rate.per == "week"
    starts, lasts = heard.starts, heard.until is not None or heard.length is not None
    if len(on) > 1:
        return wish, Problem("one_at_a_time", " and ".join(each.said for each in heard.on))
    if on and on[0] < today:
        return wish, Problem("past", heard.on[0].said)
    if on and lasts:
        starts, on = on[0], []
    repeated = (
        wish.kind == "check_in"
        or len(weekdays) > 1
        or heard.days
        or lasts
        or starts
        or weekly
        or wish.manner == "change"
    )
    if len(weekdays) == 1 and not repeated and not heard.only:
        on, weekdays = [_next_day(next(iter(weekdays)), today)], set()
    days = (frozenset(heard.days | weekdays) or EVERY_DAY) - heard.out
    ends = heard.ends
    if heard.length:
        ends = heard.length.after(starts or today) - timedelta(days=1)
    wish = replace(
        wish, days=days, on=on[0] if on else None, starts=starts if starts and starts > today else None, ends=ends,
        days_off=frozenset(day for each in heard.off for day in _each_day(each.first, each.last) if day >= today),
        is_exception=bool(heard.out),
    )  # fmt: skip
    if starts and starts < today:
        return wish, Problem("past", heard.start_said)
    if ends and ends < today:
        return wish, Problem("past", heard.until.said if heard.until else "")
    if ends and starts and ends < starts:
        return wish, Problem("ends_first", heard.until.said if heard.until else "")
    chosen = len(heard.days | weekdays)
    if not days or (
        weekly and heard.rate and chosen != heard.rate.count and not on and (chosen == 0 or heard.rate.count > 1)
    ):
        return wish, Problem("which_day")
    return wish, None


def _timed(wish: Wish, heard: _Heard, said: str, now: datetime) -> tuple[Wish, Problem | None]:
    """The wish with its times, or its interval."""
    times = [_leaning(each, said, heard) for each in heard.times]
    if heard.every is None:
        if heard.first:
            times.append(replace(heard.first, options=(_begin(heard.first, heard.last),)))
        if heard.rate and heard.rate.per == "day" and not times:
            return replace(wish, times=_times_of_rate(heard.rate.count)), None
        if not times and _SHIFT.search(said):
            return wish, Problem("when")
        if not times:
            only_days = heard.out or (heard.only and wish.days != EVERY_DAY) or wish.manner == "change"
            changes = wish.days != EVERY_DAY or wish.ends or wish.starts
            return (replace(wish, manner="change"), None) if only_days and changes else (wish, Problem("when"))
        if heard.rate and heard.rate.per == "day" and heard.rate.count not in (1, len(times)):
            return wish, Problem("when")
    else:
        span = _hours(heard, heard.every.minutes)
        if span is None:
            return wish, Problem("not_offered", " to ".join(each.said for each in (heard.first, heard.last) if each))
        if _count(*span, heard.every.minutes) + len(times) > MOST_A_DAY:
            return wish, Problem("too_often", heard.every.said)
        wish = replace(wish, every_minutes=heard.every.minutes, first=span[0], last=span[1])
    if wish.on == now.date():
        times = _still_to_come(times, now)
    meant = _meant(times)
    wish = replace(wish, times=tuple(sorted(set(meant))))
    if len(wish.times) > MOST_A_DAY:
        return wish, Problem("too_often", f"{len(wish.times)} times")
    latest = max((*wish.times, *((wish.last,) if wish.last else ())))
    if wish.on == now.date() and latest <= now.time():
        return wish, Problem("past", (times[-1] if times else heard.last or heard.times[-1]).said)
    return wish, None


def _leaning(at: _Time, said: str, heard: _Heard) -> _Time:
    """The time as what it is for suggests: an eye is taped for the night, and people wake in the morning."""
    if len(at.options) < 2:
        return at
    taped = any(each.startswith(("tap", "patch")) for each in heard.kinds.values())
    if taped and at.options[0].hour >= 7:
        return replace(at, options=tuple(sorted(at.options, reverse=True)))
    if re.search(r"\bwake\b|\bwaking\b", said) and at.options[0].hour != 12:
        return replace(at, options=tuple(sorted(at.options)))
    return at


def _begin(first: _Time, last: _Time | None) -> time:
    """The first of two times with nothing between: "between 5 and 6"."""
    pairs = [
        (one + other, begin)
        for (one, begin), (other, end) in itertools.product(
            enumerate(first.options), enumerate(last.options if last else ())
        )
        if begin < end
    ]
    return min(pairs)[1] if pairs else first.options[0]


# --- moves -----------------------------------------------------------------------------------------------------------

_ARRIVED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:^|\b(?:ive|i have|i|weve|we have|we) |, )(?:just |now |recently |finally |already )*(?:moved|relocated"
        r"|emigrated|flown|travelled|traveled|flew) (?:back |over |out |house )*to (?P<rest>.+)",
        r"(?:^|\b(?:ive|i have|i|im|i am|weve|we have|we) )(?:just |now |safely )*(?:landed|arrived"
        r"|touched down) (?:back )?(?:in|at) (?P<rest>.+)",
        r"\b(?:im|i am|we are|were) (?:now |just |currently )*(?:back|back home|home) in (?P<rest>.+)",
        r"\b(?:im|i am|we are) (?:now|currently|presently|still|already|actually)(?: living| staying| based"
        r"| back)? in (?P<rest>.+)",
        r"\b(?:im|i am|we are|were) (?:living|staying|based|working|visiting|on holidays?|on vacation|travelling"
        r"|traveling) (?:in )?(?P<rest>.+)",
        r"\bi (?:now )?live in (?P<rest>.+)",
        r"\b(?:change|set|switch|update|put|move|make|fix) (?:my |the )?(?:time ?zone|clock|location|city"
        r"|country) (?:to|as|for) (?P<rest>.+)",
        r"\b(?:my (?:new |current )?time ?zone|my (?:new |current )?(?:location|city)(?= is)"
        r"|the time ?zone(?= is))(?: has changed to| is now| is| now)? (?P<rest>.+)",
    )
)
_THERE = re.compile(r"\b(?:im|i am|we are) (?:here |over |out )*in (?P<rest>.+)")
_CLOCK_OF = re.compile(r"\b(?:use|on|its|it is|to) (?P<rest>[\w ]{3,30}) time(?: zone)?(?: now| please)?$")
_NOW = re.compile(r"\b(?:now|today|currently|at the moment|this week|this month|until|these days|at present)\b")
_NOT_YET = re.compile(
    r"\b(?:tomorrow|next (?:week|month|year|\w+day)|soon|in (?:a|\d+) (?:days?|weeks?|months?)|going to)\b"
)
_PLACE_ENDS = frozenset(
    "now at currently this today until for since and but so because with where please again from these as right "
    "while on just tonight here if can could then my remind is was every all too last yesterday to will atm do i "
    "im ive the ? , how what when though also or not a an in it its has".split()
)
_NO_PLACE = frozenset(
    "pain agony hospital bed tears bits trouble shock despair love recovery remission surgery work class school "
    "uni a an my the your his her this that no some such constant severe terrible awful serious so week stage "
    "month day two too 1 2 3 denial limbo danger crisis distress need doubt doubts fear hope control charge touch "
    "pieces stitches theatre therapy treatment physio clinic icu labour bath shower car house home hurry rush "
    "mess state dark mood line town office garden meeting meetings lockdown isolation quarantine resus ward "
    "prison court private public mourning debt shape good bad great poor fine not wrong wrong? different step "
    "next exercise exercises set training flat hysterics agonies extreme total absolute complete real much more "
    "between phase wheelchair nhs care".split()
)


def _move(said: str, is_place: Callable[[str], bool] | None) -> Move | Problem | None:
    """A place where the person is now; not one they were in or will be in, and no state such as pain."""
    for pattern in (*_ARRIVED, _THERE, _CLOCK_OF):
        found = pattern.search(said)
        if not found or _NOT_YET.search(found["rest"]):
            continue
        place, known, behind = _place(found["rest"], is_place)
        # "We moved to york, which surgery takes new patients" asks for something else.
        if not place or (len(behind) > _FEW_WORDS and not _ABOUT_TIME.search(" ".join(behind))):
            continue
        if known or pattern in _ARRIVED or (pattern is _THERE and _NOW.search(found["rest"])):
            return Move(place)
    return Problem("where") if _ZONE.search(said) and not _NO_REQUEST.search(said) else None


_FEW_WORDS = 4
_ABOUT_TIME = re.compile(rf"\b(?:remind|{_NOUN}|messages?|times?|zone|clock|hours?)")
_ZONE = re.compile(
    r"\b(?:change|set|switch|update|fix|correct|different|new|move)\b.*\btime ?zones?\b|\btime ?zone\b.*\bwrong\b"
)


def _place(rest: str, is_place: Callable[[str], bool] | None) -> tuple[str, bool, list[str]]:
    """The name at the beginning of the words, whether it is known for a place, and the words behind it.

    The name is empty when it can't be one.
    """
    words = rest.replace(",", " , ").split()
    words = words[1:] if words[:1] == ["the"] else words
    for end in range(min(len(words), _LONGEST_PLACE) if is_place else 0, 0, -1):
        name = " ".join(words[:end]).replace(" ,", ",").strip(" ,?")
        goes_on = end < len(words) and words[end] not in _PLACE_ENDS  # as in "york hospital"
        if is_place and name and not goes_on and is_place(name):
            return name, True, words[end:]
    named = list(itertools.takewhile(lambda word: word not in _PLACE_ENDS, words))
    if not named or len(named) > _FEW_WORDS or ({named[0], named[-1]} - {"town"}) & _NO_PLACE or named[0][0].isdigit():
        return "", False, []
    return " ".join(named), False, words[len(named) :]


_LONGEST_PLACE = 7
