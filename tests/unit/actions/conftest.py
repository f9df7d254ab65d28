"""The actions in this process, with trackers made by hand."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions.resources import Resources
from bot.knowledge import Shelf
from bot.outcome import Outcome
from bot.triage.countries import Countries
from bot.triage.messages import Messages
from bot.triage.rules import load_rules
from bot.words import Words


def messages_of(content: Path) -> Messages:
    return Messages.load(content / "triage" / "messages.yml")


@pytest.fixture(scope="session")
def resources(content: Path, shelf: Shelf, words: Words, countries: Countries) -> Resources:
    return Resources(shelf, words, load_rules(content / "triage"), countries, messages_of(content))


@pytest.fixture(scope="session")
def bare_resources(
    content: Path, words: Words, countries: Countries, tmp_path_factory: pytest.TempPathFactory
) -> Resources:
    """Resources without a single article."""
    folder = tmp_path_factory.mktemp("bare") / "content"
    folder.mkdir()
    (folder / "topics.yml").write_text("groups:\n  eating-speaking:\n    eating: easier eating\n", encoding="utf-8")
    (folder / "sources.yml").write_text("{}\n", encoding="utf-8")
    bare = Shelf(folder, reload=False, must_be_reviewed=False, clock=time.monotonic)
    return Resources(bare, words, load_rules(content / "triage"), countries, messages_of(content))


@dataclass(frozen=True)
class Ran:
    """What an action said and which slots it set."""

    outcome: Outcome
    slots: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n\n".join(reply.text for reply in self.outcome.replies)

    @property
    def payloads(self) -> list[str]:
        return [button.payload for reply in self.outcome.replies for button in reply.buttons]


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run() -> Run:
    """Run an action on what the engine understood of a message."""

    async def ran(
        action: Action,
        intent: str = "",
        text: str = "",
        ranking: Sequence[tuple[str, float]] = (),
        country: str | None = "GB",
        last_article: str | None = None,
        calm: bool = False,
        stage: str | None = None,
        **entities: str,
    ) -> Ran:
        message = {
            "text": text,
            "intent": {"name": intent, "confidence": 1.0},
            "intent_ranking": [{"name": name, "confidence": confidence} for name, confidence in ranking],
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "metadata": {"country": country, "stage": stage, "calm": calm},
        }
        tracker = Tracker("p" * 32, {"last_article": last_article}, message, [], False, None, {}, None)
        dispatcher = CollectingDispatcher()
        events = await action.run(dispatcher, tracker, {})
        [said] = dispatcher.messages
        assert all(event["event"] == "slot" for event in events)
        slots = {event["name"]: event["value"] for event in events}
        return Ran(Outcome.model_validate(said["custom"]["outcome"]), slots)

    return ran
