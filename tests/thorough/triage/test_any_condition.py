"""What holds of any condition."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.triage.condition import FAILS, HOLDS, UNDECIDED, Value, parse
from tests.unit.triage.test_conditions import CONSTANTS, FINDINGS, KNOWN, TEXTS


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, known=KNOWN, open_=st.sets(st.sampled_from(list(FINDINGS))), answers=KNOWN)
def test_an_answer_never_turns_round_what_was_decided(
    text: str, known: dict[str, Value], open_: set[str], answers: dict[str, Value]
) -> None:
    condition = parse(text, FINDINGS, CONSTANTS)
    before = condition.on(known, open_)
    answered = {**known, **{name: value for name, value in answers.items() if name in open_ and name not in known}}
    # Some of the open findings are answered now, the rest are asked in vain.
    after = condition.on(answered)
    assert after in (HOLDS, FAILS)
    assert before in (after, UNDECIDED)
    # Or they stay open, and what was decided stays decided.
    between = condition.on(answered, open_)
    assert before in (between, UNDECIDED) and between in (after, UNDECIDED)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, known=KNOWN, open_=st.sets(st.sampled_from(list(FINDINGS))))
def test_not_turns_every_condition_round(text: str, known: dict[str, Value], open_: set[str]) -> None:
    turned = {HOLDS: FAILS, FAILS: HOLDS, UNDECIDED: UNDECIDED}
    plain, negated = parse(text, FINDINGS, CONSTANTS), parse(f"not ({text})", FINDINGS, CONSTANTS)
    assert negated.on(known, open_) == turned[plain.on(known, open_)]
