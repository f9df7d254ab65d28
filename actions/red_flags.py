"""A red flag that the screen's cues did not foresee: the emergency line first, and one direct question.

The second layer may only raise. Once the person has said no, the message is answered like any other.
"""

from typing import Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.questions import AnswerQuestion
from actions.resources import Resources, intent_of, ranking_of, say, text_of
from bot.knowledge.answer import article_buttons
from bot.knowledge.decide import decide
from bot.outcome import Button, Kind, Outcome, Reply
from bot.payload import payload

CRISIS = "may_be_crisis"
# The families of the screen's messages whose question is put, and the rules that stand behind them.
ASKED = {"may_be_emergency": ("any_sign", "E02"), CRISIS: ("crisis_unclear", "D29")}
MOST_OFFERED = 3
"""So many articles are offered beside the question."""


class AskRedFlag(Action):
    """Asks the direct question of the red flag that the engine heard."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._answer = AnswerQuestion(resources)

    def name(self) -> str:
        """The name in the domain."""
        return "action_ask_red_flag"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        """Ask, or answer as usual when the person has just said no to that."""
        if (tracker.latest_message.get("metadata") or {}).get("calm"):
            return await self._answer.run(dispatcher, tracker, domain)
        messages, country = self._resources.messages, self._resources.country(tracker)
        is_crisis = intent_of(tracker) == CRISIS
        family, rule = ASKED[intent_of(tracker)]
        words = messages.emergency.get(family)
        text = messages.crisis.unclear if words is None else f"{words.line}\n\n{words.question}"
        yes, no = messages.answers
        buttons = (
            Button(title=yes, payload=payload("flag", f"yes:{family}")),
            Button(title=no, payload=payload("flag", f"no:{family}")),
        )
        # What they may have asked besides waits behind a button. The question about a crisis stands alone.
        asked = decide(ranking_of(tracker, self._resources.library))
        topics = asked.topics if asked.do != "miss" else ()
        shown = () if is_crisis else topics[:MOST_OFFERED]
        about = [self._resources.library.about(topic, text_of(tracker)) for topic in shown]
        offered = article_buttons([article for article in about if article is not None])
        outcome = Outcome(
            kind=Kind.CRISIS if is_crisis else Kind.TRIAGE,
            disposition=None if is_crisis else "EMERGENCY",
            provisional=True,
            rules=(rule,),
            ruleset=self._resources.rules.version,
            asks_red_flags=True,
            asks=family,
            alternatives=topics,
            replies=(Reply(text=messages.fill(text, country), buttons=(*buttons, *offered)),),
        )
        say(dispatcher, outcome)
        return []
