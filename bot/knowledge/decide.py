"""Whether to answer, to ask which of a few is meant, or to admit not knowing: from how sure the engine is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# Answering asks for a clear lead; below the floor even the best guess is noise. Set on the engine's five-fold
# cross-validated confidences over the training questions (where four in five of such answers are right: they are
# harder than what most people type), never on a test bank.
SURE = 0.20
LEAD = 0.05
FLOOR = 0.08
NAMED = 4
"""So many topics are named: the answer and the three ranked next."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and the topics concerned, best first."""

    do: Literal["answer", "clarify", "miss"]
    topics: tuple[str, ...]


def decide(ranking: Sequence[tuple[str, float]]) -> Decision:
    """Decide from topics and their confidences (0 to 1), best first.

    A guess is never told as an answer: without a clear lead the person is asked, with up to three choices.
    """
    topics = tuple(topic for topic, _ in ranking[:NAMED])
    if not ranking or ranking[0][1] < FLOOR:
        return Decision("miss", topics)
    lead = ranking[0][1] - (ranking[1][1] if len(ranking) > 1 else 0.0)
    if ranking[0][1] >= SURE and lead >= LEAD:
        return Decision("answer", topics)
    return Decision("clarify", topics)
