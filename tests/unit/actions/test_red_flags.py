"""What the second layer hears is asked about, and never anything else; after a no it is answered like any message."""

import pytest

from actions.red_flags import ASKED, AskRedFlag
from actions.resources import Resources
from bot.outcome import Kind
from bot.payload import parse
from tests.unit.actions.conftest import Run

EMERGENCY, CRISIS = ASKED


@pytest.mark.parametrize(("intent", "kind"), [(EMERGENCY, Kind.TRIAGE), (CRISIS, Kind.CRISIS)])
async def test_it_asks_one_direct_question_and_gives_no_verdict(
    run: Run, resources: Resources, intent: str, kind: Kind
) -> None:
    outcome = (await run(AskRedFlag(resources), intent, "half the keyboard went missing")).outcome
    assert (outcome.kind, outcome.provisional, outcome.asks) == (kind, True, ASKED[intent][0])
    assert outcome.asks_red_flags
    (reply,) = outcome.replies
    assert reply.text.count("?") == 1
    assert "{" not in reply.text
    presses = [parse(button.payload) for button in reply.buttons]
    assert [press.argument for press in presses if press] == [f"yes:{outcome.asks}", f"no:{outcome.asks}"]


async def test_after_a_no_the_message_is_answered_as_any_other(run: Run, resources: Resources) -> None:
    ranking = [(EMERGENCY, 0.6), ("eye-care-night", 0.9), ("eye-care-day", 0.01)]
    ran = await run(AskRedFlag(resources), EMERGENCY, "eye at night", ranking, calm=True)
    assert (ran.outcome.kind, ran.outcome.topic, ran.outcome.asks) == (Kind.ANSWER, "eye-care-night", None)


async def test_what_they_may_have_asked_besides_waits_behind_buttons(run: Run, resources: Resources) -> None:
    ranking = [(EMERGENCY, 0.9), ("eye-care-night", 0.9), ("eye-care-day", 0.01)]
    outcome = (await run(AskRedFlag(resources), EMERGENCY, "eye at night", ranking)).outcome
    assert (outcome.article, outcome.alternatives[0]) == (None, "eye-care-night")
    assert outcome.replies[0].buttons[2].payload == "open:eye-care-night"


async def test_beside_the_question_about_a_crisis_nothing_is_offered(run: Run, resources: Resources) -> None:
    ranking = [(CRISIS, 0.9), ("eye-care-night", 0.9), ("eye-care-day", 0.01)]
    outcome = (await run(AskRedFlag(resources), CRISIS, "eye at night", ranking)).outcome
    assert (len(outcome.replies[0].buttons), outcome.alternatives[0]) == (2, "eye-care-night")


def test_every_question_has_its_words_for_yes_and_no(resources: Resources) -> None:
    assert ASKED[EMERGENCY][0] in resources.messages.emergency
    assert all(rule in resources.rules.by_id for _, rule in ASKED.values())
