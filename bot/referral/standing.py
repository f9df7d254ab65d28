"""What a phrase means where it stands: stated, denied, queried or only warned of; about whom, and when.

The idea that such words have a reach, which other words end, is that of NegEx and ConText, algorithms known in the
field; this is one of our own, made for letters. The words are data, under `contexts` in `content/referral/letter.yml`.
"""

from datetime import date
from typing import Literal

from bot.referral.page import Mention, Page, Span, char_at, char_end
from bot.referral.record import CAUSES
from bot.referral.when import times
from bot.triage.pattern import COLON, COMMA, FULL_STOP, QUESTION, SENTENCE_ENDS

type Time = Literal["now", "past", "episode", "settled"]

_LIST_REACH = 45
"""Tokens over which "no ..., ..., ..." goes on denying."""
_THE_PALSY = frozenset({"droop", *CAUSES})
_NEVER_ONLY_WARNED = frozenset({"suicidal_thought", "suicide_plan_intent_or_act", "self_harm"})
"""Who writes of these, writes of the patient: "she thinks they would be better off if she were dead"."""
_QUERY_REACH = 5
_WARNING_REACH = 40
_TOPIC_REACH = 18
_STRANGE = 2
_PART_REACH = 22
_PART_AFTER = 4
_LABEL = 10


def polarity(page: Page, mention: Mention) -> tuple[Literal["stated", "denied", "query"] | None, int, int]:
    """Whether a mention is stated, denied or queried, with the tokens that say so; None when it only asks."""
    start, end = mention.start, mention.end
    left, right = page.sentence(start)
    if page.has("not_answered", end, min(right + 1, end + 3)):
        return None, start, end
    answer = _answer(page, end, min(right + 2, len(page.codes), end + (2 if mention.value == "no" else _LABEL)))
    if answer is not None:
        return answer, start, end
    for _, finish in page.within("affirmed_after", end, min(right + 4, end + 6)):
        if not page.codes[end : finish - 1].count(FULL_STOP):
            return "stated", start, finish
    for begin, finish in page.within("denied_after", end, min(right + 4, end + 12)):
        if mention.value == "no" and begin > end:
            continue  # "hearing: normal, vertigo: no": what reassures by itself is no item before a "no"
        if _leads_to(page, end, begin):
            return "denied", start, finish
    for begin, _ in page.within("query_after", end, min(right + 2, end + 3)):
        if FULL_STOP not in page.codes[end:begin]:  # "nil other neuro. ?physio" asks of something new
            return "query", start, min(right, end + 2)
    for begin, finish in sorted(page.within("denial_list", left, start), reverse=True):
        if mention.value == "no" and (start > finish or page.starts("denial_list", start)):
            continue  # "no fever, obs normal": what reassures by itself is no item of the list
        if not _not_a_denial(page, begin) and _list_reaches(page, finish, start, end, right):
            return "denied", begin, end
    for begin, finish in sorted(page.within("denial", left, start), reverse=True):
        between = page.codes[finish:start]
        if _not_a_denial(page, begin) or COMMA in between or COLON in between or len(between) > 9:
            continue
        if mention.value == "no" and (start - finish > 1 or page.starts("denial_list", start)):
            continue
        if page.has("turn", finish, start + 1) or page.has("predicate", finish, start):
            continue
        if page.has("joint", finish, start):
            continue
        return "denied", begin, end
    for begin, finish in sorted(page.within("query", left, start), reverse=True):
        between = page.codes[finish:start]
        if len(between) <= _QUERY_REACH and COMMA not in between and not page.has("turn", finish, start + 1):
            return "query", begin, end
    if page.codes[end : end + 1] == QUESTION:
        # A label that begins its line, with no answer after it, says nothing.
        return (None if start == left else "query"), start, end
    return "stated", start, end


def nearest_part(page: Page, start: int, end: int) -> str | None:
    """Which part of the body a word without one belongs to: the last named before it, or one just after it."""
    best: tuple[int, str] | None = None
    right = page.sentence(start)[1]
    for part in ("eye", "ear", "other"):
        for first, last in page.contexts[f"part_{part}"]:
            apart = start - last if last <= start else first - end + 3 if first >= end else 0
            if first >= end and (first >= right or first - end > _PART_AFTER or COMMA in page.codes[end:first]):
                continue
            if 0 <= apart <= _PART_REACH and (best is None or apart < best[0]):
                best = (apart, part)
    return best[1] if best else None


def state_after(page: Page, end: int, topics: frozenset[int]) -> tuple[str, Span] | None:
    """Whether what ends here is called sound or impaired after it, alone or in a list, with the tokens that say so."""
    position, joined, fresh, strange = end, False, False, 0
    while position < len(page.codes) and position - end <= _TOPIC_REACH:
        for state in ("sound", "impaired"):
            last = page.begins[state].get(position)
            # After a comma something new is called so, unless another topic or an "all" leads to it.
            if last is not None and not fresh and not (joined and page.starts("denial_list", position)):
                return state, (position, last)
        code = page.codes[position]
        if code in SENTENCE_ENDS or page.starts("turn", position):
            return None
        if page.starts("joins", position) or code == COMMA:
            if strange:
                return None
            joined = fresh = True
        elif position not in topics and not page.starts("listed", position):
            # A word that isn't known may stand between ("hearing to whispered voice"), but not after a new item.
            strange += 1
            if joined or strange > _STRANGE or page.starts("denial_list", position) or page.starts("denial", position):
                return None
        else:
            fresh = False
        position += 1
    return None


def state_before(page: Page, start: int, topics: frozenset[int]) -> tuple[str, Span] | None:
    """As `state_after`, for what is said before: "normal speech, swallow and gait", "problems with balance"."""
    position = start - 1
    while position >= 0 and start - position <= _TOPIC_REACH:
        for state in ("sound_before", "impaired_before"):
            begins = [one for one, other in page.contexts[state] if other == position + 1]
            if begins and page.codes[position + 1] != COMMA and not page.starts("joins", position + 1):
                return state.removesuffix("_before"), (min(begins), position + 1)
        code = page.codes[position]
        listed = page.starts("joins", position) or code == COMMA or page.starts("listed_before", position)
        if not listed and position not in topics:
            return None
        position -= 1
    return None


def _answer(page: Page, end: int, right: int) -> Literal["stated", "denied"] | None:
    """The answer of a form after its label: "Blisters ear/mouth: No", "Eye red or painful? Y"."""
    for position in range(end, min(end + _LABEL, right)):
        code = page.codes[position]
        if code in (COLON, QUESTION):
            if page.starts("answered_no", position + 1):
                return "denied"
            return "stated" if page.starts("answered_yes", position + 1) else None
        if code == FULL_STOP or page.starts("predicate", position):
            return None
    return None


def _leads_to(page: Page, end: int, begin: int) -> bool:
    """Whether only other items of a list, joined by "and" or "or", stand between a mention and what denies it."""
    between = page.codes[end:begin]
    if FULL_STOP in between or QUESTION in between or page.has("turn", end, begin):
        return False
    if COMMA in between:
        return False
    return not between or page.has("alternative", end, begin) or len(between) <= 1 or between[0] == COLON


def _not_a_denial(page: Page, begin: int) -> bool:
    return any(first <= begin < last for first, last in page.contexts["no_denial"])


def _list_reaches(page: Page, finish: int, start: int, end: int, right: int) -> bool:
    """Whether "no a, b, c or d" still denies what stands at these tokens."""
    if start - finish > _LIST_REACH:
        return False
    if page.has("turn", finish, start + 1) or page.has("predicate", finish, start):
        return False
    between = page.codes[finish:start]
    if COLON in between:
        return False
    last_comma = between.rfind(COMMA)
    if last_comma < 0:
        return True
    if page.has("predicate", start, end):
        return False  # "no rash, eye closure incomplete": it says something by itself
    # "No rash, severe earache": what asserts by itself is a new statement, unless an "or" goes on after it.
    item = finish + last_comma + 1
    asserts = any(first == item for first, _ in page.contexts["item_asserts"])
    return not asserts or page.has("alternative", item, min(right, end + _LIST_REACH))


def about_relative(page: Page, mention: Mention) -> bool:
    """Whether it is a relative's: "her mother had a stroke". A letter about "my mother" has her as its patient."""
    left, right = page.sentence(mention.start)
    for begin, finish in page.within("relative", left, right):
        if page.patient_is_relative and not any(
            begin <= one and other <= finish for one, other in page.contexts["relative_of_patient"]
        ):
            continue
        if finish > mention.start + 2 and begin > mention.start:
            if begin - mention.end > 3 or page.codes[mention.end : begin].count(COMMA):
                continue
            return True
        if page.has("turn", finish, mention.start + 1) or mention.start - finish > 14:
            continue
        if page.has("reporter", begin, mention.start):
            continue
        between = page.codes[finish : mention.start]
        if COMMA in between and page.has("predicate", finish, mention.start):
            continue
        return True
    return False


def warned(page: Page, mention: Mention) -> bool:
    """Whether it is only a warning or a request: "call an ambulance if he develops limb weakness"."""
    if mention.name in _NEVER_ONLY_WARNED:
        return False
    left, right = page.sentence(mention.start)
    for begin, finish in page.within("warning", left, right):
        if begin >= mention.end or finish > mention.start + 1:
            continue
        if mention.start - finish > _WARNING_REACH or page.has("warning_ends", finish, mention.start):
            continue
        return True
    return False


def standing_in_time(page: Page, mention: Mention, section: str, base: date) -> Time:
    """When it was so: now, long ago, at the beginning of this illness, or until it settled."""
    start, end = mention.start, mention.end
    left, right = page.sentence(start)
    first, last = page.clause(start, end)
    for begin, _ in page.within("settled_after", end, min(right, end + 6)):
        if COMMA not in page.codes[end:begin] or begin - end <= 1:
            return "settled"
    if page.has("settled", first, start + 1):
        return "settled"
    fresh = page.has("fresh", first, last)
    if page.has("residual", left, right) and not fresh and mention.reads == "now":
        return "past"
    if page.has("now", first, last):
        return "now"
    if page.has("long_standing", first, last) and not fresh and mention.reads == "now":
        return "past"
    if section == "past":
        return "past"
    before = [] if mention.name in _THE_PALSY else list(page.within("history_of", left, right))
    for begin, finish in [*page.within("past", left, right), *before]:
        if any(one <= begin < other for one, other in page.contexts["no_past"]):
            continue
        inside = first <= begin and finish <= last
        leads = begin < start and COMMA not in page.codes[finish:start] and not page.has("turn", finish, start + 1)
        if inside or leads:
            return "past"
    if mention.reads == "now":
        for when in times(page.source.text[char_at(page, first) : char_end(page, last)], base):
            if (when.year_only or when.days is not None) and (base - when.day).days > 180:
                return "past"
    return "episode" if page.has("episode", first, last) else "now"


def long_before(page: Page, start: int, end: int, base: date, onset: date) -> bool:
    """Whether the clause is dated to half a year or more before the weakness began."""
    first, last = page.clause(start, end)
    dated = times(page.source.text[char_at(page, first) : char_end(page, last)], base)
    return any((onset - when.day).days > 180 for when in dated)


def long_ago(page: Page, start: int, end: int, base: date) -> bool:
    """Whether the clause names a year before last year, as an earlier illness does."""
    first, last = page.clause(start, end)
    dated = list(times(page.source.text[char_at(page, first) : char_end(page, last)], base))
    return bool(dated) and all((base - when.day).days > 730 and when.days is None for when in dated)


def quoted(page: Page, start: int, end: int) -> Span:
    """The clause around some tokens, without more than twenty tokens on either side."""
    first, last = page.clause(start, end)
    return max(first, start - 20), min(last, end + 20)
