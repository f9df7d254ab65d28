"""Several questions in one message, and questions that lean on what was said before."""

import re

MOST = 3
_SENTENCE = re.compile(r"[^.?!\n]+[.?!]*")
_LEANING = re.compile(r"(?:and|or|but|so|what about|how about|what if|same for)\b", re.IGNORECASE)
_FEWEST_WORDS = 3
_LEANING_WORDS = 6


def split(text: str) -> list[str]:
    """Return the separate questions of a message, at most three; the message itself when it holds fewer than two.

    What stands before a question belongs to it: "my eye is dry. which drops?" is one question.
    """
    questions: list[str] = []
    before = ""
    for sentence in (found.group().strip() for found in _SENTENCE.finditer(text)):
        if sentence.endswith("?") and len(sentence.split()) >= _FEWEST_WORDS:
            questions.append(f"{before} {sentence}".strip())
            before = ""
        else:
            before = f"{before} {sentence}".strip()
    return questions[:MOST] if len(questions) > 1 else [text]


def leans_on_before(text: str) -> bool:
    """Whether a short message such as "and at night?" only makes sense after what was said before it."""
    return len(text.split()) <= _LEANING_WORDS and _LEANING.match(text) is not None
