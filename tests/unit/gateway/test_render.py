"""Replies in Telegram's form: escaped, split, and with their buttons in rows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.render import CAPTION_LIMIT, LIMIT, fits_caption, messages, plain, rows, split, to_html
from bot.outcome import Button, Count, Reply
from bot.sandbox.formatting import parse_html

# What people and articles write: paragraphs, light Markdown, HTML, and characters of every width.
PIECES = ["\n\n", "\n", ". ", " ", "**", "### ", "- ", "<", ">", "&", "&amp;", "<b>", "</b>", "🙂", "é", "word", "a"]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join)
proper = texts.filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("**Get help:** now", "<b>Get help:</b> now"),
        ("two **bold** and **more**", "two <b>bold</b> and <b>more</b>"),
        ("### Do", "<b>Do</b>"),
        ("- one\n- **two**", "• one\n• <b>two</b>"),
        ("a - b", "a - b"),
        ("2 ** 3", "2 ** 3"),
        ("**open", "**open"),
        ("**over\nlines**", "**over\nlines**"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("**<i>**", "<b>&lt;i&gt;</b>"),
        ("&amp;", "&amp;amp;"),
        ('it\'s "so"', 'it\'s "so"'),
        ("#### four", "#### four"),
        ("", ""),
    ],
)
def test_light_markdown_becomes_html_and_all_else_is_escaped(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_heading_shows_no_asterisks() -> None:
    assert to_html("### Get **help** if") == "<b>Get help if</b>"


@given(proper)
def test_whatever_is_written_only_bold_is_markup_and_its_tags_are_balanced(text: str) -> None:
    html = to_html(text)
    assert re.findall(r"</?[^>]*>?", re.sub(r"<b>[^<]*</b>", "", html)) == []


@given(proper)
def test_telegram_reads_back_every_character_that_is_no_mark_of_ours(text: str) -> None:
    read, _ = parse_html(to_html(text))

    def bare(words: str) -> list[str]:
        # Without what Telegram folds (white space, control characters) and what the marks turn into.
        return [letter for letter in words if letter.isprintable() and letter not in " *#-•"]

    assert bare(read) == bare(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("   \n ", [], id="white space"),
        pytest.param("short", ["short"], id="short"),
        pytest.param("x" * 10, ["x" * 10], id="exactly the limit"),
        pytest.param("aaaaa\n\nbbbbb", ["aaaaa", "bbbbb"], id="at a paragraph"),
        pytest.param("aa aa\nbb bb", ["aa aa", "bb bb"], id="at a line"),
        pytest.param("Aa bb. Cc dd.", ["Aa bb.", "Cc dd."], id="at a sentence"),
        pytest.param("aaaa bbbb cccc", ["aaaa bbbb", "cccc"], id="at a word"),
        pytest.param("x" * 25, ["x" * 10, "x" * 10, "x" * 5], id="one long word"),
        pytest.param("🙂" * 6, ["🙂" * 5, "🙂"], id="two units each"),
        pytest.param("a" + "🙂" * 5, ["a" + "🙂" * 4, "🙂"], id="never inside a character"),
        pytest.param("a\n\nbbbbbbbb cc", ["a\n\nbbbbbbb", "b cc"], id="a far too early paragraph is no place to cut"),
    ],
)
def test_a_text_is_split_at_the_best_place_before_ten_units(text: str, parts: list[str]) -> None:
    assert split(text, 10) == parts


@given(proper, st.integers(min_value=2, max_value=40))
def test_parts_fit_and_are_never_empty(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part and units(part) <= limit for part in parts)


@given(proper, st.integers(min_value=2, max_value=40))
def test_splitting_loses_nothing_but_white_space(text: str, limit: int) -> None:
    assert "".join("".join(split(text, limit)).split()) == "".join(text.split())


@given(proper, st.integers(min_value=40, max_value=80))
def test_a_text_within_the_limit_stays_whole(text: str, limit: int) -> None:
    stripped = text.strip()
    if units(stripped) <= limit:
        assert split(text, limit) == ([stripped] if stripped else [])


@given(st.lists(proper, max_size=400).map(" ".join))
def test_every_part_is_a_message_that_telegram_takes(text: str) -> None:
    for part in split(text * 40):
        read, _ = parse_html(to_html(part))
        assert units(read) <= 4096


def test_the_limit_leaves_room() -> None:
    assert LIMIT <= 4096


@pytest.mark.parametrize(
    ("titles", "arranged"),
    [
        ([], []),
        (["Yes", "No"], [["Yes", "No"]]),
        (["a", "b", "c", "d"], [["a", "b", "c"], ["d"]]),
        (["x" * 15, "y" * 15], [["x" * 15, "y" * 15]]),
        (["x" * 15, "y" * 16], [["x" * 15], ["y" * 16]]),
        (["x" * 50, "a", "b"], [["x" * 50], ["a", "b"]]),
    ],
)
def test_short_buttons_stand_side_by_side(titles: list[str], arranged: list[list[str]]) -> None:
    made = rows([Button(title=title, payload="open:x") for title in titles])
    assert [[button.title for button in row] for row in made] == arranged


@given(st.lists(st.text(min_size=1, max_size=40).map(lambda title: Button(title=title, payload="open:x"))))
def test_rows_keep_every_button_in_order_and_no_row_is_crowded(buttons: list[Button]) -> None:
    arranged = rows(buttons)
    assert [button for row in arranged for button in row] == buttons
    for row in arranged:
        assert 1 <= len(row) <= 3
        assert len(row) == 1 or sum(len(button.title) for button in row) <= 30


@given(proper)
def test_plain_is_what_people_read(text: str) -> None:
    read, _ = parse_html(to_html(text))
    assert plain(to_html(text)).strip() == read


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * CAPTION_LIMIT, True),
        ("a" * (CAPTION_LIMIT + 1), False),
        ("🙂" * (CAPTION_LIMIT // 2), True),
        ("🙂" * (CAPTION_LIMIT // 2) + "a", False),
        (f"**{'a' * (CAPTION_LIMIT - 1)}**&", True),  # neither tags nor escapes count
        ("", True),
    ],
)
def test_a_caption_is_measured_as_it_is_read(text: str, fits: bool) -> None:
    assert fits_caption(to_html(text)) is fits


NEXT = Button(title="Next", payload="ex:next:abcdef:0")
KEYS = [[("Next", "ex:next:abcdef:0")]]
COUNT = Count(hold_s=5, rest_s=3, repetitions=5)
LONG = "word " * 300


def test_a_reply_is_one_message_with_its_buttons() -> None:
    assert messages(Reply(text="**Hello**", buttons=(NEXT,))) == [("send", {"html": "<b>Hello</b>", "buttons": KEYS})]


def test_a_reply_with_a_picture_is_the_picture_with_the_reply_under_it() -> None:
    reply = Reply(text="**Hello**", buttons=(NEXT,), image="EX-13/left")
    photo = {"image": "EX-13/left", "html": "<b>Hello</b>", "buttons": KEYS}
    assert messages(reply) == [("send_photo", photo)]


def test_a_reply_too_long_for_its_picture_follows_it_with_the_buttons() -> None:
    (first, photo), (second, text) = messages(Reply(text=LONG, buttons=(NEXT,), image="EX-13/left"))
    assert (first, photo) == ("send_photo", {"image": "EX-13/left", "html": "", "buttons": []})
    assert (second, text) == ("send", {"html": LONG.strip(), "buttons": KEYS})


def test_a_reply_in_parts_bears_its_buttons_and_its_count_on_the_last() -> None:
    made = messages(Reply(text=LONG * 5, buttons=(NEXT,), image="EX-13/left", count=COUNT))
    assert [act for act, _ in made] == ["send_photo", "send", "send"]
    assert [body["buttons"] for _, body in made] == [[], [], KEYS]
    assert [body.get("count") for _, body in made] == [None, None, COUNT.model_dump()]


def test_a_count_goes_with_the_message_it_runs_under() -> None:
    ((_, body),) = messages(Reply(text="Hold", count=COUNT))
    assert Count.model_validate(body["count"]) == COUNT
