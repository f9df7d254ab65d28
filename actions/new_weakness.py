"""Someone reports a new weak face: be seen today, and what makes it an emergency (rule D00)."""

from typing import Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.resources import Resources, say
from bot.knowledge.answer import article_buttons
from bot.outcome import Kind, Outcome, Reply

FLOOR_RULE = "D00"


class ReportNewWeakness(Action):
    """Tells a person with a new weak face to be seen today, emergency signs first."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def name(self) -> str:
        """The name in the domain."""
        return "action_report_new_weakness"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[Any]:
        """Say it; nothing is asked yet, so the result stays provisional."""
        words, library = self._resources.words, self._resources.library
        number = self._resources.country(tracker).emergency_number
        rule = self._resources.rules.by_id[FLOOR_RULE]
        text = "\n\n".join(
            [
                words("report.red_flags", number=number),
                words("report.new_weakness"),
                words("report.forehead", number=number),
            ]
        )
        near = [article for topic in ("is-it-stroke", "eye-care-day", "steroids") if (article := library.about(topic))]
        say(
            dispatcher,
            Outcome(
                kind=Kind.TRIAGE,
                topic="is-it-stroke",
                disposition=rule.disposition.value,
                provisional=True,
                findings={"droop_new": "yes"},
                rules=(rule.id,),
                ruleset=self._resources.rules.version,
                asks_red_flags=True,
                begins_intake=True,
                replies=(Reply(text=text, buttons=tuple(article_buttons(near))),),
            ),
        )
        return []
