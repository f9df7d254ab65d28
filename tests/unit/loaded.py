"""The real content, loaded once for all tests of a process. Nobody may change what these give."""

from functools import cache

import yaml

from bot.desk.columns import Columns
from bot.programme.exercise import ExerciseLibrary, load_exercises
from bot.referral.bands import Bands
from bot.referral.letter import LetterReader
from bot.referral.proposal import Proposals
from bot.settings import CONTENT


@cache
def sources() -> frozenset[str]:
    """The keys of all sources."""
    return frozenset(yaml.load((CONTENT / "sources.yml").read_text(encoding="utf-8"), yaml.CSafeLoader))


@cache
def exercise_library() -> ExerciseLibrary:
    return load_exercises(CONTENT, sources())


@cache
def proposals() -> Proposals:
    """The bands, and the reader of letters with its three thousand phrases."""
    return Proposals.load(CONTENT)


def bands() -> Bands:
    return proposals().bands


def reader() -> LetterReader:
    return proposals().letters.phrases


@cache
def columns() -> Columns:
    return Columns.load(CONTENT, bands().findings)
