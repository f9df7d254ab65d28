"""The numbers of a letter: grades and scores, the age, days since surgery or injury, and the day it was written."""

import re
from collections.abc import Sequence
from datetime import date

from bot.referral.page import Mention, Page, token_at
from bot.referral.record import Proposed
from bot.referral.standing import about_relative
from bot.referral.when import DAYS_AND_MONTHS, When, times

DAYS_SINCE = {
    "surgery": "surgery_head_neck_days", "injury": "head_or_face_injury_days", "cosmetic": "cosmetic_injection_days",
    "botox": "botox_therapeutic_days", "filler": "filler_days", "reanimation": "reanimation_surgery_days",
}  # fmt: skip
"""Which finding holds the days since what a time is the time of."""

APPROXIMATE = re.compile(r"(?:about|around|approx\w*|roughly|circa|~|\bc\.?|maybe|nearly|almost|over|>|<)\s*$", re.I)
"""What stands before a time that is only about right."""
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_DEGREE = r"(?:[1-6](?!\d|\.\d)|vi|iv|v|i{1,3}|one|two|three|four|five|six)(?![^\W_])"
_HOUSE = r"(?:\bh\s?[-/&]?\s?b(?![a-z])|\bhb(?=(?:vi|iv|v|i{1,3})\b)|house[\s-]*(?:and|&)?[\s-]*brac?k?h?man+n?)"
_HB = re.compile(
    rf"""(?:{_HOUSE}(?:\s*\((?:1\s?(?:-|–|to)\s?6|I\s?(?:-|–|to)\s?VI)\))?[\s:=,()-]*+(?:facial\s+)?(?:nerve\s+)?(?:grad(?:e|ing)|score|scale|gr\.?|stage)?[\s:=,()~_-]*+
         (?:is|was|now|of|at|currently|today|score|grade|approximately|approx\.?|about|initially)?[\s:=,(-]*+(?:grade\s+)?
         (?P<one>{_DEGREE})(?:(?:\s*(?:/|-|–|to|or)\s*|\s(?=[iv]))(?P<two>{_DEGREE}))?(?!\s*/\s*[7-9])
       | \b(?:grade|gr)\s*(?P<gone>{_DEGREE})(?:\s*(?:/|-|–|to)\s*(?P<gtwo>{_DEGREE}))?\s*[,(]?\s*
         (?:on\s+(?:the\s+)?)?(?:{_HOUSE}|(?:\w+\s+){{0,3}}?(?:facial|palsy|bell|weakness|lmn|vii)))""",
    re.IGNORECASE | re.VERBOSE,
)
_BARE_GRADE = re.compile(
    r"\b(?:grade|gr\.?)[\s:=_-]*(?P<one>[1-6]|vi|iv|v|i{1,3})\b(?:\s*(?:/|of|out\s+of)\s*(?:6|vi)\b)?"
    r"(?!\s*[/.]\d|\s+(?:\w+\s+){0,2}(?:tear|tumou?r|glioma|sprain|ulcer|adenoma|murmur|carcinoma|cancer|heart|pressure|strain|"
    r"hypertension|retinopathy|school|listed|building|teacher|music|piano|exam|oral|haemorrhoid\w*|prolapse|meningioma|lymphoma))",
    re.IGNORECASE,
)
"""A grade without its scale's name; it counts where no House-Brackmann stands."""
_THEN = re.compile(
    r"\b(?:initial(?:ly)?|at\s+onset|at\s+(?:first|presentation|worst)|was|previously|from|had\s+been|worst|immediately)"
    r"\b[^.;]{0,18}$",
    re.IGNORECASE,
)
_HB_NOW = re.compile(
    r"\b(?:now|currently|today|at\s+present|on\s+examination|improved\s+to|current)\b[^.;]{0,18}$", re.IGNORECASE
)
_BECAME = re.compile(
    rf"^[^.;,\n]{{0,24}}?(?:[-–—=]+>|→|»|,?\s*now|,?\s*improv\w+\s+to|,?\s*recover\w+\s+to|\s+down\s+to)\s*(?:(?:hb|grade|gr)\s*)*(?P<to>{_DEGREE})"
    rf"|^[^.;\n]{{0,24}}?(?:,|\band\b|\bbut\b)\s*(?:(?:hb|grade|gr)\s*)*(?P<too>{_DEGREE})\s+(?:now|today|currently|at\s+present)\b",
    re.IGNORECASE,
)
"""How a grade became another: "HB V at 6/52 -> III", "HB V, now III"."""
_AT_FIRST = re.compile(
    r"^\s*(?:at\s+(?:worst|first|onset|presentation|nadir|\d+\s*/\s*\d+|\d+\s+(?:days?|weeks?))|initially|originally|in\s+the\s+beginning)\b",
    re.IGNORECASE,
)
_NOW_AFTER = re.compile(r"^\s*(?:now|today|currently|at\s+(?:present|last\s+visit)|this\s+week)\b", re.IGNORECASE)
SUNNYBROOK = re.compile(
    r"\b(?:sunnybrook|s\.?f\.?g\.?s|sbgs)\b\D{0,40}?(?P<score>\d{1,3})(?!\d)(?:\s*(?:/\s*100|%))?", re.IGNORECASE
)
FDI = re.compile(
    r"\b(?:fdi|facial\s+disability\s+index)\b[^.\n\d]{0,30}(?P<score>\d{1,3})(?!\d)"
    r"(?:\s*/\s*100)?(?:[^.\n\d]{0,24}(?P<other>\d{1,3})(?!\d))?",
    re.IGNORECASE,
)
_AGE = re.compile(
    r"""(?<![\d./])\b(?:(?P<a>\d{1,3})[\s-]*(?:(?:years?|yrs?|y)[\s/.-]*(?:old|o\b|of\s+age)|y/?o\b|(?:yr?s?)?\s*[-/]?\s*(?P<sex>[MF])\b|
        (?:years?|yrs?)\s+(?:lady|gentleman|man|woman|girl|boy|male|female))
      | (?P<g>\d{1,2})\s*(?:years?|yrs?|y)\s*(?:and\s+)?\d{1,2}\s*(?:months?|mths?|m)\b
      | (?P<m>\d{1,2})[\s-]*(?:months?|mths?|weeks?|wks?|days?)[\s-]*old
      | (?:aged?|age:)[\s:]*(?P<b>\d{1,3})\b(?!\s*(?:months?|weeks?|days?))
      | (?:[MF]|male|female)\s?(?P<c>\d{2})\b(?!\s*[/.%])
      | (?P<d>\d{1,2})\s+(?:male|female)\b
      | (?:daughter|son|boy|girl|child|mother|father|mum|dad|husband|wife)\s?[(,]\s?(?P<e>\d{1,2})\s?[),]
      | (?:daughter|son|boy|girl|child|mother|father|mum|dad|husband|wife|he|she|who)\s+
        (?:is|has\s+just\s+turned|turned)\s+(?P<f>\d{1,3})\b(?!\s*(?:%|/|mm|cm|weeks?|months?|days?|wks?|hours?|\.\d|out\s))
      | (?P<newborn>[Nn]eonate|[Nn]ewborn)\b)""",
    re.VERBOSE,
)
_TITLED = re.compile(
    r"""(?:\b(?:[Mm]rs?|[Mm]s|[Mm]iss|[Mm]aster|[Dd]r|[Pp]t|[Pp]atient|RE|[Rr]e)\b[.:]?\s*
          (?:[A-Za-z](?:\.|\b)[\s.]*){1,4},?\s*[(]?(?P<a>\d{1,3})\b
      | \b(?:[Pp]atient|[Pp]t|[Aa]ge|[Aa]ged|[Ww]oman|[Mm]an|[Ll]ady|[Gg]entleman|[Mm]um|[Ww]ife|[Hh]usband
          |who\s+is)\s*[:,(-]?\s*(?P<b>\d{1,3})\b
      | (?:^\s*+|[\n.][^\S\n]*+)(?P<c>\d{2})\s?(?:[MF]\b|,|\s+(?:year|yo))
      | \b(?:[MF]|male|female)[\s,/]{1,2}(?P<d>\d{2})\b
      | (?<![\d./])\b(?P<g>\d{2}),\s?(?:male|female|man|woman)\b
      | \b(?:[Pp]t|[Pp]atient)\s+(?:is\s+)?now\s+(?P<h>\d{1,3})\b
      | \b(?:[A-Z]\.){2,3}\s+is\s+(?P<i>\d{1,3})\b(?=\s*[,.;])
      | \bI\s+(?:am|have|'m)\s+(?P<e>\d{1,3})\b(?!\s*(?:%|weeks|months|days|mm|cm))
      | (?P<f>\d{1,3})[\s-]*(?:years?|yrs?|y)\b(?=\s*[,.;)\n(]|\s+(?:[MF]\b|male|female|of\s+age|teacher|chef)))
      (?!\s*(?:/|%|mm|cm|weeks?|wks?|months?|days?|hours?|\.\d))""",
    re.VERBOSE,
)
"""An age beside a name, where no clearer one stands: "Mr A.B., 47"."""
_LOOSE_AGE = re.compile(
    r"(?:\b(?:[A-Z]\.\s?){1,3},?\s*[(]?|\b(?i:i'?m|i\s+am|boy|girl|male|female|man|woman|client|patient|pt|px|lady|gentleman|"
    r"driver|teacher|farmer|retired|prisoner|pupil|toddler|child)\b[\s,:(]{1,3})(?P<age>\d{1,3})\b"
    r"(?=\s*(?:[,.;)(\n]|$|(?i:came|was|with|has|is|and|so|yo\b|yrs?\b|years?\b|y\b)))(?!\s*[.,/]\d)(?!\s*(?i:weeks|wks|months|days))",
)
"""An age after initials or a word for a person: "K.L., 28", "boy 11", "im 57"."""
_THEN_AGED = re.compile(r"\b(?:since|from|until|when)\s+(?:the\s+)?$", re.IGNORECASE)
"""Before an age of long ago: "since age 19"."""
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_UNITS = {word: number for number, word in enumerate("one two three four five six seven eight nine".split(), 1)}
_TEENS = {
    word: number
    for number, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 10
    )
}
_PERSON = (
    r"(?:boy|girl|lad|lass|lassie|youth|teenager|child|toddler|pupil|man|woman|lady|gentleman|gent|fellow|daughter|son|"
    r"grandson|granddaughter|he|she|who)"
)
_YOUNG = r"(?:boy|girl|lad|lass|lassie|child|toddler|pupil|youngster|teenager)"
_IN_WORDS = (
    rf"(?:(?P<tens>{'|'.join(_TENS)})(?:[\s-]++(?P<ones>{'|'.join(_UNITS)})\b)?+"
    rf"|(?P<one>{'|'.join([*_TEENS, *_UNITS])})\b)"
)
_ENDS_AN_AGE = r"(?=\s*(?:[,.;)\n]|$|(?:and|who|with|years?|yrs?)\b(?!\s+(?:a\s+half|post|into|in|since|after|ago))))"
_NO_PERSON = r"(?!\s+(?:at\s+home|palsy|bell|facial|\w+\s+aid|dog|cat|car))"
_ITS = _IN_WORDS.replace("?P<", "?P<its_")
_WORD_AGE = re.compile(
    rf"\b{_IN_WORDS}[\s-]+(?:years?|yrs?)[\s-]+(?:old|of\s+age)\b{_NO_PERSON}"
    rf"|\b(?:{_PERSON}\s+(?:of|is|aged|has\s+just\s+turned)|(?:he|she)['’]s)\s+{_ITS}{_ENDS_AN_AGE}",
    re.IGNORECASE | re.ASCII,
)
"""An age in words: "thirteen-year-old", "he is eleven,". What follows tells it from "he is two points better"."""
_OF_AGE = re.compile(
    rf"\b(?:{_YOUNG}|man|woman|lady|gentleman|gent)\s+of\s+(?P<of>\d{{1,3}})(?=\s*(?:[,.;)\n]|$|(?:and|who|with)\b))"
    r"|\b(?P<name>[A-Z][a-z]+),\s(?P<apart>\d{1,2}),\s(?=(?:was|is|has|had|who|a|an|came|woke|presented|developed)\b)",
)
"""An age behind a person: "boy of 12", "Ollie, 11, was"."""
_BORN = re.compile(r"\b(?:d\.?o\.?b\.?|date\s+of\s+birth|born(?:\s+on)?)\b\s*[:=-]?\s*", re.IGNORECASE)
_PHQ = re.compile(r"\bphq[\s-]?2\D{0,12}(?P<score>[0-6])\b", re.IGNORECASE)
_GAD = re.compile(r"\bgad[\s-]?2\D{0,12}(?P<score>[0-6])\b", re.IGNORECASE)
_WRITTEN = re.compile(
    r"(?:^|\n)[^\n\w]*(?:date(?:d)?(?:\s+(?:of\s+)?(?:letter|referral|dictat\w+|typed|written))?|letter\s+dated?|"
    r"referral\s+date|written(?:\s+on)?|typed|dictated)\s*[:=-]?\s*",
    re.IGNORECASE,
)
_GOALS = re.compile(
    r"(?:\bgoals?\s*[:=-]\s*|\b(?:her|his|their|my|patient'?s?)\s+(?:main\s+)?goals?\s+(?:is|are|would\s+be)\s+(?:to\s+)?|"
    r"\b(?:would\s+like|hopes?|wants?|wishes)\s+(?=to\s+(?:be\s+able|smile|eat|drink|speak|close|return|go\s+back|look|whistle|play)))"
    r"(?P<goal>[^.\n]{4,200})",
    re.IGNORECASE,
)


def grade_of(page: Page) -> tuple[str | None, str | None]:
    """The House-Brackmann grade that holds now; of several the worse, of a range the worse end."""
    found: list[tuple[int, int, str]] = []
    text = page.source.text
    for match in _HB.finditer(text):
        if page.section(token_at(page.encoded, match.start())) in ("family", "warning"):
            continue
        one, two = match["one"] or match["gone"], match["two"] or match["gtwo"]
        grade = _degree(one)
        if two is not None:
            out_of_six = _degree(two) == 6 and one.isdigit() == two.isdigit() and "/" in match.group()
            grade = grade if out_of_six else max(grade, _degree(two))
        before = text[max(0, match.start() - 30) : match.start()] + match.group()[:1]
        inside = match.group().lower()
        after = text[match.end() : match.end() + 40]
        if came := _BECAME.match(after):
            found.append(
                (2, _degree(came["to"] or came["too"]), page.source.quote(match.start(), match.end() + came.end()))
            )
            continue
        then = (
            bool(_THEN.search(before[:-1]))
            or "initially" in inside
            or " was " in inside
            or bool(_AT_FIRST.match(after))
        )
        now = (
            bool(_NOW_AFTER.match(after))
            or bool(_HB_NOW.search(before[:-1]))
            or "now" in inside
            or "currently" in inside
            or "today" in inside
        )
        found.append((2 if now else 0 if then else 1, grade, page.source.quote(match.start(), match.end())))
    if not found:
        for match in _BARE_GRADE.finditer(text):
            if page.section(token_at(page.encoded, match.start())) not in ("family", "warning", "past"):
                rank = 0 if _THEN.search(text[max(0, match.start() - 30) : match.start()]) else 1
                found.append((rank, _degree(match["one"]), page.source.quote(match.start(), match.end())))
    if not found:
        return None, None
    _, grade, quote = max(found, key=lambda each: each[:2])
    return f"HB {grade}", quote


def _degree(text: str) -> int:
    word = text.lower()
    return _ROMAN.get(word) or _WORDS.get(word) or int(word)


def score_of(page: Page, pattern: re.Pattern[str], *, least: bool = False) -> tuple[float | None, str | None]:
    """A score of 0 to 100 with its words; with `least` the lowest of several."""
    best: tuple[float, str] | None = None
    for match in pattern.finditer(page.source.text):
        numbers = [float(match["score"])]
        if least and match["other"]:
            numbers.append(float(match["other"]))
        numbers = [number for number in numbers if number <= 100]
        if numbers and (best is None or not least or min(numbers) < best[0]):
            best = (min(numbers), page.source.quote(match.start(), match.end()))
    return best or (None, None)


def numbers(page: Page, base: date, placed: Sequence[tuple[When, str, float]]) -> dict[str, Proposed]:
    """The age, PHQ-2, GAD-2, and the days since surgery, injury or injections."""
    found: dict[str, Proposed] = {}
    text = page.source.text
    for match in _AGE.finditer(text):
        years = next((match[name] for name in "abcdefg" if match[name]), None)
        position = token_at(page.encoded, match.start())
        mention = Mention("age", "", "now", position, position + 1)
        if page.section(position) == "family" or about_relative(page, mention):
            continue
        age = "0" if match["m"] or match["newborn"] else years
        if _THEN_AGED.search(text[max(0, match.start() - 12) : match.start()]):
            continue
        if age is not None and int(age) <= 115:
            found["age"] = Proposed(age, page.source.quote(match.start(), match.end()))
            break
    if "age" not in found:
        for match in _WORD_AGE.finditer(text):
            if match.group().lower().endswith(" one"):
                continue  # "he is one who worries"
            if not _is_of_another(page, match.start()):
                found["age"] = Proposed(str(_age_in_words(match)), page.source.quote(match.start(), match.end()))
                break
    if "age" not in found:
        for match in _TITLED.finditer(text):
            name = next(each for each in "abcdefghi" if match[each])
            position = token_at(page.encoded, match.start(name))
            mention = Mention("age", "", "now", position, position + 1)
            this = text[max(0, match.start() - 8) : match.start()].lower().endswith(("this ", "my ", "the "))
            if page.section(position) == "family" or (not this and about_relative(page, mention)):
                continue
            if 0 < int(match[name]) <= 105:
                found["age"] = Proposed(match[name], page.source.quote(match.start(), match.end()))
                break
    if "age" not in found:
        for match in _OF_AGE.finditer(text):
            years = match["of"] or match["apart"]
            is_a_day = (match["name"] or "").lower() in DAYS_AND_MONTHS
            if not is_a_day and 0 < int(years) <= 105 and not _is_of_another(page, match.start()):
                found["age"] = Proposed(years, page.source.quote(match.start(), match.end()).rstrip(", "))
                break
    if "age" not in found:
        for match in _LOOSE_AGE.finditer(text):
            if 0 < int(match["age"]) <= 105 and not _is_of_another(page, match.start("age")):
                found["age"] = Proposed(match["age"], page.source.quote(match.start(), match.end()))
                break
    if "age" not in found:
        for match in _BORN.finditer(text):
            born = next((when for when in times(text[match.end() : match.end() + 24], base) if when.exact), None)
            if born is not None and born.day <= base and born.start <= 2:
                age_now = base.year - born.day.year - ((base.month, base.day) < (born.day.month, born.day.day))
                found["age"] = Proposed(str(age_now), page.source.quote(match.start(), match.end() + born.end))
                break
    for name, pattern in (("phq2", _PHQ), ("gad2", _GAD)):
        if scored := pattern.search(text):
            found[name] = Proposed(scored["score"], page.source.quote(scored.start(), scored.end()))
    for when, anchor, apart in placed:
        name = DAYS_SINCE.get(anchor, "")
        if name and apart <= 10 and when.day <= base:
            days = str((base - when.day).days)
            found.setdefault(name, Proposed(days, page.source.quote(when.start, when.end)))
        if anchor == "dental" and apart <= 8 and when.days is not None and when.days <= 2:
            hours = f"{when.days * 24:g}"
            found.setdefault("dental_anaesthetic_hours", Proposed(hours, page.source.quote(when.start, when.end)))
    return found


def _age_in_words(match: re.Match[str]) -> int:
    tens, ones, one = ((match[name] or match[f"its_{name}"] or "").lower() for name in ("tens", "ones", "one"))
    return _TENS[tens] + _UNITS.get(ones, 0) if tens else (_TEENS | _UNITS)[one]


def _is_of_another(page: Page, at: int) -> bool:
    """Whether what stands there is told of a relative."""
    position = token_at(page.encoded, at)
    return page.section(position) == "family" or about_relative(page, Mention("age", "", "now", position, position + 1))


def written_on(page: Page, received: date) -> tuple[date | None, str | None]:
    """The day on the letter: after "Date:", else a date that stands alone near the top."""
    text = page.source.text
    for match in _WRITTEN.finditer(text):
        for when in times(text[match.end() : match.end() + 30], received):
            if when.exact and when.start <= 3 and when.days is None and when.day <= received:
                return when.day, page.source.quote(match.end() + when.start, match.end() + when.end)
    at = 0
    lines = text.split("\n")
    head = 0
    for number, line in enumerate(lines):
        head += bool(line.strip())
        last = number >= len(lines) - 3
        for when in times(line, received) if head <= _HEAD_LINES or last else ():
            before, after = line[: when.start].strip(" ,.\t\r-–:"), line[when.end :].strip(" ,.\t\r-–:")
            dated = when.exact and when.days is None and any(sign.isdigit() for sign in line[when.start : when.end])
            age = (received - when.day).days
            alone = not before and not after
            # In a letterhead the date ends a short line, or the line's first sentence: "Dental surgery, 12/11/2026".
            headed = (
                head <= _HEAD_LINES
                and len(before) <= _HEAD_LENGTH
                and not _NOT_A_HEAD.search(before)
                and (not after or line[when.end : when.end + 1] in (".", ":", "\r") or len(after) <= 8)
            )
            if dated and ((alone and 0 <= age <= 366) or (headed and 0 <= age <= 60)):
                return when.day, page.source.quote(at + when.start, at + when.end)
        at += len(line) + 1
    return None, None


_HEAD_LINES = 4
_HEAD_LENGTH = 70
_NOT_A_HEAD = re.compile(
    r"\b(?:palsy|weak\w*|dro[op]p\w*|face|facial|notic\w*|noted|first|he|she|her|his|i|my|presented|diagnos\w*|saw|waking|onset|since|began|started|came|woke|bell'?s?|surgery\s+on|operat\w+|op|born|d\.?o\.?b|"
    r"fell|fall|injur\w*|scan|mri|from|until|due|resect\w*|excis\w*|had|was|infarct|stroke\s+on|appointment|next)\b",
    re.IGNORECASE,
)


def goals_of(page: Page) -> str | None:
    """What the patient hopes for, in the letter's words."""
    match = _GOALS.search(page.source.text)
    return page.source.quote(match.start("goal"), match.end("goal")) or None if match else None


_COMING = re.compile(
    r"(?:[<>≤≥]|\b(?:in|within|next|every|per|under|for\s+(?:the\s+)?next|review\s+(?:in|at)|again\s+in|for\s+review\s+in|"
    r"up\s+to|first|less\s+than))\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:down\s+(?:to\s+see|for)|(?:is|are|am)\s+(?:due|booked|to\s+see|seeing|to\s+be\s+seen)|booked|due|next\s+(?:appt|appointment|"
    r"review|visit|clinic)|will\s+(?:see|be\s+seen)|awaiting|date\s+for)\b[^.;,\n]{0,30}$|\b(?:until|before|by)\s+$",
    re.IGNORECASE,
)
"""What is still to come: "she is down to see the surgeon on 14 Jan"."""
_NAMED = re.compile(r"(?:\b(?:[A-Z]\.\s?){1,3},?|\b(?:Mrs?|Ms|Miss|Px|Pt|Client|Patient)\b[^.\n]{0,20})\s*[(]?$")
_OF_A_PREGNANCY = re.compile(r"\b(?:pregnan|antenatal|gestation|midwi|obstetric|trimester|G\dP\d)", re.IGNORECASE)
_EXAMINED = re.compile(
    r"\b(?:exam(?:ination|ined)?|o/e|saw|seen|reviewed|attended|review|clinic|surgery|visit|appointment)\s*$",
    re.IGNORECASE,
)
"""What makes a "today" the day of a visit: "on examination tonight"."""
_TO_THE_VISIT = re.compile(
    r"^\s*(?:before|prior\s+to)\s+(?:\w+\s+){0,3}(?:saw|seen|seeing|review\w*|present\w*|attend\w*|visit\w*|appointment|clinic|"
    r"referral|came|admission|today)\b",
    re.IGNORECASE,
)
_TAKES = re.compile(r"\bover\s+(?:a\s+period\s+of\s+|about\s+|approx\w*\s+)?$", re.IGNORECASE)
_AFTER = re.compile(r"^\s*(?:after|post|following|later|before|prior\s+to)\b", re.IGNORECASE)
_CAME = re.compile(
    r"\b(?:develop\w*|occur\w*|notic\w*|appear\w*|began|came\s+on|started|onset|followed|weakness|palsy|droop\w*)\s*(?:about\s*)?$",
    re.IGNORECASE,
)


def is_coming(page: Page, when: When) -> bool:
    """Whether a length of time is one to come, or a measure: "review in 6 weeks", "within 72 hours"."""
    text = page.source.text
    before = text[max(0, when.start - 24) : when.start]
    if not when.named and _EXAMINED.search(before):
        return True
    if when.days is not None and _NAMED.search(text[max(0, when.start - 30) : when.start]) and when.days > 360:
        return True  # "I.J. 37 yrs": an age
    if when.days is not None and re.search(r"\bat\s*$", before) and _OF_A_PREGNANCY.search(text):
        return True  # "at 28 weeks" of a pregnancy
    if when.days is None:
        return _PLANNED.search(text[max(0, when.start - 60) : when.start]) is not None
    # "Over 24 hours" says how fast; "over five months" also since when.
    if when.days < 14 and _TAKES.search(before) and not re.match(r"\s*ago\b", text[when.end : when.end + 6]):
        return True
    if re.search(r"\bin\s*$", before) and re.match(r"^\s*(?:duration|total|length)", text[when.end : when.end + 12]):
        return False
    return _COMING.search(before) is not None


def delayed(page: Page, when: When) -> bool:
    """Whether a length counts from something else: "developed two days after surgery"."""
    text = page.source.text
    if when.days is None or not _AFTER.match(text[when.end : when.end + 14]):
        return False
    if _TO_THE_VISIT.match(text[when.end : when.end + 50]):
        return False
    return _CAME.search(text[max(0, when.start - 40) : when.start]) is not None
