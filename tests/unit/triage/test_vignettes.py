"""Whole cases through the interview, against the level that the rules give by hand (tests/banks/vignettes.jsonl)."""

from bench.banks import lines, vignettes


def test_no_emergency_is_missed_and_nobody_is_told_two_levels_too_low() -> None:
    shares = {each.what: each for each in vignettes(lines("vignettes.jsonl"))}
    assert shares["vignettes: emergencies told"].hits == shares["vignettes: emergencies told"].of
    assert shares["vignettes: never two ranks too low"].hits == shares["vignettes: never two ranks too low"].of
    assert shares["vignettes: the very level of the rules"].share >= 0.95
