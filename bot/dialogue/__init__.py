"""The way of a message from what a person said to the replies: screen, first contact, engine, or the plain answer.

`reply.py` shows the way in order; each step is the file of its name. Whoever serves a channel (the gateway, the
terminal chat, `septimus replay`) calls `Dialogue.reply` and then `record`, in one transaction with its own rows.
"""

from bot.dialogue.record import record
from bot.dialogue.reply import Dialogue, Turn
from bot.dialogue.said import Said, said

__all__ = ["Dialogue", "Said", "Turn", "record", "said"]
