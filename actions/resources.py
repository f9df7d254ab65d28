"""What the actions share: the knowledge base, the rules, the words and the countries, loaded once."""

import time
from dataclasses import dataclass
from typing import Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from bot.knowledge import Library, Shelf
from bot.outcome import Outcome
from bot.settings import CONTENT, Settings
from bot.triage.countries import Countries, Country
from bot.triage.messages import Messages
from bot.triage.rules import Rules, load_rules
from bot.words import Words


@dataclass(frozen=True)
class Resources:
    """The content every action works with."""

    shelf: Shelf
    words: Words
    rules: Rules
    countries: Countries
    messages: Messages

    @classmethod
    def load(cls, settings: Settings) -> "Resources":
        """Load all of it; raises what the loaders raise, naming file and remedy."""
        production = settings.mode == "production"
        return cls(
            shelf=Shelf(CONTENT, reload=not production, must_be_reviewed=production, clock=time.monotonic),
            words=Words.load(CONTENT / "words.yml"),
            rules=load_rules(CONTENT / "triage"),
            countries=Countries.load(CONTENT / "countries.yml"),
            messages=Messages.load(CONTENT / "triage" / "messages.yml"),
        )

    @property
    def library(self) -> Library:
        """The articles as they stand now."""
        return self.shelf.library

    def country(self, tracker: Tracker) -> Country:
        """Return the person's country, as the dialogue told the engine with the message."""
        return self.countries.get((tracker.latest_message.get("metadata") or {}).get("country"))


def say(dispatcher: CollectingDispatcher, outcome: Outcome) -> None:
    """Hand an outcome to the engine, which carries it to the dialogue."""
    dispatcher.utter_message(json_message={"outcome": outcome.model_dump(mode="json")})


def intent_of(tracker: Tracker) -> str:
    """Return the name of the intent the engine understood."""
    return str((tracker.latest_message.get("intent") or {}).get("name") or "")


def text_of(tracker: Tracker) -> str:
    """Return what the person wrote."""
    return str(tracker.latest_message.get("text") or "")


def entity_of(tracker: Tracker, name: str) -> str:
    """Return an entity's value, or an empty text."""
    entities: list[dict[str, Any]] = tracker.latest_message.get("entities") or []
    return next((str(entity.get("value")) for entity in entities if entity.get("entity") == name), "")


def ranking_of(tracker: Tracker, library: Library) -> list[tuple[str, float]]:
    """Return the topics the engine ranked, with their confidences, best first; other intents are left out."""
    ranked = tracker.latest_message.get("intent_ranking") or []
    return [(each["name"], float(each["confidence"])) for each in ranked if each["name"] in library.topics]
