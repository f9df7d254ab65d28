"""JSON from outside, refused where it couldn't be sent on as JSON."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def read_json(text: str | bytes) -> Any:
    """A JSON value.

    Raises:
        ValueError: it isn't JSON, or holds what no UTF-8 JSON can: half a surrogate pair, NaN, Infinity.
    """
    value = json.loads(text, parse_constant=_refuse)
    json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} isn't JSON")
