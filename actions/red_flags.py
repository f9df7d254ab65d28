"""A red flag that the screen's cues did not foresee: the emergency line first, and one direct question.

The second layer may only raise. Once the person has said no, the message is answered like any other.
"""

from typing import Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.questions import AnswerQuestion
from actions.resources import Resources, intent_of, say
from bot.outcome import Button, Kind, Outcome, Reply
from bot.payload import payload

CRISIS = "may_be_crisis"
# The families of the screen's messages whose question is put, and the rules that stand behind them.
ASKED = {"may_be_emergency": ("any_sign", "E02"), CRISIS: ("crisis_unclear", "D29")}


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
        outcome = Outcome(
            kind=Kind.CRISIS if is_crisis else Kind.TRIAGE,
            disposition=None if is_crisis else "EMERGENCY",
            provisional=True,
            rules=(rule,),
            ruleset=self._resources.rules.version,
            asks_red_flags=True,
            asks=family,
            replies=(Reply(text=messages.fill(text, country), buttons=buttons),),
        )
        say(dispatcher, outcome)
        return []
