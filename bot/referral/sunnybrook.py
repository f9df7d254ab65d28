"""The Sunnybrook composite, which a clinician takes (evidence pack, section 3.2).

The weights are to be checked on the official form before use (marked GMK in the pack). Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

REST: Mapping[str, int] = {"eye": 1, "cheek": 2, "mouth": 1}
"""Resting symmetry: each region's highest score; 0 is normal."""
MOVEMENTS = ("brow", "eye", "smile", "snarl", "pucker")
"""Brow lift, gentle eye closure, open-mouth smile, snarl, lip pucker."""
_LEAST_MOVEMENT, _MOST_MOVEMENT, _MOST_SYNKINESIS = 1, 5, 3


@dataclass(frozen=True, slots=True)
class Sunnybrook:
    """A Sunnybrook: `rest` 0 to 20, `voluntary` 20 to 100, `synkinesis` 0 to 15, each weighted; composite 0 to 100."""

    rest: int
    voluntary: int
    synkinesis: int

    @property
    def composite(self) -> int:
        """Voluntary less rest less synkinesis; never below 0. 100 is normal, but healthy people score 65 to 100."""
        return max(0, self.voluntary - self.rest - self.synkinesis)


def sunnybrook(rest: Mapping[str, int], voluntary: Mapping[str, int], synkinesis: Mapping[str, int]) -> Sunnybrook:
    """Reckon a Sunnybrook: 4 times the movements, less 5 times the rest, less the synkinesis.

    Args:
        rest: eye 0 to 1, cheek 0 to 2, mouth 0 to 1.
        voluntary: of each of `MOVEMENTS`, 1 (does not begin) to 5 (complete).
        synkinesis: during each of `MOVEMENTS`, 0 (none) to 3 (severe).

    Raises:
        ValueError: an item is missing, is none of its scale, or there is one too many; the message is its name.
    """
    for part, scale in (
        (rest, {name: (0, most) for name, most in REST.items()}),
        (voluntary, dict.fromkeys(MOVEMENTS, (_LEAST_MOVEMENT, _MOST_MOVEMENT))),
        (synkinesis, dict.fromkeys(MOVEMENTS, (0, _MOST_SYNKINESIS))),
    ):
        for name in (*scale, *part):
            if name not in scale or name not in part or not scale[name][0] <= part[name] <= scale[name][1]:
                raise ValueError(name)
    return Sunnybrook(5 * sum(rest.values()), 4 * sum(voluntary.values()), sum(synkinesis.values()))
