"""All articles together; and the shelf, which takes a change up and never loses the last good library."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.content_file import ContentError
from bot.knowledge.library import Shelf, load_library

Put = Callable[..., Path]


class Seconds:
    """A clock of the test's own."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def shelf(folder: Path, seconds: Seconds, *, reload: bool = True) -> Shelf:
    return Shelf(folder, reload=reload, must_be_reviewed=False, clock=seconds)


def touched(path: Path) -> None:
    """Make sure that a change shows, on file systems whose clock is coarse too."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10_000_000))


def test_articles_topics_sources_and_questions_are_loaded(folder: Path) -> None:
    library = load_library(folder)
    assert set(library.articles) == {"eating", "drinking"}
    assert library.topics == {"eating", "drinking"}
    assert set(library.sources) == {"SRC", "OTHER"}
    assert library.questions == {"eating": ("soup runs down my chin",), "drinking": ("which cup is best",)}


def test_every_problem_of_every_article_is_named_at_once(folder: Path, put: Put) -> None:
    put(title="Ea", version=0)
    (folder / "articles" / "drinking.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        load_library(folder)
    files = [problem.file for problem in refused.value.problems]
    assert files == ["content/articles/drinking.md", "content/articles/eating.md", "content/articles/eating.md"]
    assert len(str(refused.value).splitlines()) == 3


def test_an_id_must_be_its_files_name(folder: Path, put: Put) -> None:
    put().rename(folder / "articles" / "eat.md")
    with pytest.raises(ContentError, match=r"eat\.md:2: `id` is eating; it must be the file's name, eat"):
        load_library(folder)


def test_in_production_an_article_that_no_clinician_reviewed_is_refused(folder: Path) -> None:
    with pytest.raises(ContentError, match=r"eating\.md:1: is not reviewed; production mode needs `reviewed_by`"):
        load_library(folder, must_be_reviewed=True)


def test_in_production_each_unreviewed_place_of_other_content_is_named_with_its_line(folder: Path) -> None:
    (folder / "triage").mkdir(exist_ok=True)
    rules = 'rules:\n  - id: E01\n    reviewed_by: null\n  - id: E02\n    reviewed_by: "a clinician"\n'
    (folder / "triage" / "rules.yml").write_text(rules, encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        load_library(folder, must_be_reviewed=True)
    places = [(problem.file, problem.line) for problem in refused.value.problems if "rules.yml" in problem.file]
    assert places == [("content/triage/rules.yml", 3)]


@pytest.mark.parametrize("text", ["", "groups: [eating]", "topics: {}", "groups: {a: {b: 5}}", "groups: {a: b}", "{"])
def test_broken_topics_are_named(folder: Path, text: str) -> None:
    (folder / "topics.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"^content/topics\.yml:\d+: .+\. [A-Z].+\.$"):
        load_library(folder)


@pytest.mark.parametrize(
    "text", ["", "SRC: {title: x, year: 2019, tier: A}", "- a", "SRC: {title: x, year: soon, tier: A, link: null}", "{"]
)
def test_broken_sources_are_named(folder: Path, text: str) -> None:
    (folder / "sources.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"^content/sources\.yml:\d+: .+\. [A-Z].+\."):
        load_library(folder)


@pytest.mark.parametrize("text", ["", "version: '3.1'", "nlu:\n- intent: eating", "nlu: [eating]", "{"])
def test_broken_example_questions_are_named(folder: Path, text: str) -> None:
    (folder.parent / "nlu_data" / "questions" / "eating.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"nlu_data/questions/eating\.yml"):
        load_library(folder)


def test_an_unknown_source_is_named_before_anyone_could_be_answered_from_it(folder: Path, put: Put) -> None:
    put(sources=["NOPE"])
    with pytest.raises(
        ContentError, match=r"content/articles/eating\.md:1: source NOPE is not in content/sources\.yml"
    ):
        load_library(folder)


def test_a_topic_gives_the_article_of_its_name_before_others(folder: Path, put: Put) -> None:
    put(id="a-better-way", title="Another article", label="Another label")
    library = load_library(folder)
    assert [article.id for article in library.by_topic["eating"]] == ["eating", "a-better-way"]
    assert library.about("eating") is library.articles["eating"]


def test_of_several_articles_the_one_nearest_to_the_words_is_given(folder: Path, put: Put) -> None:
    put(id="eating-spoons", title="Spoons and forks", label="Which spoon")
    near = load_library(folder).about("eating", "should i use a spoon or a fork")
    assert near is not None and near.id == "eating-spoons"


def test_a_topic_without_an_article_gives_none(folder: Path) -> None:
    assert load_library(folder).about("speaking", "any words") is None


def test_a_change_is_taken_up_within_a_second(folder: Path, put: Put, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds)
    touched(put(title="Eating anew"))
    seconds.now += 1.0
    assert on_shelf.library.articles["eating"].title == "Eating anew"


def test_a_new_article_and_one_taken_away_are_seen(folder: Path, put: Put, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds)
    put(id="eating-spoons", title="Spoons and forks", label="Which spoon")
    (folder / "articles" / "drinking.md").unlink()
    seconds.now += 1.0
    assert set(on_shelf.library.articles) == {"eating", "eating-spoons"}


def test_files_are_looked_at_once_a_second_at_most(folder: Path, put: Put, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds)
    touched(put(title="Eating anew"))
    seconds.now += 0.9
    assert on_shelf.library.articles["eating"].title == "Eating with a weak face"


def test_without_a_change_the_library_stays_the_same_object(folder: Path, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds)
    before = on_shelf.library
    seconds.now += 5.0
    assert on_shelf.library is before


def test_without_reloading_a_change_is_not_looked_for(folder: Path, put: Put, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds, reload=False)
    touched(put(title="Eating anew"))
    seconds.now += 5.0
    assert on_shelf.library.articles["eating"].title == "Eating with a weak face"


def break_article(folder: Path) -> None:
    (folder / "articles" / "eating.md").write_text("---\nid: eating\n---\nhalf", encoding="utf-8")


def break_encoding(folder: Path) -> None:
    (folder / "articles" / "eating.md").write_bytes(b"---\nid: eating\n---\nhalf \xff")


def break_date(folder: Path) -> None:
    path = folder / "articles" / "eating.md"
    path.write_text(path.read_text().replace("review_due: null", "review_due: 2027-02-30"), encoding="utf-8")


def break_topics(folder: Path) -> None:
    (folder / "topics.yml").write_text("nothing", encoding="utf-8")


def lose_topics(folder: Path) -> None:
    (folder / "topics.yml").unlink()


def break_sources(folder: Path) -> None:
    (folder / "sources.yml").write_text("SRC: {", encoding="utf-8")


def break_questions(folder: Path) -> None:
    # Example questions are read again with the rest, whatever it was that changed.
    (folder.parent / "nlu_data" / "questions" / "eating.yml").write_text("half", encoding="utf-8")
    touched(folder / "articles" / "eating.md")


BREAKS = [break_article, break_encoding, break_date, break_topics, lose_topics, break_sources, break_questions]


@pytest.mark.parametrize("damage", BREAKS)
def test_a_change_that_does_not_load_leaves_the_last_good_library(
    folder: Path, put: Put, seconds: Seconds, damage: Callable[[Path], None]
) -> None:
    on_shelf = shelf(folder, seconds)
    before = on_shelf.library
    damage(folder)
    seconds.now += 1.0
    assert on_shelf.library is before


def test_when_it_is_mended_it_is_taken_up(folder: Path, put: Put, seconds: Seconds) -> None:
    on_shelf = shelf(folder, seconds)
    break_article(folder)
    seconds.now += 1.0
    assert on_shelf.library.articles["eating"].title == "Eating with a weak face"
    touched(put(title="Eating mended"))
    seconds.now += 1.0
    assert on_shelf.library.articles["eating"].title == "Eating mended"


def test_a_shelf_does_not_begin_with_a_broken_library(folder: Path, seconds: Seconds) -> None:
    break_article(folder)
    with pytest.raises(ContentError):
        shelf(folder, seconds)
