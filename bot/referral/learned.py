"""What each sentence of a letter states, learnt from labelled letters: linear machines over words and phrases.

The phrases of `letter.yml` say exactly what they foresee, and are blind beside it. Here every finding and value has a
linear machine of its own over a sentence's words, parts of words, and what the phrases found in that sentence. A second
one weighs the times that a letter names: which of them is the day the palsy began (docs/adr/0027). A third tells from
all of a letter's words which bands letters like it were given (docs/adr/0028).

Nothing here knows a letter's author, and nothing is decided: margins out, which `learned_reading` turns into proposals.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import batched, pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bot.referral.kept import kept
from bot.referral.labelled import Labelled, LabelledLetter, load_labelled
from bot.referral.source import joined_lines
from bot.referral.when import When, times

if TYPE_CHECKING:
    from bot.referral.letter import LetterReader

type Span = tuple[int, int]

READ, _LONGEST = 20_000, 700
"""Of a letter so many signs are read, as by phrases; of a line without an end so many at a time."""
_FEWEST_EXAMPLES = 4
"""What fewer lines state is not learnt; the phrases alone read it."""
_NOT_LEARNT = frozenset({"side", "suicide_risk_in_hand", "eye_symptoms_in_hand"})
"""Read by phrases; or followed from the findings together, never from one sentence (see `letter.settled`)."""
_RARE = 30
"""Below so many labelled lines a machine is shy, and is believed sooner."""
_STRENGTH, _WEIGHT_OF_PHRASES, _SEED = 0.5, 0.4, 42
_SMALLEST = 0.01
"""Weights below it are dropped: nine in ten, for less than a thousandth of what a sentence weighs."""
_PROCESSES, _PART = 2, 200
_STRENGTH_OF_WHOLE, _FEWEST_LETTERS, _FEWEST_KNOWN = 100.0, 3, 10
"""What fewer letters use says nothing of the whole; nor does a letter with fewer known words and pairs of words."""
_AROUND = 7
"""So many words before and after a time tell what it is the time of."""
_ANY_DAY = date(2026, 11, 20)
"""A sentence alone is read by phrases as if it had come on one day; the day itself is no part of what is learnt."""
_BOUNDARY = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\"'(\[0-9])|(?<=[a-z]{4}[.!?])\s+|\n+")
"""A sentence's end. Where nobody writes capitals, a stop after a word of four letters: "e.g." and "pt." end none."""
_WORD = re.compile(r"[a-z']+|\d+")


def sentences(text: str) -> Iterator[Span]:
    """Where each sentence or line of a letter begins and ends. A line that was only wrapped goes on."""
    read = list(text[:READ])
    for at, _, blank in joined_lines(text[:READ]):
        read[at] = blank
    flat = "".join(read)
    start = 0
    for boundary in [*_BOUNDARY.finditer(flat), None]:
        end = boundary.start() if boundary else len(flat)
        while end - start > _LONGEST:
            cut = flat.rfind(" ", start + 1, start + _LONGEST)
            cut = cut if cut > start else start + _LONGEST
            if flat[start:cut].strip():
                yield start, cut
            start = cut
        if flat[start:end].strip():
            yield start, end
        start = boundary.end() if boundary else end


@dataclass(frozen=True, slots=True)
class Candidate:
    """A time that a letter names, with the words around it."""

    when: When
    left: str
    words: str
    right: str
    hints: str


def candidates(text: str, base: date, by_phrases: date | None) -> list[Candidate]:
    """The times of a letter, each as the second machine sees it.

    Args:
        text: the letter.
        base: the day the letter was written.
        by_phrases: the onset that the phrases found, None when they found none.
    """
    spans = list(sentences(text))
    found = []
    for index, when in enumerate(times(text[:READ], base)):
        if when.day > base:
            continue  # what is to come is no beginning
        place = next((number for number, (_, end) in enumerate(spans) if when.start <= end), None)
        if place is None:
            break
        start, end = spans[place]
        agrees = "none" if by_phrases is None else "same" if by_phrases == when.day else "other"
        hints = (
            f"K{'len' if when.days is not None else 'day'} E{int(when.exact)} Y{int(when.year_only)} "
            f"A{_ago((base - when.day).days)} N{min(index, 5)} S{min(place, 8)} P{agrees}"
        )
        found.append(
            Candidate(when, text[start : when.start], text[when.start : when.end], text[when.end : end], hints)
        )
    return found


class Learned:
    """What was learnt. `names` are the labels, "finding=value", in the order of margins; `rare` those of few lines."""

    def __init__(self, names: Sequence[str], rare: Iterable[str], lines: Any, onset: Any, whole: Any) -> None:
        self.names, self.rare = tuple(names), frozenset(rare)
        self._lines, self._onset, self._whole = lines, onset, whole

    @classmethod
    def fit(cls, labelled: Labelled, content: Path) -> Self:
        """Learn from labelled letters.

        Args:
            labelled: the lines and letters.
            content: the content folder, for the phrases.
        """
        counted = Counter(label for line in labelled.lines for label in line.states)
        names = sorted(
            label
            for label, count in counted.items()
            if count >= _FEWEST_EXAMPLES and label.partition("=")[0] not in _NOT_LEARNT
        )
        texts = [line.says for line in labelled.lines]
        with ProcessPoolExecutor(_PROCESSES, get_context("spawn"), _open_phrases, (content,)) as beside:
            phrases = [each for part in beside.map(_phrases_of, batched(texts, _PART)) for each in part]
            onsets = list(beside.map(_onset_of, labelled.letters, chunksize=20))
        lines = _Lines().fit(texts, phrases, [line.states for line in labelled.lines], names)
        seen, right = [], []
        for letter, by_phrases in zip(labelled.letters, onsets, strict=True):
            for each in candidates(letter.text, letter.received, by_phrases):
                seen.append(each)
                right.append(letter.onset is not None and abs((each.when.day - letter.onset).days) <= letter.within)
        rare = [label for label in names if counted[label] < _RARE]
        whole = _Whole().fit([each.text[:READ] for each in labelled.letters], [each.band for each in labelled.letters])
        return cls(names, rare, lines, _Onset().fit(seen, right), whole)

    def __call__(self, texts: Sequence[str], phrases: "LetterReader") -> list[dict[str, float]]:
        """For each sentence the labels that may hold, with their margins: above 0 it is likelier than not."""
        if not texts:
            return []
        read = {text: _in_phrases(phrases, text) for text in dict.fromkeys(texts)}
        given = [read[text] for text in texts]
        found: list[dict[str, float]] = self._lines(texts, given, self.names)
        return found

    def onset(self, seen: Sequence[Candidate]) -> list[float]:
        """For each time how likely it is the day the palsy began, as log odds."""
        odds: list[float] = self._onset(seen) if seen else []
        return odds

    def bands(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each letter, or part of one, how probable each band is by its words.

        Nothing where no bands were learnt, or where too few words are known: a letter in another language, a bad scan.
        A band that no letter was given has no probability.
        """
        found: list[dict[str, float]] = self._whole([text[:READ] for text in texts])
        return found


class _Lines:
    """One linear machine a label, over words, parts of words and phrases."""

    def __init__(self) -> None:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union

        self._words = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode", min_df=2),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        )
        self._phrases = DictVectorizer()
        self._weights: Any = None
        self._base: Any = None

    def fit(
        self,
        texts: Sequence[str],
        phrases: Sequence[Sequence[str]],
        states: Sequence[frozenset[str]],
        names: Sequence[str],
    ) -> Self:
        import numpy as np
        from scipy import sparse

        given = sparse.hstack(
            [
                self._words.fit_transform(texts),
                self._phrases.fit_transform([dict.fromkeys(each, 1.0) for each in phrases]) * _WEIGHT_OF_PHRASES,
            ]
        ).tocsr()
        stated = [np.array([name in each for each in states]) for name in names]
        with ProcessPoolExecutor(_PROCESSES, get_context("spawn"), _open_given, (given,)) as beside:
            weights, base = zip(*beside.map(_machine_of, stated, chunksize=4), strict=True)
        self._weights, self._base = sparse.vstack(weights).tocsr(), np.array(base, dtype=np.float32)
        return self

    def __call__(
        self, texts: Sequence[str], phrases: Sequence[Sequence[str]], names: Sequence[str]
    ) -> list[dict[str, float]]:
        from scipy import sparse

        given = sparse.hstack(
            [
                self._words.transform(texts),
                self._phrases.transform([dict.fromkeys(each, 1.0) for each in phrases]) * _WEIGHT_OF_PHRASES,
            ]
        ).tocsr()
        margins = (given @ self._weights.T).toarray() + self._base
        return [
            {names[at]: float(row[at]) for at in (row > LEAST_MARGIN).nonzero()[0]} for row in margins
        ]  # fmt: skip


LEAST_MARGIN = -0.75
"""What lies farther below is no reading at all."""


class _Onset:
    """Which of a letter's times is the onset: a logistic machine over the words around each."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._near = CountVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, min_df=2, binary=True)
        self._sentence = TfidfVectorizer(min_df=2, ngram_range=(1, 2), sublinear_tf=True)
        self._machine = LogisticRegression(C=1.0, max_iter=300, random_state=_SEED)

    def fit(self, seen: Sequence[Candidate], right: Sequence[bool]) -> Self:
        from scipy import sparse

        near = self._near.fit_transform([_near(each) for each in seen])
        whole = self._sentence.fit_transform([_whole(each) for each in seen])
        self._machine.fit(sparse.hstack([near, whole]).tocsr(), right)
        return self

    def __call__(self, seen: Sequence[Candidate]) -> list[float]:
        from scipy import sparse

        near = self._near.transform([_near(each) for each in seen])
        whole = self._sentence.transform([_whole(each) for each in seen])
        return [float(each) for each in self._machine.decision_function(sparse.hstack([near, whole]).tocsr())]


class _Whole:
    """Which band letters of such words were given: a logistic machine over words and pairs of words."""

    def __init__(self) -> None:
        self._machine: Any = None

    def fit(self, texts: Sequence[str], bands: Sequence[str]) -> Self:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        if len(set(bands)) > 1:
            self._machine = make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), min_df=_FEWEST_LETTERS, sublinear_tf=True),
                LogisticRegression(C=_STRENGTH_OF_WHOLE, max_iter=2000, random_state=_SEED),
            ).fit(texts, bands)
        return self

    def __call__(self, texts: Sequence[str]) -> list[dict[str, float]]:
        if self._machine is None or not texts:
            return [{} for _ in texts]
        names = [str(name) for name in self._machine.classes_]
        words = self._machine[0].transform(texts)
        known = words.getnnz(axis=1) >= _FEWEST_KNOWN
        return [
            {name: float(each) for name, each in zip(names, row, strict=True)} if enough else {}
            for row, enough in zip(self._machine[1].predict_proba(words), known, strict=True)
        ]


def _near(seen: Candidate) -> str:
    left, right = _WORD.findall(seen.left.lower())[-_AROUND:], _WORD.findall(seen.right.lower())[:_AROUND]
    words = [f"l_{word}" for word in left] + [f"r_{word}" for word in right]
    words += [f"l{place}_{word}" for place, word in enumerate(left[::-1][:2])]
    words += [f"r{place}_{word}" for place, word in enumerate(right[:2])]
    words += [f"lb_{one}_{two}" for one, two in pairwise(left)]
    words += [f"rb_{one}_{two}" for one, two in pairwise(right)]
    words += [f"w_{word}" for word in _WORD.findall(seen.words.lower())]
    return " ".join([*words, seen.hints])


def _whole(seen: Candidate) -> str:
    return f"{seen.left} WHEN {seen.right}"


def _ago(days: int) -> str:
    if days < 0:
        return "future"
    spans = ((3, "d3"), (14, "d14"), (42, "w6"), (91, "w13"), (182, "m6"), (365, "y1"), (1100, "y3"))
    return next((name for limit, name in spans if days <= limit), "old")


def _in_phrases(phrases: "LetterReader", text: str) -> list[str]:
    """What the phrases read in a sentence that stands alone."""
    read = phrases(text, _ANY_DAY)
    found = [f"{name}={each.value}" for name, each in read.findings.items()]
    return [*found, *([f"cause={read.cause}"] if read.cause else []), *([f"side={read.side}"] if read.side else [])]


_PHRASES: "dict[str, LetterReader]" = {}
"""Of a child process: the phrases, read once."""


def _open_phrases(content: Path) -> None:
    from bot.referral.bands import Bands
    from bot.referral.letter import LetterReader

    _PHRASES["reader"] = LetterReader.load(content, Bands.load(content).findings)


def _phrases_of(texts: Sequence[str]) -> list[list[str]]:
    return [_in_phrases(_PHRASES["reader"], text) for text in texts]


def _onset_of(letter: LabelledLetter) -> date | None:
    return _PHRASES["reader"](letter.text, letter.received).onset


_GIVEN: dict[str, Any] = {}
"""Of a child process: the lines as the machines see them, handed over once."""


def _open_given(given: Any) -> None:
    _GIVEN["lines"] = given


def _machine_of(stated: Any) -> tuple[Any, float]:
    """The weights and the base of the machine for one label."""
    import numpy as np
    from scipy import sparse
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=_STRENGTH, random_state=_SEED).fit(_GIVEN["lines"], stated)
    weights = machine.coef_[0].astype(np.float32)
    weights[np.abs(weights) < _SMALLEST] = 0
    return sparse.csr_matrix(weights), machine.intercept_[0]


# --- kept ---------------------------------------------------------------------------------------------------------


def learn(content: Path, models: Path) -> Path:
    """Learn from the present labels, and return the file that it is kept in. What was learnt from others goes.

    Raises:
        ContentError: a labelled file is malformed.
    """
    import joblib

    file = kept(content, models)
    learned = Learned.fit(load_labelled(content), content)
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=models, prefix="letters.making-", delete=False) as making:
        try:
            joblib.dump(learned, making, compress=3)
            making.flush()
            os.fsync(making.fileno())
            Path(making.name).chmod(0o644)  # made for this user alone, but a service's user may be another
            Path(making.name).replace(file)
        finally:
            Path(making.name).unlink(missing_ok=True)
    for old in models.glob("letters-*.joblib"):
        if old != file:
            old.unlink(missing_ok=True)
    return file


def load(content: Path, models: Path) -> Learned | None:
    """Return what was learnt from the present labels; None when it was not yet, from others, or is damaged.

    The file is trusted as the code beside it is: whoever can write into `models` can run code.
    """
    import joblib

    file = kept(content, models)
    if not file.exists():
        return None
    try:
        learned = joblib.load(file)
    except Exception:  # a damaged pickle can raise anything; the caller says what was lost
        return None
    return learned if isinstance(learned, Learned) else None
