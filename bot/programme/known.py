"""What findings of a triage, or of a referral, say of where a person is in their exercises."""

import dataclasses
from collections.abc import Mapping
from datetime import date

from bot.programme.gate import Standing

_NEVER = 9000.0
"""A number of days at which something never happened (the intake's "none of these")."""
_LINKED = ("synkinesis", "face_tight_or_pain", "eye_waters_when_eating")


def learnt(standing: Standing, findings: Mapping[str, object], today: date) -> Standing:
    """The standing with what findings add. What they don't tell stays as it was; nothing is guessed.

    Movement from a finding is a flicker: whether more than one thing moves only the self-check asks. Nobody is taken to
    have had no operation: the check asks only for one that is cleared.

    Args:
        standing: what was known.
        findings: names and values of the triage's findings; numbers as numbers or text.
        today: the day of the findings.
    """
    said: dict[str, object] = {}
    yes_no = {"yes": True, "no": False}
    if (assessed := yes_no.get(str(findings.get("assessed_by_clinician")))) is not None:
        said["assessed"] = assessed
    if (cause := str(findings.get("known_cause", "unknown"))) != "unknown":
        said["cause"] = cause
    moves = str(findings.get("any_movement_back"))
    if moves == "no":
        said["movement"] = "none"
    elif moves == "yes" and standing.movement in (None, "none"):
        said["movement"] = "flicker"
    linked = [yes_no.get(str(findings.get(name))) for name in _LINKED]
    if True in linked:
        said["linked"] = said["once_linked"] = True
    elif linked[0] is False:
        said["linked"] = False
    since = findings.get("reanimation_surgery_days")
    if isinstance(since, int | float) and 0 <= since < _NEVER and standing.operation in (None, "none"):
        said["operation"] = "other"
    if findings.get("surgeon_cleared") == "yes":
        said["cleared_on"] = today
    return dataclasses.replace(standing, **said)  # type: ignore[arg-type]
