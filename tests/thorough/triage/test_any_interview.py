"""What holds of any interview."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.triage.interview import findings_of
from tests.unit.triage.test_interview import INTERVIEW, RULES


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_always_ends_whatever_is_answered(data: st.DataObject) -> None:
    known: dict[str, object] = {}
    asked: list[str] = []
    while (question := INTERVIEW.next_question(known, frozenset(asked))) is not None:
        answer = data.draw(st.sampled_from(question.answers))
        known.update(findings_of(question, (answer,), RULES.findings))
        asked.append(question.id)
        assert len(asked) <= len(INTERVIEW.questions)
    opened = INTERVIEW.assess(known, frozenset(asked))
    final = INTERVIEW.assess(known, frozenset(each.id for each in INTERVIEW.questions))
    assert opened.disposition.rank == final.disposition.rank, "what was not asked would have changed the result"
