"""Measure the product on the test banks: `make banks` prints the table, with 95 % intervals, and writes docs/banks.md.

Every message goes through `septimus replay`, the door that serves everybody. Vignettes go through the rules' own
interview, answered with what the case says and "not sure" to everything else.
"""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.referral.proposal import Proposals
from bot.second_reader import SecondReader
from bot.settings import CONTENT, MODELS, ROOT
from bot.triage.assess import UNKNOWN, assess
from bot.triage.condition import Value
from bot.triage.interview import load_interview
from bot.triage.rules import Disposition, load_rules
from bot.triage.screen import Level, Screen

BANKS = ROOT / "tests" / "banks"
TABLE = ROOT / "docs" / "banks.md"
_Z = 1.959964
"""The normal quantile of a two-sided 95 % interval."""

type Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many; `low` and `high` bound it with 95 % confidence (Wilson 1927)."""

    what: str
    hits: int
    of: int

    @property
    def share(self) -> float:
        """The share, 0 to 1."""
        return self.hits / self.of

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self._middle() - self._half()

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self._middle() + self._half()

    def _middle(self) -> float:
        return (self.share + _Z**2 / (2 * self.of)) / (1 + _Z**2 / self.of)

    def _half(self) -> float:
        spread = self.share * (1 - self.share) / self.of + _Z**2 / (4 * self.of**2)
        return _Z * math.sqrt(spread) / (1 + _Z**2 / self.of)


def lines(name: str) -> list[Line]:
    """A bank's lines."""
    return [json.loads(line) for line in (BANKS / name).read_text(encoding="utf-8").splitlines()]


def replayed(messages: Sequence[Line]) -> list[Line]:
    """What each message gets as the first of a new person."""
    asked = "".join(json.dumps({"id": each["id"], "text": each["text"]}) + "\n" for each in messages)
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "replay"], cwd=ROOT, input=asked, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise SystemExit(ended.stderr)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def recognised(answer: Line) -> bool:
    """Whether the first reply tells the emergency or the crisis, or gives its line and asks the one question."""
    return answer["kind"] in ("emergency", "crisis") or (
        answer["kind"] == "triage" and answer["disposition"] == "EMERGENCY"
    )


def urgency(name: str, messages: Sequence[Line], answers: Sequence[Line]) -> list[Share]:
    """Recall of emergencies and of crises, same-day ones raised, harmless ones left in peace."""
    pairs = list(zip(messages, answers, strict=True))

    def share(what: str, gold: str, holds: Callable[[Line], bool]) -> Share:
        those = [answer for message, answer in pairs if message["gold"] == gold]
        return Share(f"{name}: {what}", sum(map(holds, those)), len(those))

    return [
        share("emergencies recognised in the first reply", "EMERGENCY", recognised),
        share("of these told at once, the others asked", "EMERGENCY", _told),
        share("crises met with the crisis or emergency message", "CRISIS", _told),
        share("same-day messages raised to today or above", "SAME_DAY", _at_least_today),
        share("harmless messages without an emergency or crisis verdict", "NONE", lambda each: not _told(each)),
        share("harmless messages told neither an emergency nor a sure crisis", "NONE", lambda each: not _sure(each)),
        share("harmless messages without even a question about it", "NONE", lambda each: not recognised(each)),
    ]


def _told(answer: Line) -> bool:
    return answer["kind"] in ("emergency", "crisis")


def _sure(answer: Line) -> bool:
    """The gentle question whether there are thoughts of dying takes nothing for sure; it has no disposition."""
    return answer["kind"] == "emergency" or (answer["kind"] == "crisis" and answer["disposition"] is not None)


def _at_least_today(answer: Line) -> bool:
    return recognised(answer) or answer["disposition"] in ("EMERGENCY", "SAME_DAY")


def questions(messages: Sequence[Line], answers: Sequence[Line]) -> list[Share]:
    """Right first answers, and right ones among the answer and what is offered with it."""
    first = among = 0
    for message, answer in zip(messages, answers, strict=True):
        right = {message["topic"], *message.get("also", ())}
        first += answer["topic"] in right
        among += bool(right & {answer["topic"], *answer["alternatives"]})
    return [
        Share("questions: the first answer is right", first, len(messages)),
        Share("questions: right among the answer and what is offered", among, len(messages)),
    ]


def vignettes(cases: Iterable[Line]) -> list[Share]:
    """What the interview ends with for each case, against the gold level."""
    interview, screen = load_interview(CONTENT / "triage", load_rules(CONTENT / "triage")), Screen.load(CONTENT)
    findings = interview.rules.findings
    exact = safe = count = emergencies = caught = 0
    for case in cases:
        truth: dict[str, Value] = {
            name: float(value) if isinstance(value, int | float) else value for name, value in case["facts"].items()
        }
        certain = (hit for hit in screen(case["opening"]).hits if hit.level is Level.CERTAIN)
        given: dict[str, Value] = {hit.finding: hit.value for hit in certain if hit.finding in findings}
        age = float(truth.get("age", 40.0))
        if not 18 <= age < 60:  # first contact asks for child, adult or older
            given["age"] = 10.0 if age < 18 else 65.0
        asked: frozenset[str] = frozenset()
        while (question := interview.next_question(given, asked)) is not None:
            given.update({name: truth.get(name, UNKNOWN) for name in question.fills if name not in given})
            asked |= {question.id}
        got, gold = assess(given, interview.rules).disposition, Disposition[case["gold"]]
        count += 1
        exact += got is gold
        safe += got.rank > gold.rank - 2
        if gold is Disposition.EMERGENCY:
            emergencies += 1
            caught += got is gold
    return [
        Share("vignettes: emergencies told", caught, emergencies),
        Share("vignettes: the very level of the rules", exact, count),
        Share("vignettes: never two ranks too low", safe, count),
    ]


def letters(name: str, bank: Sequence[Line]) -> list[Share]:
    """What the desk would propose for each referral letter, against the gold band and what the letter states."""
    band = urgent = urgent_found = stated = found = 0
    with SecondReader() as hear:
        propose = Proposals.load(CONTENT, hear, MODELS)
        read = [(letter["gold"], propose.measured(letter)) for letter in bank]
    for gold, got in read:
        band += got["band"] == gold["band"]
        if gold["band"] == "P0":
            urgent += 1
            urgent_found += got["band"] == "P0"
        values = {name: each["value"] for name, each in dict(got["findings"]).items()}  # type: ignore[call-overload]
        stated += len(gold["findings"])
        found += sum(str(values.get(name)) == str(value) for name, value in gold["findings"].items())
    return [
        Share(f"{name}: the band is right", band, len(bank)),
        Share(f"{name}: of the most urgent, put on top", urgent_found, urgent),
        Share(f"{name}: what is stated, found with its value", found, stated),
    ]


def measure() -> list[Share]:
    """Everything, in one start of the product."""
    banks = {
        "unseen bank": lines("urgency.jsonl"),
        "second bank, kept half": [each for each in lines("urgency_2.jsonl") if not each["seen"]],
        "second bank, half that was read": [each for each in lines("urgency_2.jsonl") if each["seen"]],
        "third bank": lines("urgency_3.jsonl"),
        "fourth bank": lines("urgency_4.jsonl"),
    }
    asked = lines("questions.jsonl")
    together = [message for bank in banks.values() for message in bank] + asked
    answers = replayed(together)
    shares: list[Share] = []
    start = 0
    for name, bank in banks.items():
        shares += urgency(name, bank, answers[start : start + len(bank)])
        start += len(bank)
    others = [
        *vignettes(lines("vignettes.jsonl")),
        *letters("letters", lines("letters.jsonl")),
        *letters("second letters", lines("letters_2.jsonl")),
        *letters("third letters", lines("letters_3.jsonl")),
    ]
    return [*shares, *others, *questions(asked, answers[start:])]


def main() -> None:
    """Measure, print, write."""
    shares = measure()
    rows = [f"| {each.what} | {each.hits} of {each.of} | {each.share:.1%} | {each.low:.1%} to {each.high:.1%} |"
            for each in shares]  # fmt: skip
    table = "\n".join(["| what | | share | 95 % interval |", "|---|---|---|---|", *rows])
    TABLE.write_text(_TEXT.format(table=table), encoding="utf-8")
    sys.stdout.write(table + "\n")


_TEXT = """# What the test banks measure

Made by `make banks`; don't edit by hand. Held to `tests/banks/bounds.yml` by the tests.
`tests/banks/README.md` says where the messages come from: all are imagined,
none has been labelled by a clinician. A good score is a check of the product against its own rules.

{table}

- *recognised*: the first reply tells the emergency (or crisis) message, or gives its line and asks one direct question.
- *unseen bank*, *kept half*, *third bank*, *fourth bank*: nobody wrote a cue, a rule or an
  example from these. The *half that was read* is there to show the difference; it says nothing about messages that
  nobody has seen.
- *a sure crisis*: the gentle question whether there are thoughts of dying is no verdict; the row before counts
  it as one.
- *vignettes*: cases with every answer known or unknown, led through the interview. Gold is the rules read by hand.
- *letters*: 60 invented referral letters with the band a reader of the evidence pack gave them, read as pasted.
  *second letters*: 60 by another writer, with nearly every statement labelled; *third letters*: 60 by a third,
  who had seen the evidence pack alone. Nobody wrote a phrase of the reader from these, and it learnt from none of them.
- The interval is Wilson's, for a share at 95 % confidence.
"""


if __name__ == "__main__":
    main()
