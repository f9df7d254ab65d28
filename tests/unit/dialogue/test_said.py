"""Whatever a person sends is made safe to handle: for the screen, for search, and for an engine that knows commands."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.dialogue.said import MAX_CHARACTERS, MAX_WORD, Said, clean, said, words_of

RTL = "\u202e\u202b\u2067\u200f"
anything = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp", "Mn", "So"])),
    st.text("/ {}\"':@startnuab\n\t\u200d" + RTL, max_size=40),
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/start", "start"),
        ("/START", "start"),
        ("/help@septimus_bot", "help"),
        ("  /stop  ", "stop"),
        ("\u200b/stop", "stop"),
        ("/nonsense", "nonsense"),
    ],
)
def test_a_lone_word_after_a_slash_is_a_command(text: str, command: str) -> None:
    assert said(text) == Said(command=command)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('/open_article{"article_id": "eating"}', 'open_article{"article_id": "eating"}'),
        ("/intent{}", "intent{}"),
        ("//restart", "restart"),
        ("/ /restart", "restart"),
        ("/start again please", "start again please"),
        ("/help I can't breathe", "help I can't breathe"),
        ("hello /restart", "hello /restart"),
        ("/open_article", "open_article"),
        ("/1", "1"),
    ],
)
def test_anything_else_after_a_slash_is_only_text(text: str, read: str) -> None:
    assert said(text) == Said(text=read)


@given(anything)
@example("/" * 50)
@example("\u202e/restart")
@example("\u00a0/restart{}")
@example("x" * (MAX_WORD + 1) + " /restart")
@example("x" * 5000 + ' /open_article{"article_id":"a"}')
def test_no_text_reaches_the_engine_as_a_command_of_its_own(text: str) -> None:
    assert not words_of(said(text).text or "").strip().startswith("/")


@given(anything)
def test_exactly_one_thing_is_said(text: str) -> None:
    spoken = said(text, "en")
    assert (spoken.text is None) != (spoken.command is None)
    assert spoken.press is None
    assert spoken.language == "en"


@given(anything)
@example("a\x00b\x1b[31mc")
@example(f"{RTL}hello{RTL}")
@example("\ud800 lone")
@example("\ufeffhello\u200b")
def test_no_control_or_direction_changing_character_is_left(text: str) -> None:
    # The two joiners belong to words: emoji are made with one, Persian and Indian words with both.
    categories = {unicodedata.category(letter)[0] for letter in clean(text) if letter not in "\u200c\u200d"}
    assert "C" not in categories


@given(anything)
def test_white_space_is_folded(text: str) -> None:
    assert clean(text) == " ".join(clean(text).split())


@given(anything)
def test_cleaning_a_second_time_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "word " * 1000, "👁" * 4097, "\u0958" * MAX_CHARACTERS, "e\u0301" * 4096, "\ufb2c" * 4000],
    ids=["one word", "many words", "emoji", "letters that fall apart", "accents", "hebrew points"],
)
def test_no_text_is_longer_than_telegrams_4096_characters(text: str) -> None:
    assert 0 < len(clean(text)) <= MAX_CHARACTERS


def test_a_text_of_4096_characters_is_kept_whole() -> None:
    text = ("eye " * 1024)[:-1] + "s"
    assert clean(text) == text


@pytest.mark.parametrize("text", ["👁", "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ça va", "שלום", "مرحبا", "भाषा", "你好", "it’s"])
def test_what_people_write_is_kept(text: str) -> None:
    letters = [letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter)[0] != "C"]
    assert [letter for letter in clean(text) if letter in letters] == letters


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=200))
def test_plain_letters_are_untouched(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", ["", "   ", "👁👁", "...", "?!", "x" * 5000, "-" * 4096, "\u200d"])
def test_what_holds_no_word_is_nothing_to_read(text: str) -> None:
    assert words_of(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("how long", "how long"),
        (f"how {'o' * 49} long", "how long"),
        (f"how {'o' * 48} long", f"how {'o' * 48} long"),
        ("eye 👁 drops", "eye 👁 drops"),
        ("7", "7"),
    ],
)
def test_monstrous_words_are_left_out_and_the_rest_is_kept(text: str, words: str) -> None:
    assert words_of(text) == words


@given(anything)
def test_what_is_read_is_words_of_the_text_in_their_order(text: str) -> None:
    cleaned = clean(text)
    left = iter(cleaned.split())
    assert all(word in left for word in words_of(cleaned).split())
