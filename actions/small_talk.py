"""Small talk: greetings, thanks, goodbyes, "are you a robot": warm, plain, brief."""

from typing import Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.resources import Resources, intent_of, say
from bot.outcome import Kind, Outcome, Reply

# which of the bot's own words answer which intent
WORDS = {
    "greet": "smalltalk.greet",
    "thanks": "smalltalk.thanks",
    "goodbye": "smalltalk.goodbye",
    "bot_challenge": "smalltalk.bot",
    "capabilities": "about.help",
    "affirm": "smalltalk.affirm",
    "deny": "smalltalk.deny",
    "unsure": "smalltalk.unsure",
    "insult": "smalltalk.insult",
}


class SmallTalk(Action):
    """Answers small talk."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_small_talk"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[Any]:
        """Say the words that belong to the intent."""
        number = self._resources.country(tracker).emergency_number
        text = self._resources.words(WORDS.get(intent_of(tracker), "smalltalk.unsure"), number=number)
        say(dispatcher, Outcome(kind=Kind.SMALLTALK, replies=(Reply(text=text),)))
        return []
