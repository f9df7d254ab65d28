"""The two kinds of refusal: Telegram's, to the bot, and the sandbox's own, to a tester."""

from __future__ import annotations


class BotApiError(Exception):
    """A method call is refused the way Telegram refuses it.

    Attributes:
        code: the HTTP status, repeated as ``error_code`` in the answer.
        description: Telegram's words, with their prefix ("Bad Request: ...").
        retry_after: seconds to wait, for 429 only.
    """

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


class ControlError(Exception):
    """A request at the control door or of the chat page can't be done.

    Attributes:
        status: the HTTP status of the answer.
        reason: what happened and what to do, for a person to read.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def bad_request(reason: str) -> BotApiError:
    """Telegram's 400, with its usual prefix."""
    return BotApiError(400, f"Bad Request: {reason}")
