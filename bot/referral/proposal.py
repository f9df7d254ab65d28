"""From a pasted letter to what the desk proposes: one call for the pages, one plain form for `septimus referral`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from bot.content_file import Problem
from bot.referral.bands import Banding, Bands, check_bands
from bot.referral.learned_reading import LetterReading
from bot.referral.letter import check_letter
from bot.referral.record import Referral
from bot.referral.second_reading import Hear, second_reading


class WrongLetter(ValueError):
    """An item can't be read as a letter; the message names what is wrong."""


@dataclass(frozen=True, slots=True, repr=False)
class Proposals:
    """The letter's reading, the bands, and the alarm for the second reading."""

    letters: LetterReading
    bands: Bands
    hear: Hear | None = None

    @classmethod
    def load(cls, content: Path, hear: Hear | None = None, models: Path | None = None) -> Self:
        """What `content/referral/` and `content/triage/` say.

        Args:
            content: the content folder.
            hear: the alarm; without it letters are read once.
            models: where what was learnt of letters is kept; without it phrases read them alone.

        Raises:
            ContentError: a file is malformed, or names what doesn't exist.
        """
        bands = Bands.load(content)
        return cls(LetterReading.load(content, bands, models), bands, hear)

    def __call__(self, text: str, received: date, today: date | None = None) -> tuple[Referral, Banding]:
        """What a letter states, and the band that follows, before anybody confirms it. Never fails.

        Args:
            text: the letter.
            received: the day the clinic received it.
            today: the day to judge the time windows on; the day received when left away.
        """
        referral = self.letters(text, received)
        if self.hear is not None:
            referral = second_reading(referral, self.hear, self.letters.urgency(text))
        return referral, self.bands(referral, today or received)

    def measured(self, item: Mapping[str, Any]) -> dict[str, object]:
        """One line of `septimus referral`: `{"id", "text", "received"}` in, the proposal out.

        Raises:
            WrongLetter: a field is missing or of the wrong kind.
        """
        if missing := [name for name in ("id", "text", "received") if name not in item]:
            raise WrongLetter(f"it lacks {', '.join(missing)}")
        if not isinstance(item["text"], str):
            raise WrongLetter("`text` is not text")
        try:
            received = date.fromisoformat(str(item["received"])[:10])
        except ValueError:
            raise WrongLetter(f"`received` is '{item['received']}'. Write a day as in 2026-11-19") from None
        referral, banding = self(item["text"], received)
        return {
            "id": item["id"],
            "band": banding.band,
            "rules": list(banding.rules),
            "findings": {
                name: {"value": each.value, "quote": each.quote} for name, each in sorted(referral.findings.items())
            },
            "missing": list(banding.missing),
            "onset": referral.onset.isoformat() if referral.onset else None,
            "onset_is_exact": referral.onset_is_exact,
            "side": referral.side,
            "cause": referral.cause,
            "grade": referral.grade,
            "eye": banding.eye,
            "unsure": list(banding.unsure),
            "due": banding.due.isoformat(),
            "score": banding.score.value,
            "ruleset": banding.assessment.ruleset,
        }


def check_referrals(content: Path) -> list[Problem]:
    """What is wrong with `content/referral/`, each problem with its remedy; empty when nothing is.

    Raises:
        ContentError: a file can't be used at all.
    """
    proposals = Proposals.load(content)
    return check_bands(proposals.bands) + check_letter(proposals.letters.phrases, proposals.bands.findings)
