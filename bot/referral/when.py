"""Dates and lengths of time as letters write them: "12/09/2026", "3/52", "since last Tuesday", "a six-month history".

A day comes before its month. "3/7" is three days, "3/52" three weeks and "3/12" three months. What can't be read as a
time is left alone: grades ("5/6"), blood pressures and scores are not times.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sept sep", "october oct", "november nov", "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_DAYS = {
    name: number
    for number, names in enumerate(
        ("monday mon", "tuesday tues tue", "wednesday weds wed", "thursday thurs thur thu", "friday fri",
         "saturday sat", "sunday sun")
    )
    for name in names.split()
}  # fmt: skip
_NUMBERS = {
    word: float(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"a": 1.0, "an": 1.0, "couple": 2.0, "few": 3.0, "several": 4.0, "half": 0.5, "half a": 0.5}
_UNITS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "fortnight": 14.0, "month": 30.44, "year": 365.25}
_SHORT_UNITS = {
    "h": "hour", "hr": "hour", "hrs": "hour", "d": "day", "w": "week", "wk": "week", "wks": "week", "m": "month",
    "mth": "month", "mths": "month", "mo": "month", "mos": "month", "y": "year", "yr": "year", "yrs": "year",
}  # fmt: skip
_OVER = {"7": "day", "52": "week", "12": "month"}

DAYS_AND_MONTHS = frozenset(_DAYS) | frozenset(_MONTHS)
"""Names that a number after them makes a date of."""
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_CAPITAL_MONTH = "|".join(name.capitalize() for name in sorted(_MONTHS, key=len, reverse=True)
                          if name not in ("may", "march", "mar"))  # fmt: skip
"""May and March are words too; they need a word before them."""
_CAPITAL_WEEKDAY = "|".join(
    name.capitalize() for name in sorted(_DAYS, key=len, reverse=True) if name not in ("sun", "sat")
)
_LONG_WEEKDAY = "|".join(name for name in sorted(_DAYS, key=len, reverse=True) if name not in ("sun", "sat", "wed"))
_NUMBER = r"\d{1,3}(?:\.\d)?|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)).replace(" ", r"\s+")
_COUNTS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}
_NTH = {
    word: number
    for number, word in enumerate(
        "second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 2
    )
}
"""Not "first": the first week of something is seldom now."""
_MOST_ORDINAL = 15
_NOT_NOW = "".join(
    rf"(?<!\b{before}\ )"
    for before in (
        "every", "each", "until", r"until\ the", "by", r"by\ the", "next", "this", "last", r"again\ at", r"again\ in",
        r"seen\ at", r"review\ at", r"review\ in", r"review\ in\ the",
    )
)  # fmt: skip
"""What stands before a week that is a rhythm or still to come."""
_COUNT, _ORDINAL = "|".join(_COUNTS), "|".join(_NTH)
_UNIT = r"hours?|hrs?|h|days?|d|weeks?|wks?|w|fortnights?|months?|mths?|mos?|m|years?|yrs?|y"

_TIMES = re.compile(
    rf"""
      (?P<iso>\b(?P<iy>(?:19|20)\d\d)-(?P<im>\d\d)-(?P<id>\d\d)\b)
    | (?P<dmy>(?<![\d/.])(?P<dd>\d{{1,2}})\s?(?P<ds>[./-])\s?(?P<dm>\d{{1,2}})\s?(?P=ds)\s?
        (?P<dy>(?:19|20)\d\d|\d\d)(?![\d/]))
    | (?P<named>(?<!\d)(?P<nd>\d{{1,2}})(?:st|nd|rd|th)?\s*(?:of\s+)?[-\s]?(?P<nm>{_MONTH})\b\.?
        (?:[,\s-]*(?P<ny>(?:19|20)\d\d|\d\d(?!\d|\s*(?:am|pm|:))))?)
    | (?P<holiday>\b(?P<hname>(?:spring|may|august|summer)\s+bank\s+holiday|easter(?:\s+(?:sunday|weekend))?
        |good\s+friday|christmas(?:\s+(?:day|eve))?|boxing\s+day|new\s+year(?:['’]?s)?(?:\s+(?:day|eve))?|halloween)\b
        (?:\s+(?:of\s+)?(?P<hy>(?:19|20)\d\d))?)
    | (?P<month_then_day>\b(?P<tm>{_MONTH})\.?,?\s+(?:on\s+)?the\s+(?P<tdd>\d{{1,2}})(?:st|nd|rd|th)\b)
    | (?P<weekday_the>\b(?P<wd>{_WEEKDAY}),?\s+(?:the\s+)?(?P<wdd>\d{{1,2}})(?:st|nd|rd|th)\b
        (?!\s*(?:of\s+)?(?:{_MONTH})\b))
    | (?P<before_last>\b(?:the\s+)?(?:(?P<bd>{_WEEKDAY})|(?P<bw>week|weekend|month))\s+before\s+last\b)
    | (?P<week_last>\b(?:a\s+)?week\s+(?:ago\s+)?(?:last|on|ago|past)\s+(?P<ld>{_WEEKDAY})\b)
    | (?P<american>\b(?P<am>{_MONTH})\.?\s+(?P<ad>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*(?:{_UNIT})\b)
        (?:,?\s+(?P<ay>(?:19|20)\d\d))?)
    | (?P<part_of_month>\b(?:(?:in|since|from|during)\s+)?(?:the\s+)?
        (?P<pw>first|1st|second|2nd|third|3rd|fourth|4th|last|early|mid|middle|late|end)\s+
        (?:(?:few\s+)?days?\s+|week(?:end)?\s+|part\s+|half\s+)?(?:of\s+|in\s+)?(?P<pm>{_MONTH})\b\.?,?
        (?:\s+(?:of\s+)?(?:(?P<py>(?:19|20)\d\d)|(?P<pyr>this|last)\s+year))?)
    | (?P<first_of>\b(?:the\s+)?(?P<fo>first|1st|second|2nd|third|3rd|\d{{1,2}}th)\s+of\s+
        (?:(?P<fom>{_MONTH})|this\s+month)\b)
    | (?P<month_of_year>\b(?:(?:in|since|from|during|of|at|about|around|last)\s+)?
        (?:(?P<rmw>early|mid|late|end\s+of|beginning\s+of|start\s+of)[\s-]+)?
        (?P<rmm>{_MONTH})\.?,?\s+(?:of\s+)?(?:(?P<rmy>this|last)\s+year|['’](?P<rms>\d\d))\b)
    | (?P<season_of_year>\b(?:(?P<ssw>early|mid|late|end\s+of|start\s+of)[\s-]+)?
        (?P<ssn>spring|summer|autumn|fall|winter)(?:\s+(?:term\s+)?(?:of\s+)?)(?:(?P<ssy>(?:19|20)\d\d)|(?P<ssr>this|last)\s+year)\b)
    | (?P<part_of_year>\b(?:in|since|from)\s+(?P<yw>early|mid|late)[\s-]+(?P<ywy>(?:19|20)\d\d)\b)
    | (?P<month>\b(?:(?P<mw>early|mid|late|end\s+of|beginning\s+of|start\s+of)[\s-]+)?
        (?P<mm>{_MONTH})\.?[\s,-]+(?P<my>(?:19|20)\d\d)\b)
    | (?P<numeric_month>(?<![\d/.])(?P<xm>0?[1-9]|1[0-2])/(?P<xy>(?:19|20)\d\d)(?![\d/]))
    | (?P<over>(?<![\d/.])(?P<on>\d{{1,2}}(?:\.5)?)(?:\s?(?:-|–|to)\s?\d{{1,2}})?\s?/\s?
        (?P<oo>7|52|12)(?![\d/.]\d|\d|/))
    | (?P<for>(?:(?<![\w./])|(?<=\bx))(?:(?:a|the)\s+)?(?P<fn>{_NUMBER})(?:\s+(?:and\s+a\s+half|or\s+so|of))?
        (?:\s*(?:-|–|to|or)\s*(?:{_NUMBER}))?\+?[\s-]*(?P<fu>{_UNIT})\b(?:['’]s?)?
        (?!\s*(?:old|of\s+age|/|[MF]\b|(?:fe)?male|lady|gentleman|man\b|woman|girl|boy)))
    | (?P<weeks_old>\b(?P<an>{_NUMBER})[\s-]+(?P<au>days?|weeks?|wks?)[\s-]+old\b
        (?!\s+(?:baby|infant|boy|girl|son|daughter|child|neonate|twin|fe?male)))
    | (?P<week_n>{_NOT_NOW}
        \b(?:(?:week|wk|(?P<wm>month))\s+(?P<wn>\d{{1,2}}|{_COUNT})
        |(?P<wnth>\d{{1,2}}(?:st|nd|rd|th)|{_ORDINAL})\s+(?:week|(?P<wmth>month)))\b
        (?!\s+(?:(?:of|on|off)\s+)?(?:(?:the|her|his|their)\s+)?(?:gestat|antenat|postpart|pred|steroid|acic|antib|sick|leave|holiday))(?!\s*(?:/|-|review|check|scan|follow|appointment|course|of\s+(?:(?:the|her|his|their)\s+)?
           (?:pred|steroid|treatment|antiv|acicl|month|course|pregnan|exerc|therap|programme|program|life))))
    | (?P<day_n>(?<!\bby\ )(?<!\bfrom\ )(?<!\buntil\ )\b(?:(?:post[\s-]?op(?:erative)?\s+)?day\s+(?P<dn>\d{{1,3}})
        |(?P<dnth>\d{{1,2}})(?:st|nd|rd|th)\s+day)\b
        (?!\s*(?:of\s+)?(?:pred|aciclovir|antibio|steroid|treatment|\d)))
    | (?P<relative_weekday>\b(?:(?P<rw>last|this|on|since|past|previous|onset:?)\s+)(?:(?:the|past)\s+)?
        (?P<rd>{_WEEKDAY})\b(?!,?\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)|\s+before\s+last|,?\s+(?:the\s+)?\d{{1,2}}\s+(?:of\s+)?(?:{_MONTH})\b|,?\s+\d{{1,2}}[/.]\d)(?P<rweek>\s+(?:last\s+week|week))?)
    | (?P<today>\b(?:today|this\s+(?:morning|afternoon|evening|am|pm)|tonight|earlier\s+today)\b)
    | (?P<yesterday>\b(?:yesterday|last\s+night|last\s+evening)\b)
    | (?P<season>\b(?:since|in|from|during|of|after)\s+(?:the\s+|last\s+|this\s+)?
        (?:(?P<sw>early|mid|late|middle\s+of\s+the|end\s+of\s+the|start\s+of\s+the|beginning\s+of\s+the)[\s-]+)?(?P<sn>spring|summer|autumn|fall|winter)\b(?:\s+(?:of\s+)?(?P<sy>(?:19|20)\d\d))?)
    | (?P<last>\b(?:(?:last|past)\s+(?P<lu>week|weekend|month|year|summer|spring|winter|autumn|fall|christmas)
        |over\s+the\s+weekend)\b)
    | (?P<in_month>\b(?:(?:in|since|last|from|during|of|at)\s+)?(?:the\s+)?(?<=\s)
        (?P<ow>early|mid(?:dle\s+of)?|late|last|end\s+of|beginning\s+of|start\s+of|(?<=in\s)|(?<=since\s)|(?<=last\s)|(?<=from\s)|(?<=during\s)|(?<=of\s))[\s-]*
        (?P<om>{_MONTH})\b\.?(?![\s,-]*(?:(?:19|20)\d\d|\d{{1,2}}\b)))
    | (?P<year>\b(?:(?:in|since|from|during|of|at)\s+|[(,]\s?|(?<=\s))(?P<yy>(?:19|20)\d\d)\b(?!\s?[/-]\s?\d))
    | (?P<day_month>\b(?:on|since|from|onset:?|started|began)\s+(?:the\s+)?
        (?P<sd>\d{{1,2}})\s?/\s?(?P<sm>\d{{1,2}})(?![\d/]))
    | (?P<bare_day_month>(?<![\d/.])(?P<bd1>\d{{1,2}})/(?P<bd2>\d{{1,2}})(?![\d/.]))
    | (?P<weekday>\b(?:(?P<lastward>{_LONG_WEEKDAY})\s+(?:last(?!\s+week)|gone|past|onwards?)
        |(?-i:(?P<bare>{_CAPITAL_WEEKDAY}))(?:\s+(?:morning|afternoon|evening|night|am|pm))?)\b
        (?!,?\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)|\s+(?:clinic|list|session)))
    | (?P<bare_month>(?<![-\w])(?:(?-i:(?P<bm>{_CAPITAL_MONTH}))
        |(?:in|since|about|around|from|by|op)\s+(?P<bmm>may|march))\b\.?(?!\s+(?:be|have|need|not|help|[A-Z][a-z]))
        (?![\s,-]*(?:(?:19|20)\d\d|\d{{1,2}}\b|['’]\d)))
    | (?P<on_the>\b(?:on|since|from|(?:morning|evening|night|afternoon)\s+of)\s+the\s+
        (?P<td>\d{{1,2}})(?:st|nd|rd|th)\b(?!\s+(?:of|{_MONTH})))
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class When:
    """A time that a letter names: the day, whether it is that very day, and where it stands in the text.

    `days` is the length when one was written ("3/52"), else None. `year_only` marks a bare year; `named` is False for
    "today" and the like.
    """

    day: date
    exact: bool
    start: int
    end: int
    days: float | None = None
    year_only: bool = False
    named: bool = True


def times(text: str, base: date) -> Iterator[When]:
    """Every time that the text names, in order; lengths are counted back from the base day.

    Args:
        text: the letter, or a part of it.
        base: the day the letter was written; what it calls "today".
    """
    for found in _TIMES.finditer(text):
        kind = next(name for name in _READERS if found[name])
        try:
            when = _READERS[kind](found, base)
        except (ValueError, OverflowError):
            continue
        if when is None:
            continue
        day, exact, days = when
        if date(1900, 1, 1) <= day <= base + timedelta(days=400):
            yield When(day, exact, found.start(), found.end(), days, kind == "year", kind not in _BY_THE_WAY)


_BY_THE_WAY = frozenset({"today", "yesterday", "last"})
"""Times that name no day: "today" is more often that of a visit than of a beginning."""

type _Read = tuple[date, bool, float | None] | None


def _full(year: str, month: int, day: int) -> date:
    number = int(year)
    return date(number + (2000 if number < 100 else 0) - (100 if 40 < number < 100 else 0), month, day)


def _iso(found: re.Match[str], base: date) -> _Read:
    return date(int(found["iy"]), int(found["im"]), int(found["id"])), True, None


def _dmy(found: re.Match[str], base: date) -> _Read:
    day, month = int(found["dd"]), int(found["dm"])
    if month > 12 >= day:  # only possible month first
        day, month = month, day
    return _full(found["dy"], month, day), True, None


def _latest(month: int, day: int, base: date) -> date:
    """The last such day up to the base day."""
    year = base.year if (month, day) <= (base.month, base.day) else base.year - 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def _named(found: re.Match[str], base: date) -> _Read:
    month, day = _MONTHS[found["nm"].lower()], int(found["nd"])
    return (_full(found["ny"], month, day) if found["ny"] else _latest(month, day, base)), True, None


def _american(found: re.Match[str], base: date) -> _Read:
    month, day = _MONTHS[found["am"].lower()], int(found["ad"])
    return (_full(found["ay"], month, day) if found["ay"] else _latest(month, day, base)), True, None


def _within(year: int, month: int, part: str | None, base: date) -> date:
    word = (part or "").lower().split()
    day = {"early": 5, "beginning": 3, "start": 3, "late": 25, "end": 28}.get(word[0] if word else "", 15)
    return min(date(year, month, day), base) if (year, month) == (base.year, base.month) else date(year, month, day)


def _month(found: re.Match[str], base: date) -> _Read:
    return _within(int(found["my"]), _MONTHS[found["mm"].lower()], found["mw"], base), False, None


def _numeric_month(found: re.Match[str], base: date) -> _Read:
    return _within(int(found["xy"]), int(found["xm"]), None, base), False, None


def _in_month(found: re.Match[str], base: date) -> _Read:
    month = _MONTHS[found["om"].lower()]
    part = (found["ow"] or "").lower()
    if part and part != "last" and month != base.month:
        return _within(base.year if month < base.month else base.year - 1, month, part, base), False, None
    if month == base.month:
        if "last" in found.group().lower():
            return _within(base.year - 1, month, None, base), False, None
        return _within(base.year, month, "early", base), False, None
    return _within(base.year if month < base.month else base.year - 1, month, None, base), False, None


_SEASONS = {"spring": 4, "summer": 7, "autumn": 10, "fall": 10, "winter": 1}
_PARTS = {
    "first": 3, "1st": 4, "early": 5, "second": 11, "2nd": 11, "mid": 15, "middle": 15, "third": 18, "3rd": 18,
    "late": 25, "fourth": 25, "4th": 25, "last": 27, "end": 28,
}  # fmt: skip
_ORDINALS = {"first": 1, "second": 2, "third": 3}


def _part_of_month(found: re.Match[str], base: date) -> _Read:
    """Read "the first days of June": a day in that part of it, of the last such month when no year is named."""
    month, day = _MONTHS[found["pm"].lower()], _PARTS[found["pw"].lower()]
    if found["py"]:
        year = int(found["py"])
    elif found["pyr"]:
        year = base.year - (found["pyr"].lower() == "last")
    else:
        year = base.year if month <= base.month else base.year - 1
    return min(date(year, month, min(day, monthrange(year, month)[1])), base), False, None


def _season_of_year(found: re.Match[str], base: date) -> _Read:
    year = int(found["ssy"]) if found["ssy"] else base.year - (found["ssr"].lower() == "last")
    return date(year, _SEASONS[found["ssn"].lower()], 15), False, None


def _part_of_year(found: re.Match[str], base: date) -> _Read:
    return date(int(found["ywy"]), {"early": 2, "mid": 7, "late": 11}[found["yw"].lower()], 15), False, None


def _first_of(found: re.Match[str], base: date) -> _Read:
    word = found["fo"].lower()
    day = _ORDINALS[word] if word in _ORDINALS else int(word[:-2])
    if found["fom"]:
        return _latest(_MONTHS[found["fom"].lower()], day, base), True, None
    return base.replace(day=day), True, None


def _month_of_year(found: re.Match[str], base: date) -> _Read:
    year = 2000 + int(found["rms"]) if found["rms"] else base.year - (found["rmy"].lower() == "last")
    return _within(year, _MONTHS[found["rmm"].lower()], found["rmw"], base), False, None


def _weeks_old(found: re.Match[str], base: date) -> _Read:
    return _back(_amount(found["an"]), "day" if found["au"].lower().startswith("day") else "week", base)


def _bare_day_month(found: re.Match[str], base: date) -> _Read:
    """Read "16/10" and "9/28": only what can be no score or grade, and has one way to be a day."""
    if _A_MEASURE.search(found.string, max(0, found.start() - 12), found.start()):
        return None
    first, second = int(found["bd1"]), int(found["bd2"])
    if 13 <= first <= 31 and second <= 12:
        return _latest(second, first, base), True, None
    if first <= 12 and 13 <= second <= 31 and second not in _FULL_MARKS:
        return _latest(first, second, base), True, None
    return None


_FULL_MARKS = frozenset({15, 18, 20, 21, 24, 27, 30})
"""What scores are out of: "13/15" is a coma scale, "7/27" a questionnaire, "6/18" an acuity."""
_A_MEASURE = re.compile(
    r"\b(?:VA|BP|GCS|FDI|PHQ\S*|GAD\S*|HADS|acuity|vision|sats?|scores?d?|power|[RL]|[OR][DS])\W*$", re.IGNORECASE
)
"""What a pair of numbers measures, written before it."""
_OF_SOMETHING_ELSE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Dear|next|until|till?|by|for|every|[A-Z][a-z]{2}\s?[-–])\.?\s?$"
)
"""Before a month or a weekday: it is somebody's name, or a day to come."""


def _weekday(found: re.Match[str], base: date) -> _Read:
    if found["bare"] and _OF_SOMETHING_ELSE.search(found.string, max(0, found.start() - 12), found.start()):
        return None
    back = (base.weekday() - _DAYS[(found["lastward"] or found["bare"]).lower()]) % 7
    return base - timedelta(days=back or (7 if found["lastward"] else 0)), True, None


def _bare_month(found: re.Match[str], base: date) -> _Read:
    if found["bm"] and _OF_SOMETHING_ELSE.search(found.string, max(0, found.start() - 12), found.start()):
        return None
    month = _MONTHS[(found["bm"] or found["bmm"]).lower()]
    year = base.year if month <= base.month else base.year - 1
    return _within(year, month, "early" if month == base.month else None, base), False, None


def _season(found: re.Match[str], base: date) -> _Read:
    if found["sn"].lower() == "fall" and not found["sy"] and not found.group().lower().startswith("in"):
        return None  # "since the fall" is more often a fall
    month = _SEASONS[found["sn"].lower()]
    if found["sy"]:
        return date(int(found["sy"]), month, 15), False, None
    return _latest(month, 15, base), False, None


def _holiday(found: re.Match[str], base: date) -> _Read:
    name = " ".join(found["hname"].lower().split())

    def on(year: int) -> date:
        if name.startswith("christmas"):
            return date(year, 12, 25)
        if name.startswith("boxing"):
            return date(year, 12, 26)
        if name.startswith("new year"):
            return date(year, 1, 1)
        if name == "halloween":
            return date(year, 10, 31)
        if "bank holiday" in name:
            if name.startswith("may"):
                return _first_monday(year, 5)
            return _last_monday(year, 5 if name.startswith("spring") else 8)
        sunday = _easter(year)
        return sunday - timedelta(days=2) if name.startswith("good") else sunday

    if found["hy"]:
        return on(int(found["hy"])), False, None
    return (on(base.year) if on(base.year) <= base else on(base.year - 1)), False, None


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the rule of Meeus, Jones and Butcher."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _first_monday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=-first.weekday() % 7)


def _last_monday(year: int, month: int) -> date:
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=last.weekday())


def _month_then_day(found: re.Match[str], base: date) -> _Read:
    return _latest(_MONTHS[found["tm"].lower()], int(found["tdd"]), base), True, None


def _weekday_the(found: re.Match[str], base: date) -> _Read:
    """Read "Monday the 3rd": the last 3rd that was a Monday."""
    weekday, number = _DAYS[found["wd"].lower()], int(found["wdd"])
    day = base
    for _ in range(400):
        if day.day == number and day.weekday() == weekday:
            return day, True, None
        day -= timedelta(days=1)
    return None


def _before_last(found: re.Match[str], base: date) -> _Read:
    if found["bd"]:
        back = (base.weekday() - _DAYS[found["bd"].lower()]) % 7 or 7
        return base - timedelta(days=back + 7), True, None
    return base - timedelta(days={"week": 14, "weekend": 14, "month": 60}[found["bw"].lower()]), False, None


def _week_last(found: re.Match[str], base: date) -> _Read:
    back = (base.weekday() - _DAYS[found["ld"].lower()]) % 7 or 7
    return base - timedelta(days=back + 7), True, None


def _year(found: re.Match[str], base: date) -> _Read:
    year = int(found["yy"])
    if year > base.year:
        return None
    middle = date(year, 7, 1)
    return (middle if middle < base else date(year, 1, 1)), False, None


def _amount(text: str) -> float:
    word = " ".join(text.lower().split())
    return _NUMBERS[word] if word in _NUMBERS else float(word)


def _back(amount: float, unit: str, base: date) -> _Read:
    days = amount * _UNITS[unit]
    if days > 365.25 * 90:
        return None
    exact = unit in ("hour", "day") and days < 14
    return base - timedelta(days=round(days)), exact, days


def _day_n(found: re.Match[str], base: date) -> _Read:
    return _back(float(found["dn"] or found["dnth"]), "day", base)


def _week_n(found: re.Match[str], base: date) -> _Read:
    said = (found["wn"] or found["wnth"]).lower()
    number = _COUNTS.get(said) or _NTH.get(said) or int(re.sub(r"\D", "", said))
    if found["wnth"] and number > _MOST_ORDINAL:
        return None  # of a pregnancy
    return _back(float(number), "month" if found["wm"] or found["wmth"] else "week", base)


def _over(found: re.Match[str], base: date) -> _Read:
    if found["on"] == "24" and found["oo"] == "7":
        return None  # round the clock
    return _back(float(found["on"]), _OVER[found["oo"]], base)


def _for(found: re.Match[str], base: date) -> _Read:
    raw = found["fu"].lower()
    unit = _SHORT_UNITS.get(raw) or raw.rstrip("s")
    if len(raw) == 1 and not found["fn"][0].isdigit():
        return None  # "a d" is no length of time
    if raw == "m" and not re.fullmatch(r"[1-9]\d?\s?m", found.group().strip()):
        return None  # "45M" is a man of 45
    amount = _amount(found["fn"]) + (0.5 if "and a half" in found.group().lower() else 0)
    read = _back(amount, unit, base)
    vague = found["fn"].lower() in ("few", "several", "couple")
    return (read[0], read[1] and not vague, read[2]) if read else None


def _relative_weekday(found: re.Match[str], base: date) -> _Read:
    back = (base.weekday() - _DAYS[found["rd"].lower()]) % 7
    if back == 0 and found["rw"].lower() in ("last", "past", "previous"):
        back = 7
    if found["rweek"] and "last" in found["rweek"]:
        back = base.weekday() + 7 - _DAYS[found["rd"].lower()]
    return base - timedelta(days=back), True, None


def _today(found: re.Match[str], base: date) -> _Read:
    return base, True, None


def _yesterday(found: re.Match[str], base: date) -> _Read:
    return base - timedelta(days=1), True, None


def _last(found: re.Match[str], base: date) -> _Read:
    unit = (found["lu"] or "weekend").lower()
    if unit == "weekend":
        return base - timedelta(days=(base.weekday() - 5) % 7 or 7), False, None
    season = {"spring": 4, "summer": 7, "autumn": 10, "fall": 10, "winter": 1, "christmas": 12}.get(unit)
    if season:
        return _latest(season, 25 if unit == "christmas" else 15, base), False, None
    return base - timedelta(days={"week": 7, "month": 30, "year": 365}[unit]), False, None


def _day_month(found: re.Match[str], base: date) -> _Read:
    day, month = int(found["sd"]), int(found["sm"])
    return (_latest(month, day, base), True, None) if month <= 12 and day <= 31 else None


def _on_the(found: re.Match[str], base: date) -> _Read:
    day = int(found["td"])
    if day <= base.day:
        return base.replace(day=day), True, None
    before = base.replace(day=1) - timedelta(days=1)
    return before.replace(day=day), True, None


_READERS = {
    "iso": _iso, "dmy": _dmy, "named": _named, "american": _american, "month": _month, "numeric_month": _numeric_month,
    "over": _over, "day_n": _day_n, "for": _for, "relative_weekday": _relative_weekday, "today": _today,
    "yesterday": _yesterday, "last": _last, "in_month": _in_month, "year": _year, "day_month": _day_month,
    "on_the": _on_the, "holiday": _holiday, "month_then_day": _month_then_day, "weekday_the": _weekday_the,
    "season_of_year": _season_of_year, "part_of_year": _part_of_year, "part_of_month": _part_of_month,
    "first_of": _first_of, "month_of_year": _month_of_year, "weeks_old": _weeks_old,
    "bare_day_month": _bare_day_month, "weekday": _weekday, "bare_month": _bare_month,
    "before_last": _before_last, "week_n": _week_n, "week_last": _week_last, "season": _season,
}  # fmt: skip
