"""What an update is: something said, something that gets a fitting line, or something ignored on purpose."""

from dataclasses import dataclass
from enum import StrEnum

from telegram import Chat, ChatMember, Location, Message, Update
from telegram.constants import ChatType
from tzfpy import get_tz

from bot.dialogue import Said, said
from bot.payload import parse


class What(StrEnum):
    """What an update asks of us."""

    SAID = "said"
    NOTE = "note"
    EDITED = "edited"
    GROUP = "group"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update, understood.

    `note` is a key of the bot's words for what can't be read (a photo, a voice message); `said` may stand beside it (a
    photo's caption). `callback_id` and `pressed_message` belong to a tapped button.
    """

    what: What
    chat_id: int = 0
    said: Said | None = None
    note: str | None = None
    callback_id: str | None = None
    pressed_message: int | None = None
    pressed_buttons: tuple[tuple[tuple[str, str], ...], ...] = ()


# The first that a message has decides; the keys are those of `words.yml`.
_NOTES = (
    ("photo", "other.photo"),
    ("video", "other.photo"),
    ("animation", "other.photo"),
    ("video_note", "other.photo"),
    ("voice", "other.voice"),
    ("audio", "other.voice"),
    ("sticker", "other.sticker"),
    ("location", "other.location"),
    ("venue", "other.location"),
    ("document", "other.file"),
    ("contact", "other.file"),
    ("poll", "other.file"),
    ("dice", "other.sticker"),
)
_IGNORED = Incoming(What.IGNORED)


def understand(update: Update) -> Incoming:
    """Return what an update is. Channels, other bots and what Telegram adds one day are ignored."""
    if update.callback_query is not None:
        return _pressed(update)
    if update.my_chat_member is not None:
        return _membership(update)
    message = update.message or update.edited_message
    if message is None or message.from_user is None or message.from_user.is_bot:
        return _IGNORED
    if message.chat.type != ChatType.PRIVATE:
        return _in_group(message)
    language = message.from_user.language_code
    if update.edited_message is not None:
        text = message.text or message.caption or ""
        return Incoming(What.EDITED, message.chat.id, said(text, language), "other.edited")
    if message.text is not None:
        return Incoming(What.SAID, message.chat.id, said(message.text, language))
    if message.location is not None and (zone := _zone_of(message.location)) is not None:
        return Incoming(What.SAID, message.chat.id, Said(zone=zone, language=language))
    for field, note in _NOTES:
        if getattr(message, field):
            caption = said(message.caption, language) if message.caption else None
            return Incoming(What.NOTE, message.chat.id, caption, note)
    return _IGNORED


def _zone_of(place: Location) -> str | None:
    """The IANA zone of a shared place; None at sea, where nobody's clock is known. Nothing else is kept of it."""
    zone = get_tz(place.longitude, place.latitude)
    return zone if zone and not zone.startswith("Etc/") else None


def _pressed(update: Update) -> Incoming:
    query = update.callback_query
    if query is None or query.from_user.is_bot:
        return _IGNORED
    chat: Chat | None = query.message.chat if query.message else None
    if chat is None or chat.type != ChatType.PRIVATE:
        return _IGNORED
    press = parse(query.data or "")
    pressed = query.message.message_id if query.message else None
    buttons = _buttons(query.message)
    if press is None:
        return Incoming(What.NOTE, chat.id, None, "other.old_button", query.id, pressed, buttons)
    language = query.from_user.language_code
    return Incoming(What.SAID, chat.id, Said(press=press, language=language), None, query.id, pressed, buttons)


def _buttons(message: object) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return the rows of a message's buttons; an inaccessible (old) message shows none."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    return tuple(tuple((each.text, str(each.callback_data)) for each in row if each.callback_data) for row in rows)


def _in_group(message: Message) -> Incoming:
    if message.chat.type in (ChatType.GROUP, ChatType.SUPERGROUP) and (message.text or "").startswith("/"):
        return Incoming(What.GROUP, message.chat.id, None, "other.group")
    return _IGNORED


def _membership(update: Update) -> Incoming:
    change = update.my_chat_member
    if change is None or change.chat.type != ChatType.PRIVATE:
        return _IGNORED
    blocked = change.new_chat_member.status in (ChatMember.BANNED, ChatMember.LEFT)
    return Incoming(What.BLOCKED if blocked else What.UNBLOCKED, change.chat.id)
