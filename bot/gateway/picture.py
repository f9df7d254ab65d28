"""The pictures of exercises as Telegram takes them: drawn when first sent, and afterwards known by Telegram's id."""

import asyncio
from collections import OrderedDict
from typing import cast

import structlog

from bot.gateway.render import fits_caption, to_html
from bot.pictures import Arrow, Hand, Picture, draw, render
from bot.pictures.face import Shade, Weak
from bot.programme.exercise import Exercise, ExerciseLibrary
from bot.words import Words

log = structlog.get_logger()

# About 60 kB each. Telegram's ids of sent ones are kept besides: there are as many as exercises have sides.
_KEPT = 64


class Pictures:
    """The pictures of an exercise library. An image is named as in `EX-13/left`: the exercise and the weak side."""

    def __init__(self, library: ExerciseLibrary, words: Words) -> None:
        self._library, self._words = library, words
        self._drawn: OrderedDict[tuple[str, Shade], bytes] = OrderedDict()
        self._ids: dict[tuple[str, Shade], str] = {}
        self._drawing = asyncio.Lock()

    async def get(self, image: str, ground: Shade = "light") -> str | bytes | None:
        """Return Telegram's id of a picture, or else its PNG; None, with the fault logged, when there is none."""
        known = self._ids.get((image, ground))
        if known is not None:
            return known
        async with self._drawing:  # one at a time: it takes a core for a tenth of a second
            try:
                return await self._png(image, ground)
            except Exception as error:  # whatever is wrong with a picture, its text must go out
                log.error("picture.not_drawn", image=image, fault=type(error).__name__)
                return None

    def is_known_as(self, file_id: str, image: str, ground: Shade = "light") -> None:
        """Keep Telegram's id of a picture that was sent."""
        self._ids[image, ground] = file_id

    def forget(self, image: str, ground: Shade = "light") -> bool:
        """Forget Telegram's id of a picture, which it did not take; says whether there was one."""
        return self._ids.pop((image, ground), None) is not None

    def caption(self, image: str, html: str) -> str:
        """Return a text in Telegram's HTML with the picture in words as a quote after it, where there is room.

        Telegram has no other place for alternative text. A long quote shows in part until it is tapped.
        """
        exercise = self._library.exercises.get(image.partition("/")[0])
        if exercise is None:
            return html
        quote = f"<blockquote expandable>{to_html(self._words('exercise.picture', text=exercise.alt))}</blockquote>"
        whole = f"{html}\n{quote}" if html else quote
        return whole if fits_caption(whole) else html

    async def _png(self, image: str, ground: Shade) -> bytes:
        key = (image, ground)
        if key not in self._drawn:
            id_, _, side = image.partition("/")
            self._drawn[key] = await asyncio.to_thread(_drawn, self._library.exercises[id_], side, ground)
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]


def picture_of(exercise: Exercise) -> Picture:
    """Return what an exercise's picture shows.

    Raises:
        ValueError: it names something that no picture knows.
    """
    shown = exercise.picture
    hand = Hand(shown.hand.at, shown.hand.kind) if shown.hand else None
    arrows = tuple(Arrow(each.at, each.towards) for each in shown.arrows)
    return Picture(shown.pose, shown.side, shown.lit, arrows, hand)


def _drawn(exercise: Exercise, side: str, ground: Shade) -> bytes:
    return render(draw(picture_of(exercise), cast(Weak, side), ground))  # which refuses any other side
