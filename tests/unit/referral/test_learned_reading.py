"""From margins to proposals: what replaces the phrases' findings, and what stays theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.referral.learned import Candidate, candidates, sentences
from bot.referral.learned_reading import ASKED, DENIED, STATED, STATED_RARELY, Read, learned_reading
from bot.referral.letter import LetterReader
from bot.referral.record import Proposed, Referral
from tests.unit.loaded import reader

DAY = date(2026, 11, 19)
TEXT = "Dear all,\nHer eye stays open. The face fell on 3 November. Seen on 10 November."
NAMES = ("cannot_close_eye=yes", "cannot_close_eye=no", "cannot_close_eye=unsure", "cause=bells", "cause=rhs",
         "onset_speed=hours_to_3d", "side=L")  # fmt: skip


@dataclass
class Told:
    """What was learnt, as a test wants it: margins by a word of the sentence, odds by a word before the time."""

    margins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    odds: Mapping[str, float] = field(default_factory=dict)
    likely: Mapping[str, float] = field(default_factory=dict)
    urgent_by: str = ""
    names: tuple[str, ...] = NAMES
    rare: frozenset[str] = frozenset()

    def __call__(self, texts: Sequence[str], phrases: LetterReader) -> list[dict[str, float]]:
        return [
            {name: margin for word, found in self.margins.items() if word in text for name, margin in found.items()}
            for text in texts
        ]

    def onset(self, seen: Sequence[Candidate]) -> list[float]:
        return [next((odds for word, odds in self.odds.items() if word in each.left), -9.0) for each in seen]

    def bands(self, texts: Sequence[str]) -> list[dict[str, float]]:
        return [dict(self.likely) if self.urgent_by in text else {"P0": 0.0, "P3": 1.0} for text in texts]


def doubted(told: Told, referral: Referral | None = None) -> Read:
    return learned_reading(referral or Referral(received=DAY, text=TEXT), reader(), told)


def read(told: Told, referral: Referral | None = None) -> Referral:
    return doubted(told, referral).referral


def otherwise(told: Told, of: str, referral: Referral | None = None) -> list[tuple[float, object]]:
    """The doubts about one thing: what they cost, rounded, and what would be read."""
    made = doubted(told, referral)

    def value(changed: Referral) -> object:
        return changed.onset if of == "onset" else changed.cause if of == "cause" else changed.value(of)

    return [(round(each.cost, 2), value(each.read(made.referral))) for each in made.doubts if each.of == of]


def stated(name: str, value: str) -> Mapping[str, Proposed]:
    return MappingProxyType({name: Proposed(value, "x")})


def test_a_sentence_that_states_a_finding_is_its_quote() -> None:
    told = Told({"open": {"cannot_close_eye=yes": STATED + 0.1}})

    assert read(told).findings == {"cannot_close_eye": Proposed("yes", "Her eye stays open")}


@pytest.mark.parametrize(
    ("margins", "value"),
    [
        ({"yes": STATED + 0.01}, "yes"),
        ({"yes": STATED - 0.01}, None),
        ({"yes": 0.1, "no": 2.0}, "yes"),
        ({"yes": 0.0, "unsure": 1.0}, "unsure"),
        ({"yes": 0.5, "unsure": 0.6}, "yes"),
        ({"unsure": ASKED + 0.01, "no": 2.0}, "unsure"),
        ({"no": DENIED + 0.01}, "no"),
        ({"no": DENIED - 0.01}, None),
    ],
)
def test_the_worse_reading_stands(margins: Mapping[str, float], value: str | None) -> None:
    told = Told({"open": {f"cannot_close_eye={name}": margin for name, margin in margins.items()}})

    assert read(told).value("cannot_close_eye") == value


def test_what_was_learnt_replaces_the_phrases_where_it_knows_the_finding() -> None:
    referral = Referral(received=DAY, text=TEXT, findings=stated("cannot_close_eye", "no"))

    assert read(Told(), referral).findings == {}


def test_where_both_say_the_same_the_phrases_words_stay() -> None:
    referral = Referral(received=DAY, text=TEXT, findings=stated("cannot_close_eye", "yes"))

    assert read(Told({"open": {"cannot_close_eye=yes": 1.0}}), referral).findings == referral.findings


def test_what_was_not_learnt_stays_as_the_phrases_read_it() -> None:
    referral = Referral(received=DAY, text=TEXT, findings=stated("age", "50"))

    assert read(Told(), referral).findings == referral.findings


def test_what_few_lines_taught_is_believed_sooner() -> None:
    margins = {"open": {"cannot_close_eye=yes": STATED_RARELY + 0.01}}

    assert read(Told(margins)).value("cannot_close_eye") is None
    assert read(Told(margins, rare=frozenset({"cannot_close_eye=yes"}))).value("cannot_close_eye") == "yes"


def test_phrases_fill_in_what_they_know_well() -> None:
    referral = Referral(received=DAY, text=TEXT, findings=stated("pregnant", "yes"))

    assert read(Told(names=(*NAMES, "pregnant=yes")), referral).value("pregnant") == "yes"


def test_of_a_choice_the_surest_value_is_taken() -> None:
    told = Told({"fell": {"onset_speed=hours_to_3d": 0.3}})

    assert read(told).value("onset_speed") == "hours_to_3d"


def test_the_onset_is_the_likeliest_time_with_its_sentence() -> None:
    read_ = read(Told(odds={"fell": 2.0, "Seen": 1.0}))

    assert (read_.onset, read_.onset_is_exact) == (date(2026, 11, 3), True)
    assert read_.quotes["onset"] == "The face fell on 3 November"


def test_no_time_that_is_likely_enough_leaves_the_onset_of_the_phrases() -> None:
    phrases = Referral(received=DAY, text=TEXT, onset=date(2026, 11, 10), quotes=MappingProxyType({"onset": "x"}))
    read_ = read(Told(), phrases)

    assert (read_.onset, read_.quotes) == (date(2026, 11, 10), {"onset": "x"})


def test_a_length_counts_from_the_day_that_the_phrases_know() -> None:
    text = "The face fell three weeks before I saw her on 4 November."
    by_phrases = Referral(
        received=DAY, text=text, onset=date(2026, 10, 14), quotes=MappingProxyType({"onset": text[:25]})
    )

    assert read(Told(odds={"fell": 2.0}), by_phrases).onset == date(2026, 10, 14)


def test_about_a_day_is_no_exact_day() -> None:
    told = Told(odds={"fell": 2.0})

    assert not read(told, Referral(received=DAY, text="The face fell on or about 3 November.")).onset_is_exact


def test_a_value_that_was_never_learnt_is_still_read_by_phrases() -> None:
    told = Told({"open": {"noisy_breathing=no": 1.0}}, names=(*NAMES, "noisy_breathing=no"))
    referral = Referral(received=DAY, text=TEXT, findings=stated("noisy_breathing", "yes"))

    assert read(told, referral).value("noisy_breathing") == "yes"


def test_a_day_to_come_is_no_onset() -> None:
    referral = Referral(received=DAY, text="The face fell, to be reviewed on 3 December 2026.")

    assert read(Told(odds={"fell": 2.0}), referral).onset is None


def test_the_surest_cause_is_taken_and_quoted() -> None:
    read_ = read(Told({"fell": {"cause=bells": 0.2}, "Seen": {"cause=rhs": 0.5}}))

    assert (read_.cause, read_.quotes["cause"]) == ("rhs", "Seen on 10 November")


def test_a_cause_stays_where_nothing_says_otherwise() -> None:
    assert read(Told(), Referral(received=DAY, text=TEXT, cause="vs")).cause == "vs"


@given(st.text(max_size=300))
def test_sentences_are_parts_of_the_letter_in_order(text: str) -> None:
    spans = list(sentences(text))

    assert all(text[start:end].strip() for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    if text.strip():
        assert spans


@given(st.lists(st.sampled_from(["on 3 May", "3/52", "yesterday", "since 2019.", "\n", "Mr. A", "fell"]), max_size=12))
def test_the_times_of_any_letter_have_their_words_around_them(parts: list[str]) -> None:
    text = " ".join(parts)

    for each in candidates(text, DAY, None):
        assert each.left + each.words + each.right in text


def test_of_a_very_long_letter_twenty_thousand_signs_are_read() -> None:
    assert list(sentences("It fell.\n" * 5000))[-1][1] <= 20_000


def test_a_line_without_an_end_is_read_in_pieces_to_its_last_word() -> None:
    text = "he drives a bus, " * 60 + "and took an overdose"
    pieces = [text[start:end] for start, end in sentences(text)]

    assert "".join(pieces) == text
    assert all(len(each) <= 700 for each in pieces)


def test_without_capitals_a_stop_ends_a_sentence_too() -> None:
    text = "seen in surgery today. he took an overdose, e.g. of paracetamol."

    assert [text[start:end] for start, end in sentences(text)] == [
        "seen in surgery today.",
        "he took an overdose, e.g. of paracetamol.",
    ]


def test_a_wrapped_line_goes_on() -> None:
    text = "She denies any slurred speech or weakness of a limb and also any\ndouble vision, as far as she can remember it."

    assert [text[start:end] for start, end in sentences(text)] == [text]


@pytest.mark.parametrize("text", ["", "\n\n", "...", "3/52", "x" * 5000])
def test_no_letter_is_too_odd(text: str) -> None:
    assert read(Told(odds={"": 3.0}), Referral(received=DAY, text=text)).text == text


# --- what may be read otherwise -----------------------------------------------------------------------------------


def eye(**margins: float) -> Told:
    return Told({"open": {f"cannot_close_eye={value}": margin for value, margin in margins.items()}})


def test_a_finding_barely_stated_may_be_no_finding_or_the_other() -> None:
    assert otherwise(eye(yes=STATED + 0.1, unsure=ASKED - 0.2), "cannot_close_eye") == [(0.1, None), (0.3, "unsure")]


def test_a_finding_barely_not_stated_may_be_one() -> None:
    assert otherwise(eye(yes=STATED - 0.1), "cannot_close_eye") == [(0.1, "yes")]


def told_of(text: str, by_phrases: str | None = None, **margins: float) -> list[tuple[float, object]]:
    """The doubts about the eye in a letter of one sentence."""
    referral = Referral(received=DAY, text=text, findings=stated("cannot_close_eye", by_phrases) if by_phrases else {})
    told = Told({"open": {f"cannot_close_eye={value}": margin for value, margin in margins.items()}})
    return otherwise(told, "cannot_close_eye", referral)


PLAIN, TURNED = "Her eye stays open.", "Her eye never stays open."


@pytest.mark.parametrize(
    ("text", "by_phrases", "margin", "doubted"),
    [
        (PLAIN, None, 0.21, False),
        (PLAIN, None, 0.19, True),
        (PLAIN, "yes", 0.01, False),
        (PLAIN, "yes", -0.01, True),
        (TURNED, "yes", 0.39, True),
        (TURNED, None, 0.41, False),
    ],
)
def test_what_is_plainly_stated_is_in_no_doubt_however_sure_the_denial(
    text: str, by_phrases: str | None, margin: float, doubted: bool
) -> None:
    assert bool(told_of(text, by_phrases, yes=margin, no=2.0)) == doubted


def test_the_sentence_that_states_a_sign_is_never_its_denial() -> None:
    assert told_of(TURNED, yes=0.1, no=1.0) == [(0.45, None)]


def test_another_sentence_that_denies_it_more_surely_may_be_believed_for_nothing() -> None:
    told = Told({"never stays": {"cannot_close_eye=yes": 0.1}, "shuts": {"cannot_close_eye=no": 1.0}})
    referral = Referral(received=DAY, text=f"{TURNED} It shuts well.")

    assert otherwise(told, "cannot_close_eye", referral) == [(0.45, None), (0.0, "no")]


def test_what_phrases_alone_read_stands_but_for_what_they_fill_in() -> None:
    names = (*NAMES, "droop=yes", "droop=no")
    alone = Referral(received=DAY, text=TEXT, findings=stated("cannot_close_eye", "2"))
    filled = Referral(received=DAY, text=TEXT, findings=stated("droop", "yes"))

    assert otherwise(Told(), "cannot_close_eye", alone) == []
    assert otherwise(Told(names=names), "droop", filled) == [(0.5, None)]


def test_another_time_may_be_the_onset_or_none() -> None:
    told = Told(odds={"fell": 1.0, "Seen": 0.2})

    assert otherwise(told, "onset") == [(0.2, date(2026, 11, 10)), (0.62, None)]


def test_another_onset_brings_its_own_sentence() -> None:
    made = doubted(Told(odds={"fell": 1.0, "Seen": 0.2}))
    (seen,) = [each.read(made.referral) for each in made.doubts if each.of == "onset"][:1]

    assert seen.quotes["onset"] == "Seen on 10 November"


def test_another_cause_may_be_meant_or_none() -> None:
    told = Told({"open": {"cause=bells": 0.5, "cause=rhs": 0.2}})

    assert otherwise(told, "cause") == [(0.3, "rhs"), (0.8, None)]


def test_an_emergency_that_no_finding_names_has_the_sentence_without_which_the_letter_sounds_harmless() -> None:
    told = Told(likely={"P0": 0.8, "P3": 0.2}, urgent_by="stays open")
    made = doubted(told)
    (flag,) = [each for each in made.doubts if each.of == "possible_red_flag"]

    assert made.expected == {"P0": 0.8, "P3": 0.2}
    assert flag.read(made.referral).findings["possible_red_flag"] == Proposed("yes", "Her eye stays open")


@pytest.mark.parametrize(
    "sentence", ["Her mother had an eye that stays open.", "12/11 13/11 14/11 15/11.", "No, it stays open."]
)
def test_a_relative_numbers_and_denials_are_never_to_blame(sentence: str) -> None:
    text = f"{sentence}\nThank you for seeing her soon in your clinic for exercises."
    made = doubted(Told(likely={"P0": 0.8, "P3": 0.2}, urgent_by=sentence), Referral(received=DAY, text=text))

    assert "possible_red_flag" not in {each.of for each in made.doubts}


def test_a_letter_that_sounds_as_urgent_without_any_sentence_leaves_no_such_doubt() -> None:
    made = doubted(Told(likely={"P0": 0.8, "P3": 0.2}))

    assert "possible_red_flag" not in {each.of for each in made.doubts}


def test_a_letter_that_hardly_sounds_urgent_leaves_no_such_doubt() -> None:
    made = doubted(Told(likely={"P0": 0.05, "P3": 0.95}))

    assert "possible_red_flag" not in {each.of for each in made.doubts}


def test_of_a_few_words_nothing_is_said_as_a_whole() -> None:
    short = Referral(received=DAY, text="Eye stays open. Please see.")

    assert doubted(Told(likely={"P0": 1.0}), short).expected == {}
