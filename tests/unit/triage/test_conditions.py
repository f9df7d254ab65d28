"""The language of the rules' conditions: what it says, what it refuses, and what is not decided yet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from bot.triage.condition import FAILS, HOLDS, UNDECIDED, NotACondition, Value, parse


@dataclass(frozen=True)
class Kind:
    """A finding as the language sees it."""

    kind: str
    values: tuple[str, ...] = ()


FINDINGS: Mapping[str, Kind] = {
    "droop": Kind("yes_no"),
    "fever": Kind("yes_no"),
    "eye_red": Kind("yes_no"),
    "pain_2w": Kind("yes_no"),
    "side": Kind("choice", ("L", "R", "both")),
    "speed": Kind("choice", ("sudden", "slow", "none")),
    "hours": Kind("number"),
    "weeks": Kind("number"),
}
CONSTANTS: Mapping[str, Value] = {"first_day": "unless_reassured", "limit_weeks": 3.0}


def holds(text: str, known: Mapping[str, Value], open_: frozenset[str] = frozenset()) -> int:
    return parse(text, FINDINGS, CONSTANTS).on(known, open_)


# ---- What it says ----
SAYS: list[tuple[str, dict[str, Value], bool]] = [
    # condition, what is known, whether it holds
    ("droop", {"droop": "yes"}, True),
    ("droop", {"droop": "no"}, False),
    ("droop", {}, False),
    ("not droop", {"droop": "yes"}, False),
    ("not droop", {"droop": "no"}, True),
    ("not droop", {}, True),
    ("not not droop", {"droop": "yes"}, True),
    ("droop is yes", {"droop": "yes"}, True),
    ("droop is no", {"droop": "no"}, True),
    ("droop is no", {}, False),
    ("droop is not no", {}, True),
    ("droop is not no", {"droop": "yes"}, True),
    ("droop is not no", {"droop": "no"}, False),
    ("droop is unknown", {}, True),
    ("droop is unknown", {"droop": "no"}, False),
    ("droop is not unknown", {}, False),
    ("droop is not unknown", {"droop": "no"}, True),
    ("droop and fever", {"droop": "yes", "fever": "yes"}, True),
    ("droop and fever", {"droop": "yes", "fever": "no"}, False),
    ("droop and fever", {"droop": "yes"}, False),
    ("droop and fever and eye_red", {"droop": "yes", "fever": "yes"}, False),
    ("droop or fever", {"fever": "yes"}, True),
    ("droop or fever or eye_red", {"eye_red": "yes"}, True),
    ("droop or fever", {"droop": "no"}, False),
    ("droop and (fever or eye_red)", {"droop": "yes", "eye_red": "yes"}, True),
    ("droop and (fever or eye_red)", {"fever": "yes", "eye_red": "yes"}, False),
    ("(droop and fever) or eye_red", {"eye_red": "yes"}, True),
    ("not (droop and fever)", {"droop": "yes"}, True),
    ("not droop and fever", {"fever": "yes"}, True),
    ("not droop and fever", {}, False),
    ("((droop))", {"droop": "yes"}, True),
    ("side is both", {"side": "both"}, True),
    ("side is both", {"side": "L"}, False),
    ("side is L", {"side": "L"}, True),
    ("side is not both", {"side": "L"}, True),
    ("side is not both", {}, True),
    ("side in {L, R}", {"side": "R"}, True),
    ("side in {L, R}", {"side": "both"}, False),
    ("side in {L}", {"side": "L"}, True),
    ("not side in {L, R}", {}, True),
    ("droop in {yes, no}", {"droop": "no"}, True),
    ("speed is none", {"speed": "none"}, True),
    ("speed is none", {}, False),
    ("unknown in {droop, side}", {"droop": "no"}, True),
    ("unknown in {droop, hours}", {"droop": "no", "hours": 0.0}, False),
    ("not unknown in {droop}", {"droop": "no"}, True),
    ("hours < 24", {"hours": 23.9}, True),
    ("hours < 24", {"hours": 24.0}, False),
    ("hours <= 24", {"hours": 24.0}, True),
    ("hours <= 24", {"hours": 24.1}, False),
    ("hours > 24", {"hours": 24.0}, False),
    ("hours > 24", {"hours": 24.1}, True),
    ("hours >= 24", {"hours": 24.0}, True),
    ("hours >= 24", {"hours": 23.9}, False),
    ("hours >= 0.5", {"hours": 0.5}, True),
    ("hours < 24", {}, False),
    ("not hours > 24", {}, True),
    ("not hours > 24", {"hours": 24.0}, True),
    ("not hours > 24", {"hours": 24.1}, False),
    ("hours<24", {"hours": 5.0}, True),
    (" droop  and\n  fever ", {"droop": "yes", "fever": "yes"}, True),
    ("pain_2w", {"pain_2w": "yes"}, True),
]


@pytest.mark.parametrize(("text", "known", "so"), SAYS)
def test_a_condition_says_what_it_reads_like(text: str, known: dict[str, Value], so: bool) -> None:
    assert holds(text, known) == (HOLDS if so else FAILS)


def test_a_condition_knows_its_text_and_each_finding_once_in_order() -> None:
    condition = parse("fever and (hours < 24 or unknown in {side, fever}) and not droop", FINDINGS)
    assert condition.names == ("fever", "hours", "side", "droop")
    assert condition.text == "fever and (hours < 24 or unknown in {side, fever}) and not droop"


@pytest.mark.parametrize(
    ("text", "known", "so"),
    [
        ("first_day is unless_reassured", {}, True),
        ("first_day is always_emergency", {}, False),
        ("not first_day is always_emergency", {}, True),
        ("droop and (first_day is always_emergency or fever)", {"droop": "yes"}, False),
        ("droop and (first_day is unless_reassured or fever)", {"droop": "yes"}, True),
        ("weeks >= limit_weeks", {"weeks": 3.0}, True),
        ("weeks >= limit_weeks", {"weeks": 2.9}, False),
        ("weeks >= limit_weeks", {}, False),
    ],
)
def test_a_policy_switch_stands_for_its_value(text: str, known: dict[str, Value], so: bool) -> None:
    condition = parse(text, FINDINGS, CONSTANTS)
    assert condition.on(known) == (HOLDS if so else FAILS)
    assert not {"first_day", "limit_weeks"} & set(condition.names)


def test_another_policy_makes_another_condition() -> None:
    always = parse("first_day is always_emergency", FINDINGS, {"first_day": "always_emergency"})
    six = parse("weeks >= limit_weeks", FINDINGS, {"limit_weeks": 6.0})
    assert (always.on({}), six.on({"weeks": 5.0}), six.on({"weeks": 6.0})) == (HOLDS, FAILS, HOLDS)


# ---- What it refuses ----
REFUSED: list[tuple[str, str]] = [
    # condition, what the error says: what is wrong, and what to write
    ("droop and fever or eye_red", "`and` stands beside `or`. Put brackets"),
    ("droop or fever and eye_red", "`and` stands beside `or`. Put brackets"),
    ("droop fever", "'fever' is not expected here. Join two terms with `and` or `or`"),
    ("droop)", "')' is not expected here. Join two terms"),
    ("droop is no fever", "'fever' is not expected here. Join two terms"),
    ("dropp", "there is no finding 'dropp'. Add it to findings.yml, or mend the name"),
    ("unknown in {dropp}", "there is no finding 'dropp'. Add it to findings.yml"),
    ("other_switch is on", "there is no finding 'other_switch'"),
    ("droop and", "ends too early"),
    ("not", "ends too early"),
    ("", "ends too early"),
    ("   ", "ends too early"),
    ("droop is", "ends too early"),
    ("hours <", "ends too early"),
    ("(droop", "')' is expected, not the end"),
    ("(droop and fever", "')' is expected, not the end"),
    ("(droop fever)", "')' is expected, not 'fever'"),
    ("side in L", "'{' is expected, not 'L'"),
    ("side in {L R}", "'}' is expected, not 'R'"),
    ("side in {L", "'}' is expected, not the end"),
    ("side in {}", "'}' is expected, not the end"),
    ("unknown droop", "'in' is expected, not 'droop'"),
    ("unknown", "'in' is expected, not the end"),
    ("first_day", "'is' is expected, not the end"),
    ("first_day and droop", "'is' is expected, not 'and'"),
    ("droop is maybe", "'droop' is never 'maybe'. It may be: yes, no"),
    ("side is up", "'side' is never 'up'. It may be: L, R, both"),
    ("side is yes", "'side' is never 'yes'. It may be: L, R, both"),
    ("side in {L, up}", "'side' is never 'up'. It may be: L, R, both"),
    ("side in {L, unknown}", "'side' is never 'unknown'. It may be: L, R, both"),
    ("hours is 24", "'hours' is never '24'. It may be: a number, compared with < or >="),
    ("side", "'side' is not a yes/no finding. Write what it should be, as in `side is ...`"),
    ("hours", "'hours' is not a yes/no finding. Write what it should be, as in `hours is ...`"),
    ("not side", "'side' is not a yes/no finding"),
    ("droop > 3", "'droop' is not a number, so '>' has no meaning here"),
    ("side <= 3", "'side' is not a number, so '<=' has no meaning here"),
    ("hours < soon", "a number is expected here, not 'soon'"),
    ("hours < weeks", "a number is expected here, not 'weeks'"),
    ("hours < first_day", "a number is expected here, not 'first_day'"),
    ("24 > hours", "a finding is expected, not '24'"),
    ("and droop", "a finding is expected, not 'and'"),
    ("droop and or fever", "a finding is expected, not 'or'"),
    ("droop and is", "a finding is expected, not 'is'"),
    ("L is side", "a finding is expected, not 'L'"),
    ("unknown in {5}", "a finding is expected, not '5'"),
    ("droop & fever", "'&' can't be read. Use findings, and, or, not, is, in, < <= > >="),
    ("droop == yes", "'==' can't be read. Use findings"),
    ("hours > -1", "'-1' can't be read"),
    ("Droop", "a finding is expected, not 'D'"),
    ("droop; fever", "';' can't be read"),
    ("hours => 3", "'=>' can't be read"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_what_cannot_be_read_is_named_with_its_remedy(text: str, says: str) -> None:
    with pytest.raises(NotACondition, match=re.escape(says)):
        parse(text, FINDINGS, CONSTANTS)


# ---- What is not decided yet ----
OPEN = frozenset({"droop", "fever", "side", "hours"})
SO_FAR: list[tuple[str, dict[str, Value], int]] = [
    # condition, what is known while droop, fever, side and hours may still be asked, what it may turn out to be
    ("droop", {}, UNDECIDED),
    ("not droop", {}, UNDECIDED),
    ("droop is no", {}, UNDECIDED),
    ("droop is not no", {}, UNDECIDED),
    ("droop is unknown", {}, UNDECIDED),
    ("droop is not unknown", {}, UNDECIDED),
    ("unknown in {droop}", {}, UNDECIDED),
    ("unknown in {droop, eye_red}", {}, HOLDS),
    ("unknown in {droop, eye_red}", {"eye_red": "no"}, UNDECIDED),
    ("hours < 24", {}, UNDECIDED),
    ("not hours > 24", {}, UNDECIDED),
    ("weeks < 3", {}, FAILS),
    ("not weeks > 3", {}, HOLDS),
    ("side is L", {}, UNDECIDED),
    ("side in {L, R, both}", {}, UNDECIDED),
    ("droop", {"droop": "yes"}, HOLDS),
    ("droop", {"droop": "no"}, FAILS),
    ("eye_red", {}, FAILS),
    ("not eye_red", {}, HOLDS),
    ("droop and eye_red", {}, FAILS),
    ("droop and eye_red", {"eye_red": "yes"}, UNDECIDED),
    ("droop and fever", {"droop": "no"}, FAILS),
    ("droop or eye_red", {"eye_red": "yes"}, HOLDS),
    ("droop or eye_red", {"eye_red": "no"}, UNDECIDED),
    ("droop or fever", {"droop": "no", "fever": "no"}, FAILS),
    ("droop and not fever", {"droop": "yes", "fever": "no"}, HOLDS),
    ("not (droop or eye_red)", {"eye_red": "yes"}, FAILS),
    ("not (droop and eye_red)", {"eye_red": "no"}, HOLDS),
    ("first_day is unless_reassured or droop", {}, HOLDS),
    ("first_day is always_emergency and droop", {}, FAILS),
    ("first_day is always_emergency or droop", {}, UNDECIDED),
]


@pytest.mark.parametrize(("text", "known", "may_be"), SO_FAR)
def test_a_term_that_may_still_be_asked_decides_nothing(text: str, known: dict[str, Value], may_be: int) -> None:
    assert holds(text, known, OPEN) == may_be


def test_what_is_known_counts_even_when_it_is_open() -> None:
    assert holds("droop", {"droop": "yes"}, frozenset({"droop"})) == HOLDS
    assert holds("droop is unknown", {"droop": "no"}, frozenset({"droop"})) == FAILS


VALUES: Mapping[str, list[Value]] = {
    name: ["yes", "no"] if each.kind == "yes_no" else list(each.values) or [0.0, 2.9, 3.0, 24.0, 25.0]
    for name, each in FINDINGS.items()
}
YES_NO = [name for name, each in FINDINGS.items() if each.kind == "yes_no"]


def _values(name: str) -> st.SearchStrategy[str]:
    allowed = st.sampled_from([str(value) for value in VALUES[name]])
    return st.one_of(
        st.builds("{} is {}".format, st.just(name), allowed),
        st.builds("{} is not {}".format, st.just(name), allowed),
        st.builds(
            "{} in {{{}}}".format, st.just(name), st.lists(allowed, min_size=1, max_size=3, unique=True).map(", ".join)
        ),
    )


TERMS = st.one_of(
    st.sampled_from(YES_NO),
    st.sampled_from([name for name in FINDINGS if FINDINGS[name].kind != "number"]).flatmap(_values),
    st.builds("{} is {}unknown".format, st.sampled_from(list(FINDINGS)), st.sampled_from(["", "not "])),
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["hours", "weeks"]),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from(["3", "24", "limit_weeks"]),
    ),
    st.lists(st.sampled_from(list(FINDINGS)), min_size=1, max_size=3).map(
        lambda names: f"unknown in {{{', '.join(names)}}}"
    ),
    st.sampled_from(["first_day is unless_reassured", "first_day is always_emergency"]),
)
TEXTS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: " and ".join(f"({term})" for term in terms)),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: " or ".join(f"({term})" for term in terms)),
    ),
    max_leaves=6,
)
KNOWN = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})
