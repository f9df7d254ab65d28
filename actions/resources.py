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


UNFIT = 0.5
"""What is left of the confidence of a topic that has nothing for the person's own stage."""

# What a person says of their stage, as the articles name it.
_STAGES = {"flaccid": "flaccid", "recovery": "recovery", "synkinesis": "synkinesis", "surgery": "post-surgery"}


def text_of(tracker: Tracker) -> str:
    """Return what the person wrote."""
    return str(tracker.latest_message.get("text") or "")


def entity_of(tracker: Tracker, name: str) -> str:
    """Return an entity's value, or an empty text."""
    entities: list[dict[str, Any]] = tracker.latest_message.get("entities") or []
    return next((str(entity.get("value")) for entity in entities if entity.get("entity") == name), "")


def ranking_of(tracker: Tracker, library: Library) -> list[tuple[str, float]]:
    """Return the topics the engine ranked, with their confidences, best first; other intents are left out.

    A topic with nothing for the person's own stage, where that is known, counts half: it is likelier that they mean
    the one that fits, and what they clearly ask for still comes first.
    """
    ranked = tracker.latest_message.get("intent_ranking") or []
    stage = _STAGES.get(str((tracker.latest_message.get("metadata") or {}).get("stage")))
    topics = [
        (each["name"], float(each["confidence"]) * (1.0 if _is_for(each["name"], stage, library) else UNFIT))
        for each in ranked
        if each["name"] in library.topics
    ]
    return sorted(topics, key=lambda topic: -topic[1])


def _is_for(topic: str, stage: str | None, library: Library) -> bool:
    articles = library.by_topic.get(topic, ())
    return stage is None or any({"any", stage} & set(article.stages) for article in articles)
