"""What a message leads to: the replies, and the facts about them that the contract measures.

These are plain values. Actions build them, Rasa carries them as JSON, the dialogue hands them to whoever asked.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """What sort of reply a message got."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    TRIAGE = "triage"
    EMERGENCY = "emergency"
    CRISIS = "crisis"
    NO_DOSING = "no_dosing"
    OUT_OF_SCOPE = "out_of_scope"
    SMALLTALK = "smalltalk"
    LANGUAGE = "language"
    EXERCISE = "exercise"
    REMINDER = "reminder"
    ACCOUNT = "account"
    HANDOFF = "handoff"
    FALLBACK = "fallback"


class Button(BaseModel):
    """A button under a reply. `payload` is one of the short forms of `bot.payload`."""

    model_config = ConfigDict(frozen=True)

    title: str
    payload: str


class Count(BaseModel):
    """A count that runs under a message: so many holds of so many seconds, with a rest after each but the last.

    `after_s`: the longer rest after the last one.
    """

    model_config = ConfigDict(frozen=True)

    hold_s: int
    rest_s: int
    repetitions: int
    after_s: int = 0


PROGRESS = "progress"
"""Names the person's own progress, as an `image` or as a `document`: who sends it reads the diary and draws it then."""

EXPORT_PDF, EXPORT_JSON = "export/pdf", "export/json"
"""Name, as a `document`, all that is kept of the person, to read and whole: who sends it collects it then."""


class Reply(BaseModel):
    """One message to a person.

    `text` is light Markdown (`**bold**`, `### heading`, `- bullet`); a gateway renders it for its channel. With a
    `document` (a file's name) the text is sent as a file of that name; the document `progress` is the page of the
    person's progress, and the documents `export/pdf` and `export/json` are all that is kept of them, with the text
    beside it. `image` names a picture: an exercise's id and the weak side, as in
    `EX-13/left`, or `progress`; on the dark ground `/dark` follows. `count` runs under the message where a channel can
    show it.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    buttons: tuple[Button, ...] = ()
    image: str | None = None
    document: str | None = None
    count: Count | None = None


class Outcome(BaseModel):
    """Everything one message led to.

    `disposition` is what the replies tell the person to do about a symptom they report, None when they report none.
    `notice` is a few words for a tapped button's toast; `retired` are the verbs of buttons (see `bot.payload`) that are
    used up on the tapped message and should go from it. `asks` is the family of the direct safety question that the
    replies put, when they put one. `begins_intake` says that the triage intake's first question should follow.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    replies: tuple[Reply, ...] = ()
    topic: str | None = None
    article: str | None = None
    alternatives: tuple[str, ...] = ()
    disposition: str | None = None
    provisional: bool = False
    out_of_scope: bool = False
    findings: Mapping[str, str] = Field(default_factory=dict)
    rules: tuple[str, ...] = ()
    ruleset: str | None = None
    asks_red_flags: bool = False
    notice: str | None = None
    retired: tuple[str, ...] = ()
    asks: str | None = None
    begins_intake: bool = False

    def measured(self) -> dict[str, Any]:
        """Return the fields that `septimus replay` prints, as plain JSON values."""
        return self.model_dump(mode="json", exclude={"notice", "retired", "asks", "begins_intake"})
