"""What strangers send: texts that break things, JSON with one part wrong, files with bytes and lines amiss."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from hypothesis import strategies as st

MARK = "zqmarked"
"""Stands in what is sent, so that it can be looked for where it must not be."""

NASTY = (
    "", " ", "\0", "\ufeff", "\u202e", "\u200d", "²", "٣", "①", "½", "ſ", "İ", "ß", "é́́́", "𝟙", "👁️‍🗨️", "\ud83d",
    "\x85", "\u2028", "'", '"', "{}", "{0}", "%s", "%n", "${HOME}", "{{7*7}}", "<script>", "<!--", "]]>", "&amp;",
    "'; --", "../../etc/passwd", "=1+1", "@SUM(1)", "-1", "+1", "1e999", "NaN", "inf", "-0", "0x10", "1_000",
    "9" * 40, "9" * 400, "-" * 300, "a" * 3000, "(" * 300, "31/02/2026", "29 feb 2023", "00:00", "24:00", "25:61",
    "12 pm", "12am", "0", "99", "every 0 minutes", "every 99999999 days", "in 999999999 years", "/start", "/delete",
    '/open_article{"article_id": "x"}', "no", "yes", "none of these", MARK,
)  # fmt: skip

nasty = st.sampled_from(NASTY)
texts = st.one_of(st.text(max_size=60), nasty, st.builds(lambda one, two: one + two, nasty, st.text(max_size=20)))
sendable = texts.filter(lambda text: not any(0xD800 <= ord(sign) <= 0xDFFF for sign in text))
"""Texts that can travel: no halves of a surrogate pair."""

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), sendable,
    st.sampled_from([2**31, 2**53, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, whole: Any, most: int = 3) -> Any:
    """The same JSON with some of its parts replaced, taken away, doubled or moved."""
    for _ in range(draw(st.integers(1, most))):
        whole = _damaged(draw, whole)
    return whole


def _damaged(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 5)):
            case 0:
                return {key: part for key, part in value.items() if key != name}
            case 1:
                return {**value, draw(st.text(max_size=12)): draw(values)}
            case _:
                return {**value, name: _damaged(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(value) - 1))
        if draw(st.integers(0, 5)) == 0:
            return [*value[: at + 1], *value[at:]]
        return [*value[:at], _damaged(draw, value[at]), *value[at + 1 :]]
    return draw(values)


@st.composite
def cut_up(draw: st.DrawFn, data: bytes, most: int = 6) -> bytes:
    """The same bytes with some overwritten, put in, taken out, doubled, or their end cut off."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, most))):
        at = int(draw(st.floats(0, 1, exclude_max=True)) * max(1, len(made)))
        span = draw(st.integers(0, 40))
        match draw(st.integers(0, 5)):
            case 0:
                del made[at : at + span]
            case 1:
                made[at:at] = made[at : at + span] * draw(st.integers(1, 30))
            case 2:
                made[at:at] = draw(st.binary(max_size=20))
            case 3:
                del made[at:]
            case _:
                made[at : at + 1] = bytes([draw(st.integers(0, 255))])
    return bytes(made)


@st.composite
def edited(draw: st.DrawFn, text: str, most: int = 3) -> str:
    """The same text with lines taken out, doubled, indented, cut, or their values put wrong."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        match draw(st.integers(0, 7)):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(at, line)
            case 2:
                lines[at] = draw(st.sampled_from(["  ", "\t", " "])) + line
            case 3:
                lines[at] = line[: draw(st.integers(0, max(0, len(line))))]
            case 4:
                lines.insert(at, draw(sendable))
            case 5:
                key, colon, _ = line.partition(":")
                lines[at] = f"{key}{colon} {draw(_yaml_values)}"
            case 6:
                lines[at] = line.replace(draw(st.sampled_from([":", "-", '"', "'", "[", "]", " "])), draw(sendable), 1)
            case _:
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines)


_yaml_values = st.one_of(
    sendable,
    st.sampled_from(
        ["[", "{", "{}", "[]", "null", "~", "true", "1", "-1", "1.5", ".nan", ".inf", "2026-02-30", "2026-13-01",
         "12:30:99", "&a [*a]", "*nobody", "!!python/object/apply:os.system [x]", "!!binary x", "!!set {a}", "? a",
         "<<: 1", "|", ">", "@", "`", "%", '"\\ud800"', "0o17", "1_0", "10" * 3000, "[" * 200, "{a: " * 100]
    ),
)  # fmt: skip


def parts_of(data: bytes) -> dict[str, bytes]:
    """What a ZIP archive holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@st.composite
def rezipped(draw: st.DrawFn, data: bytes) -> bytes:
    """The same archive with the bytes of one or two parts cut up: its checksums are right, what it holds is not."""
    parts = parts_of(data)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(parts)))
        parts[name] = draw(cut_up(parts[name]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return out.getvalue()
