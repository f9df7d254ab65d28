"""The pictures as Telegram takes them: those of exercises, drawn when first sent, and those of a person's progress."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import structlog

from bot.dialogue.exercise import zone_of
from bot.dialogue.progress import nothing_yet
from bot.gateway.pdf import progress_pdf
from bot.gateway.render import fits_caption, to_html
from bot.outcome import Reply
from bot.pictures import Arrow, Hand, Picture, draw, render
from bot.pictures.face import Shade, Weak
from bot.pictures.progress import draw_progress
from bot.programme.exercise import Exercise, ExerciseLibrary
from bot.programme.practice import Practice
from bot.programme.prescribed import Prescribed
from bot.programme.progress import Practised, Progress
from bot.programme.questionnaire import Questionnaire, load_questionnaires
from bot.programme.session import Ending
from bot.programme.told import Given, in_words, tell
from bot.store import Store, patients, records
from bot.words import Words

log = structlog.get_logger()

# About 60 kB each. Telegram's ids of sent ones are kept besides: there are as many as exercises have sides.
_KEPT = 64
# Somebody who asks again, or for the page after the picture, has most likely done nothing since.
_KEPT_PROGRESS = 16


class Pictures:
    """The pictures of an exercise library.

    An image is named as in `EX-13/left`: the exercise and the weak side. On the dark ground it is `EX-13/left/dark`.
    """

    def __init__(self, library: ExerciseLibrary, words: Words) -> None:
        self._library, self._words = library, words
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        self._ids: dict[str, str] = {}
        self._drawing = asyncio.Lock()

    async def get(self, image: str) -> str | bytes | None:
        """Return Telegram's id of a picture, or else its PNG; None, with the fault logged, when there is none."""
        known = self._ids.get(image)
        if known is not None:
            return known
        async with self._drawing:  # one at a time: it takes a core for a tenth of a second
            try:
                return await self._png(image)
            except Exception as error:  # whatever is wrong with a picture, its text must go out
                log.error("picture.not_drawn", image=image, fault=type(error).__name__)
                return None

    def is_known_as(self, file_id: str, image: str) -> None:
        """Keep Telegram's id of a picture that was sent."""
        self._ids[image] = file_id

    def forget(self, image: str) -> bool:
        """Forget Telegram's id of a picture, which it did not take; says whether there was one."""
        return self._ids.pop(image, None) is not None

    def caption(self, image: str, html: str) -> str:
        """Return a text in Telegram's HTML with the picture in words as a quote after it, where there is room.

        Telegram has no other place for alternative text. A long quote shows in part until it is tapped.
        """
        exercise = self._library.exercises.get(image.partition("/")[0])
        if exercise is None:
            return html
        whole = _quoted(html, self._words("exercise.picture", text=exercise.alt))
        return whole if fits_caption(whole) else html

    async def _png(self, image: str) -> bytes:
        if image not in self._drawn:
            id_, side, *ground = image.split("/")
            exercise = self._library.exercises[id_]
            self._drawn[image] = await asyncio.to_thread(_drawn, exercise, side, ground[0] if ground else "light")
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(image)
        return self._drawn[image]


@dataclass(frozen=True, slots=True)
class Told:
    """A person's progress as it is sent: `caption` in Telegram's HTML, with all figures in words; `png` may fail."""

    progress: Progress
    caption: str
    png: bytes | None


class Diaries:
    """What people's diaries hold, read when it is sent and drawn off the event loop."""

    def __init__(
        self, store: Store, library: ExerciseLibrary, questionnaires: Mapping[str, Questionnaire], words: Words
    ) -> None:
        self._store, self._library, self._questionnaires, self._words = store, library, questionnaires, words
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        self._drawing = asyncio.Lock()

    @classmethod
    def load(cls, store: Store, content: Path, library: ExerciseLibrary, words: Words) -> "Diaries":
        """Load which figures are told.

        Raises:
            ContentError: a questionnaire cannot be used.
        """
        return cls(store, library, load_questionnaires(content / "questionnaires"), words)

    async def picture(self, patient_id: str, image: str, html: str, now: datetime) -> Told | None:
        """Return a person's progress with its picture; None while there is nothing to tell.

        Args:
            patient_id: whose.
            image: `progress`, or `progress/dark`.
            html: what stands above the figures, in Telegram's HTML.
            now: the present moment.
        """
        found = await self._progress(patient_id, now)
        if found is None:
            return None
        progress, _ = found
        ground = image.partition("/")[2] or "light"
        try:
            png = await self._png(progress, ground)
        except Exception as error:  # whatever is wrong with a picture, its text must go out
            log.error("picture.not_drawn", image=image, fault=type(error).__name__)
            png = None
        return Told(progress, self._caption(progress, html), png)

    async def page(self, patient_id: str, made: datetime) -> bytes | None:
        """Return the page of a person's progress as a PDF; None while there is nothing to tell."""
        found = await self._progress(patient_id, made)
        if found is None:
            return None
        progress, zone = found
        png = await self._png(progress, "light")  # which is to be printed
        return await asyncio.to_thread(progress_pdf, progress, png, made.astimezone(ZoneInfo(zone)))

    def nothing(self) -> Reply:
        """Return what is said while there is nothing to tell."""
        return nothing_yet(self._words)

    def file_name(self) -> str:
        """Return the name of the page's file."""
        return self._words("progress.file")

    async def _progress(self, patient_id: str, now: datetime) -> tuple[Progress, str] | None:
        async with self._store.reading() as session:
            patient = await patients.get(session, patient_id)
            diary = await records.diary(session, patient_id)
            scores = await records.scores(session, patient_id)
        if patient is None:
            return None
        practised = [
            Practised(
                each.began, each.zone, each.programme, each.stage, cast(Ending, each.ended), each.done,
                each.effort, each.comfort,
            )
            for each in diary
        ]  # fmt: skip
        given = [Given(each.questionnaire, at, each.parts, each.answers, each.flagged) for at, each in scores]
        progress = tell(
            practised,
            given,
            library=self._library,
            questionnaires=self._questionnaires,
            now=now,
            zone=zone_of(patient),
            words=self._words,
            rest_days=Practice.loads(patient.practice).shut_days(now, zone_of(patient)),
            own=Prescribed.loads(patient.prescribed).own,
        )
        return (progress, zone_of(patient)) if progress is not None else None

    def _caption(self, progress: Progress, html: str) -> str:
        """The summary, and all figures in words as a quote after it: where there is no room, the later ones in words.

        Telegram has no other place for alternative text. A long quote shows in part until it is tapped.
        """
        head = "\n\n".join(part for part in (html, to_html(progress.summary)) if part)
        lines = in_words(progress, self._words)
        for left_out in range(len(lines)):
            whole = _quoted(head, self._words("exercise.picture", text="\n".join(lines[: len(lines) - left_out])))
            if fits_caption(whole):
                return whole
        return head

    async def _png(self, progress: Progress, ground: str) -> bytes:
        svg = draw_progress(progress, ground)
        async with self._drawing:
            if svg not in self._drawn:
                self._drawn[svg] = await asyncio.to_thread(render, svg)
                if len(self._drawn) > _KEPT_PROGRESS:
                    self._drawn.popitem(last=False)
            self._drawn.move_to_end(svg)
            return self._drawn[svg]


def _quoted(html: str, words: str) -> str:
    """A text in Telegram's HTML, and a picture in words as a quote after it."""
    quote = f"<blockquote expandable>{to_html(words)}</blockquote>"
    return f"{html}\n{quote}" if html else quote


def picture_of(exercise: Exercise) -> Picture:
    """Return what an exercise's picture shows.

    Raises:
        ValueError: it names something that no picture knows.
    """
    shown = exercise.picture
    hand = Hand(shown.hand.at, shown.hand.kind) if shown.hand else None
    arrows = tuple(Arrow(each.at, each.towards) for each in shown.arrows)
    return Picture(shown.pose, shown.side, shown.lit, arrows, hand)


def _drawn(exercise: Exercise, side: str, ground: str) -> bytes:
    return render(draw(picture_of(exercise), cast(Weak, side), cast(Shade, ground)))  # which refuses any other word
