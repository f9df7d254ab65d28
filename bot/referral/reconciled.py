"""Of the readings that a letter's sentences leave open, the one that the letter as a whole makes likeliest.

A sentence is read alone, and often leaves a doubt: is "she leans to the left since" an unsteady walk? The words of the
whole letter tell, too, which band letters like it were given. Where that and the reading disagree, what was doubtful in
the sentences is read the other way if the letter then makes more sense. The rules alone decide the band, before and
after; each finding keeps the sentence it was read from; and what is plainly stated is no doubt. So a letter whose
sentences leave none has the band that they give, whatever it sounds like (docs/adr/0028).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log

from bot.referral.record import Referral

_WEIGHT = 0.3
"""What the logarithm of a band's probability counts beside a sentence's margin. Set on letters whose writers were left
out of the learning."""
_MOST_DOUBT, _PAIRED = 1.0, 20
"""Readings that cost more are none; of so many doubts two may be read the other way together."""
LEAST_PROBABLE = 1e-4
"""No band is less probable: nobody is that sure."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that may be read otherwise.

    Attributes:
        of: what: a finding, "onset" or "cause".
        cost: by how much its sentence speaks more for the reading as it stands, as a margin; 0 or more.
        read: the referral, with this read otherwise.
    """

    of: str
    cost: float
    read: Callable[[Referral], Referral]


def reconciled(
    referral: Referral, doubts: Sequence[Doubt], expected: Mapping[str, float], band_of: Callable[[Referral], str]
) -> Referral:
    """The referral in the likeliest of its readings; as it was read where nothing doubtful would change its band.

    Args:
        referral: as its sentences are read.
        doubts: what may be read otherwise.
        expected: how probable each band is by the words of the whole letter; empty when nobody knows.
        band_of: what the rules make of a reading.
    """
    if not expected:
        return referral

    def worth(read: Referral, cost: float) -> float:
        return _WEIGHT * log(max(expected.get(band_of(read), 0.0), LEAST_PROBABLE)) - cost

    most = _WEIGHT * log(max(expected.values()))
    best, value = referral, worth(referral, 0.0)
    for cost, changes in _readings(doubts):
        if most - cost <= value:
            continue  # not even the likeliest band would make up for it
        read = referral
        for change in changes:
            read = change.read(read)
        if (found := worth(read, cost)) > value:
            best, value = read, found
    return best


def _readings(doubts: Sequence[Doubt]) -> Iterator[tuple[float, tuple[Doubt, ...]]]:
    """One doubt read the other way, and then two, with what that costs."""
    near = sorted((each for each in doubts if each.cost <= _MOST_DOUBT), key=lambda each: each.cost)
    for each in near:
        yield each.cost, (each,)
    for one, other in combinations(near[:_PAIRED], 2):
        if one.of != other.of and one.cost + other.cost <= _MOST_DOUBT:
            yield one.cost + other.cost, (one, other)
