"""Word and Excel files are ZIP archives of XML. Here it is checked that one may be opened at all. Pure.

Sizes are checked as the archive declares them: the reader never gives more of a part than was declared for it.
"""

import io
import re
import zipfile
from typing import Literal

type Kind = Literal["docx", "docm", "xlsx", "other"]
type Why = Literal["encrypted", "inflated", "broken"]

MOST_PARTS = 2_000
LARGEST_INFLATED = 60 * 1024 * 1024
"""Bytes of all parts together."""
LARGEST_DOCUMENT = 20 * 1024 * 1024
"""Bytes of one part of a Word document in XML, which is held in memory as a tree; Excel's are read row by row."""
LARGEST_RATIO = 300
"""Bytes that one byte of a large part may grow to; text seldom shrinks to less than a hundredth."""

_RATIO_FROM = 1024 * 1024
_HEAD = 64 * 1024
_ROOT = re.compile(rb"<[A-Za-z_]")
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_MAIN: dict[bytes, Kind] = {
    b"wordprocessingml.document.main+xml": "docx",
    b"ms-word.document.macroenabled.main+xml": "docm",
    b"spreadsheetml.sheet.main+xml": "xlsx",
    b"ms-excel.sheet.macroenabled.main+xml": "xlsx",
}


class WrongZip(ValueError):
    """An archive that is not opened. `why` is `encrypted`, `inflated` or `broken`."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


def kind_of(data: bytes) -> Kind:
    """What an archive holds, once it is known to be safe to open.

    Raises:
        WrongZip: it needs a password, would grow beyond all measure, or is not whole; or one of its parts declares
            entities, which Word and Excel never do.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise WrongZip("encrypted")
            large = (part for part in parts if part.file_size > _RATIO_FROM)
            if (
                len(parts) > MOST_PARTS
                or sum(part.file_size for part in parts) > LARGEST_INFLATED
                or any(part.file_size > LARGEST_RATIO * max(1, part.compress_size) for part in large)
            ):
                raise WrongZip("inflated")
            for part in parts:
                if _is_xml(part.filename):
                    with archive.open(part) as opened:
                        _check_head(opened.read(_HEAD))
            types = archive.read("[Content_Types].xml").lower()
    except WrongZip:
        raise
    except KeyError:
        return "other"
    except Exception:  # the archive is a stranger's: whatever is wrong with it, it isn't opened
        raise WrongZip("broken") from None
    kind: Kind = next((each for mark, each in _MAIN.items() if mark in types), "other")
    if kind == "docx" and any(part.file_size > LARGEST_DOCUMENT for part in parts if _is_xml(part.filename)):
        raise WrongZip("inflated")
    return kind


def _is_xml(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels", ".vml"))


def _check_head(head: bytes) -> None:
    plain = head.replace(b"\0", b"")  # UTF-16 writes each sign in two bytes
    root = _ROOT.search(plain)
    if (root is None and plain.strip()) or _DECLARES.search(plain, 0, root.start() if root else len(plain)):
        raise WrongZip("broken")
