"""The gates written a second time, for tests to hold the first writing against.

By the numbers of the exercises, from sections 4.1 and 5.1 of the evidence pack and the "not in" column of its section
5.4. It asks neither the library nor the functions under test.
"""

import itertools
from datetime import date
from functools import cache

from bot.programme.gate import Standing

OPERATIONS = ("none", "masseter", "hypoglossal", "cross_face", "lid_weight", "toxin_or_nerve", "other")
CARE = {*range(1, 12), 22, 23}
"""Section 5.4, the S0 set (no movement is asked of the weak side), sipping and the rule of rest breaks."""
SYMMETRY_EARLY = {13, 14, 15, 20}
SYMMETRY = {13, 14, 15, 16, 17, 18, 19, 20, 21}
UNLINKING = {*range(24, 36), 37, 38}
TYPES = {41: "masseter", 42: "masseter", 43: "hypoglossal", 44: "cross_face", 46: "lid_weight", 47: "toxin_or_nerve"}
NEEDS_MOVEMENT = {41, 42, 43, 45}
AFTER_WEEKS = 12


def permitted_in(
    weeks: float, movement: str, linked: bool, operation: str, *, code: bool, cleared: bool
) -> frozenset[int]:
    """What one wholly known person may do, by number."""
    if operation != "none":  # G6: the surgeon first, then only what belongs to the operation
        if not cleared:
            return frozenset({1, 23, 39})
        ours = {number for number, type_ in TYPES.items() if type_ == operation} | {40, 45}
        if movement == "none":
            ours -= NEEDS_MOVEMENT
        if movement != "several":
            ours -= {42}  # a later stage than the first flicker
        return frozenset({1, 23, 39} | ours)
    if movement == "none":  # G2: no active exercise at all
        return frozenset(CARE)
    ready = code or weeks >= AFTER_WEEKS
    if not ready:  # G3, G4, G5
        return frozenset(CARE | {36})
    if linked:  # G5; of the symmetry set only closing the eye is "not in: S0" and needed by S3 as well
        return frozenset(CARE | {36, 12, 13} | UNLINKING)
    if weeks < AFTER_WEEKS and movement == "flicker":  # S1: what a therapist may open early
        return frozenset(CARE | {36, 12} | SYMMETRY_EARLY)
    return frozenset(CARE | {36, 12} | SYMMETRY)


@cache
def permitted_anywhere(
    weeks: float | None, movement: str | None, linked: bool | None, operation: str | None, code: bool, cleared: bool
) -> frozenset[int]:
    """What may be done whatever the unknown turns out to be."""
    worlds = itertools.product(
        (0.0, 13.0, 60.0) if weeks is None else (weeks,),
        ("none", "flicker", "several") if movement is None else (movement,),
        (True, False) if linked is None else (linked,),
        OPERATIONS if operation is None else (operation,),
    )
    return frozenset.intersection(
        *(permitted_in(w, m, is_linked, o, code=code, cleared=cleared) for w, m, is_linked, o in worlds)
    )


def permitted(standing: Standing, today: date) -> frozenset[int]:
    """The numbers of the exercises that a person may be shown: in whatever case the unknown turns out to be."""
    if standing.red_flag:  # G0
        return frozenset()
    if standing.assessed is not True or standing.cause in ("stroke", "brain_injury"):  # G1
        return frozenset()
    # A therapist who gives a code knows the cause, though the person may not have told it here.
    if standing.cause in (None, "none") and not standing.code:
        return frozenset()
    cleared = standing.cleared_on is not None and standing.cleared_on <= today
    told = (standing.weeks, standing.movement, standing.linked, standing.operation)
    return permitted_anywhere(*told, standing.code, cleared)
