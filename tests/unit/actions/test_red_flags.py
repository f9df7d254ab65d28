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


def test_every_question_has_its_words_for_yes_and_no(resources: Resources) -> None:
    assert ASKED[EMERGENCY][0] in resources.messages.emergency
    assert all(rule in resources.rules.by_id for _, rule in ASKED.values())
