"""What holds of any answers to the triage's questions."""

from hypothesis import example, given, settings

from bot.triage.assess import UNKNOWN, assess, would_change
from tests.unit.triage.test_assess import FIRST_DAY, LUMP, PEOPLE, RULES, YES_NO, Findings, explained, over_many, rank


@over_many
@given(person=PEOPLE)
@example({"eye_white_or_iris_shows_on_closing": "yes", "has_eye_protection_plan": "yes"})
@example({"dental_anaesthetic_hours": 2.0, "droop": "yes", "droop_new": "no"})
@example({**FIRST_DAY, "neuro_onset": "gradual", "sudden_vision_loss": UNKNOWN})
@example({**LUMP, "eye_red": UNKNOWN})
@example({**LUMP, "neuro_onset": "gradual", "double_vision": UNKNOWN})
@example({**FIRST_DAY, "onset_hours": 24.0, "age": 70.0, "eye_red": UNKNOWN})
def test_a_worse_answer_never_makes_it_less_urgent(person: Findings) -> None:
    before = assess(person, RULES)
    for name in YES_NO:
        after = assess({**person, name: RULES.findings[name].worse}, RULES)
        assert after.disposition.rank >= before.disposition.rank, explained(person, name, before, after)


@settings(max_examples=30, deadline=None)
@given(person=PEOPLE)
def test_what_to_watch_for_is_always_more_urgent_than_now(person: Findings) -> None:
    for name, disposition in would_change(person, RULES):
        assert disposition.rank > rank(person)
        assert rank({**person, name: RULES.findings[name].worse}) == disposition.rank
