"""What a therapist has set for a person's exercises: the stage, and which are open or locked. Pure.

It stands beside the person's own answers and is written by the clinic alone. It never opens what a red flag, a palsy
from the brain or one that nobody has assessed keeps shut, and never strength drills where movements are linked.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from bot.programme.exercise import Stage
from bot.programme.gate import Standing
from bot.programme.own import OwnProgramme


@dataclass(frozen=True, slots=True)
class Prescribed:
    """A therapist's settings.

    Attributes:
        stage: the stage that counts in place of the one that the person's answers speak for; None: theirs counts.
        code: active exercise is open before its weeks have passed (G3, G4).
        opened: exercises that are open whatever their own gate says.
        locked: exercises that are shut.
        own: the programme that they chose for the person; it opens nothing.
    """

    stage: Stage | None = None
    code: bool = False
    opened: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    own: OwnProgramme | None = None

    def applied(self, standing: Standing) -> Standing:
        """What is known of a person, as the gates are to see it."""
        return replace(standing, stage=self.stage, code=self.code, opened=self.opened, locked=self.locked)

    def dumps(self) -> str:
        """As JSON."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def loads(cls, text: str | None) -> "Prescribed":
        """From JSON; nothing set when there is none."""
        return cls() if text is None else _JSON.validate_json(text)


_JSON = TypeAdapter(Prescribed)
