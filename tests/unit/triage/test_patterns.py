"""The pattern language: what is accepted is a regular expression, and what a message lacks changes no answer."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.triage.pattern import Language, Pattern, PatternError

LIMB = ("arm", "leg", "foot")
WORDS = ("arm", "leg", "foot", "weak", "face", "drooping", "drooped", "numb", "no", "other", "and")
PIECES = ("weak", "numb", "droop*", "<limb>", "(", ")", "|", "?", "!", "^", "$", "..2", "~2", "face")


def language() -> Language:
    made = Language({"limb": LIMB}, {}, ("and",))
    made.learn([*WORDS, "droop*"])
    return made


KNOWN = language()
messages = st.lists(st.sampled_from([*WORDS, ".", ",", "?"]), max_size=9).map(" ".join)
patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(" ".join)


def accepted(pattern: str) -> Pattern | None:
    try:
        (made,) = KNOWN.compile([pattern])
    except PatternError:
        return None
    return made


@given(patterns, messages)
def test_what_is_accepted_compiles_matches_something_and_answers_as_its_regex(pattern: str, message: str) -> None:
    made = accepted(pattern)
    if made is None:
        return
    plain = re.compile(made.regex)
    assert plain.match("") is None
    codes = KNOWN.encode(message).codes
    assert [each.span() for each in made.finditer(codes)] == [each.span() for each in plain.finditer(codes)]
    for start in range(len(codes) + 1):
        found, wanted = made.search(codes, start, len(codes)), plain.search(codes, start, len(codes))
        assert (found and found.span()) == (wanted and wanted.span())


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("weak <limb>", "my weak leg"),
        ("<limb> ~3 weak", "weak in the arm"),
        ("(numb|weak) face?", "numb"),
        ("!no weak", "weak"),
        ("^ numb (and weak)?", "numb"),
        ("face !(numb|weak)", "face other"),
        ("droop*", "drooping"),
    ],
)
def test_a_pattern_finds_what_it_says(pattern: str, message: str) -> None:
    made = accepted(pattern)
    assert made is not None
    assert made.search(KNOWN.encode(message).codes)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "is empty"),
        ("..2", "is empty"),
        ("weak?", "could match nothing"),
        ("(weak|numb?)", "could match nothing"),
        ("(weak|)", "could match nothing"),
        ("^ !weak $ (numb)?", "could match nothing"),
        ("? weak", "in the wrong place"),
        ("weak??", "in the wrong place"),
        ("^? weak", "in the wrong place"),
        ("..2? weak", "in the wrong place"),
        (") weak (", "in the wrong place"),
        ("(weak", "brackets unequally"),
        ("weak !", "without a word after it"),
        ("weak !?", "without a word after it"),
        ("weak ..9 numb", "a gap of 9 words"),
        ("weak + numb", "no word of the language"),
        ("<organ>", "doesn't have"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=re.escape(why)):
        KNOWN.compile([pattern])


def test_a_pattern_that_a_message_lacks_a_word_for_is_never_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = accepted("weak <limb>")
    assert made is not None

    def compiled(_: str) -> re.Pattern[str]:
        raise AssertionError("it was compiled")

    monkeypatch.setattr(re, "compile", compiled)
    assert made.search(KNOWN.encode("numb leg").codes) is None
    with pytest.raises(AssertionError):
        made.search(KNOWN.encode("weak leg").codes)
