"""What every page of the desk works with: the store, the clock, the rules, and how a page is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.clock import Clock
from bot.desk import shown
from bot.desk.access import Visit
from bot.desk.attempts import Attempts
from bot.desk.passwords import Passwords
from bot.desk.rule_words import Reason
from bot.desk.sorting import Sorter
from bot.desk.uploads import Uploads
from bot.knowledge import Shelf
from bot.programme.exercise import ExerciseLibrary, load_exercises
from bot.programme.questionnaire import Questionnaire, load_questionnaires
from bot.settings import CONTENT
from bot.store import Store, demo
from bot.words import Words

_FOLDER = Path(__file__).parent


@dataclass
class Desk:
    """The desk of one process.

    Args:
        store: the database.
        clock: the one clock.
        shelf: the articles, for the counts that the admin sees.
        sorter: the rules that sort referrals.
        address: where a browser finds the desk, without a slash at the end.
        idle: how long a browser stays signed in while nothing is done.
        passwords: how passwords are hashed.
        uploads: spreadsheets that wait to be confirmed.
        holds_demo: whether the demo clinic was there when the desk was started.
        taken_in_to: how far what patients told was taken in (see `flow`).
    """

    store: Store
    clock: Clock
    shelf: Shelf
    sorter: Sorter
    address: str
    idle: timedelta = timedelta(minutes=30)
    passwords: Passwords = field(default_factory=Passwords)
    attempts: Attempts = field(default_factory=Attempts)
    uploads: Uploads = field(default_factory=Uploads)
    holds_demo: bool = False
    taken_in_to: tuple[int, ...] | None = None

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the desk over https; then its cookies travel on nothing else."""
        return urlsplit(self.address).scheme == "https"

    @property
    def session_cookie(self) -> str:
        """The name of the cookie of a sign-in."""
        return "__Host-septimus_desk" if self.is_https else "septimus_desk"

    @property
    def visit_cookie(self) -> str:
        """The name of the cookie that ties a form to the browser before anybody has signed in."""
        return "__Host-septimus_visit" if self.is_https else "septimus_visit"

    def today(self, zone: str) -> date:
        """The clinic's day."""
        return self.clock().astimezone(ZoneInfo(zone)).date()

    def page(self, visit: Visit | None, template: str, status: int = 200, **values: object) -> Response:
        """Write a page. Beside `values` a template has: `me`, `clinic`, `is_demo`, `today`, `may`, `csrf`, `here`."""
        signed = visit.signed if visit else None
        zone = signed.clinic.zone if signed else "UTC"
        known: Mapping[str, object] = {
            "me": signed.member if signed else None,
            "clinic": signed.clinic if signed else None,
            "is_demo": signed.clinic.name == demo.NAME if signed else self.holds_demo,
            "today": self.today(zone),
            "zone": zone,
            "may": visit.may if visit else _nobody_may,
            "csrf": visit.csrf if visit else "",
            "here": visit.request.url.path if visit else "",
            "done": visit.request.query_params.get("done", "") if visit else "",
        }
        text = self._templates.get_template(template).render({**known, **values})
        return HTMLResponse(text, status_code=status)

    @cached_property
    def words(self) -> Words:
        """The bot's own words, for what the desk sends into a chat."""
        return Words.load(CONTENT / "words.yml")

    @cached_property
    def reasons(self) -> Mapping[str, Reason]:
        """What every rule says, by its id, in the field's terms."""
        names: Any = self._templates.get_template("_findings.html").module
        return self.sorter.reasons(
            self.shelf.library.sources,
            lambda name: str(names.finding(name)),
            lambda given: str(names.cause_names.get(given) or names.value(given)),
        )

    @cached_property
    def library(self) -> ExerciseLibrary:
        """The exercises."""
        return load_exercises(CONTENT, frozenset(self.shelf.library.sources))

    @cached_property
    def questionnaires(self) -> Mapping[str, Questionnaire]:
        """The questionnaires, by id."""
        return load_questionnaires(CONTENT / "questionnaires")

    def _reason_of(self, rule: str) -> Reason | None:
        return self.reasons.get(rule)

    @cached_property
    def _templates(self) -> Environment:
        made = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters |= {
            "day": shown.day,
            "moment": moment,
            "localday": local_day,
            "words": shown.words,
            "figure": shown.figure,
        }
        made.globals |= {"waiting": shown.waiting, "since": shown.since, "reason_of": self._reason_of}
        return made


def moment(value: datetime, zone: str) -> str:
    """A moment on the clinic's own clock: "22 Nov 2026, 10:05"."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{shown.day(local.date())}, {local:%H:%M}"


def local_day(value: datetime, zone: str) -> str:
    """The day of a moment on the clinic's own clock: "22 Nov 2026"."""
    return shown.day(value.astimezone(ZoneInfo(zone)).date())


def onward(path: str, done: str = "") -> Response:
    """Go on to a page after something was done, and say there that it was."""
    mark = f"{'&' if '?' in path else '?'}done={done}" if done else ""
    return RedirectResponse(f"{path}{mark}", status_code=303)


def _nobody_may(_need: str) -> bool:
    return False
