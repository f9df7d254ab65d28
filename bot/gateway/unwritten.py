"""What is said while the database takes nothing: full, read-only, locked or away.

What people write then stays at Telegram, unacknowledged, and is answered when it can be written down. Whoever may be in
danger is not left waiting for that: the screen needs no database, so they get its answer at once, and once more later.
Everybody else is told once that something is wrong, when it lasts.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from telegram import Bot, Update
from telegram.error import TelegramError

from bot.dialogue import Dialogue
from bot.gateway.incoming import Incoming, What, understand
from bot.gateway.receive import RawUpdate
from bot.gateway.render import messages
from bot.outcome import Reply
from bot.patient import Patient

log = structlog.get_logger()

Known = Callable[[int], Awaitable[Patient]]
"""Returns the person of a chat as far as they can be read."""
_PRIVATE = frozenset({What.SAID, What.NOTE, What.EDITED})


class Unwritten:
    """Tells people whose messages can't be written down. All of it is forgotten once something is."""

    def __init__(self, bot: Bot, dialogue: Dialogue, known: Known) -> None:
        self._bot, self._dialogue, self._known = bot, dialogue, known
        self._seen: set[int] = set()
        self._told: set[int] = set()

    def over(self) -> None:
        """Note that something could be written again."""
        self._seen.clear()
        self._told.clear()

    async def tell(self, updates: Sequence[RawUpdate]) -> None:
        """Tell the people of updates that came and could not be written down; each update and chat once."""
        for raw in updates:
            first = raw["update_id"] not in self._seen
            self._seen.add(raw["update_id"])
            try:
                incoming = understand(Update.de_json(dict(raw), self._bot))
                if incoming.what in _PRIVATE:
                    await self._tell(incoming, first=first)
            except TelegramError as error:
                log.warning("unwritten.not_told", fault=type(error).__name__)
            except Exception as error:  # a malformed update, or one of our own faults: the others are told
                log.error("unwritten.failed", fault=type(error).__name__)

    async def _tell(self, incoming: Incoming, *, first: bool) -> None:
        chat, said = incoming.chat_id, incoming.said
        alarms = said is not None and self._dialogue.alarms(said)
        # Another message waits for a second failure: a fault that is over at once needs no word.
        if (alarms and not first) or (not alarms and (first or chat in self._told)):
            return
        self._told.add(chat)
        patient = await self._known(chat)
        replies: Sequence[Reply] = ()
        if alarms and said is not None:
            replies = (await self._dialogue.reply(patient, said)).outcome.replies
        if not replies:
            number = self._dialogue.number_for(patient)
            replies = (Reply(text=self._dialogue.words("other.error", number=number)),)
        for reply in replies:
            for act, body in messages(reply):
                if act == "send":
                    # Without buttons: a tap could not be written down either.
                    await self._bot.send_message(chat, str(body["html"]))
        log.warning("unwritten.told", alarm=alarms)
