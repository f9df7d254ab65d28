"""The content files are complete, and what is wrong in them is named with its file, line and remedy."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bot.content_file import ContentError
from bot.triage.countries import Countries
from bot.triage.messages import Messages
from bot.triage.rules import Disposition, load_findings, load_rules
from bot.triage.screen import Screen

CONTENT = Path(__file__).parents[3] / "content"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A small copy of the content folder to break."""
    shutil.copytree(CONTENT / "triage", tmp_path / "triage")
    shutil.copy(CONTENT / "countries.yml", tmp_path)
    (tmp_path / "triage" / "english_words.txt").write_text("week\nfine\n")
    (tmp_path / "triage" / "cues.yml").write_text(SMALL)
    return tmp_path


SMALL = """\
version: "2026.1"
words:
  limb: [arm, leg]
expansions: {cant: can not}
gap_stops: [but]
contexts:
  negation: ["no"]
  negation_of_clause: [not that]
  no_negation: [no idea]
  negation_after: [ruled out]
  turn: [but]
  subject: [i]
  present: [is]
  now: [now]
  past: [last year]
  went: [was]
  personal: [my]
  carer: [his]
  distant: [neighbour]
  hearsay: [of mine]
  question: [^ can]
  no_question: [can you help]
  hypothetical: [if]
  fear: [afraid of]
  ever: [ever]
  no_hypothetical: [as if]
  explained: [not a stroke]
  long_standing: [always]
  worse: [worse]
  figurative: [dead tired]
  elsewhere: [hamster]
cues:
  - id: weak-limb
    finding: arm_or_leg_weak
    family: stroke
    level: certain
    rules: [E02]
    patterns:
      - <limb> ..3 weak
    provenance: [sourced]
combinations:
  - {id: both, all: [arm_or_leg_weak], any: [weak-limb], family: stroke, level: certain, rules: [E11], provenance: [DES]}
"""


def test_the_small_content_works(content: Path) -> None:
    screen = Screen.load(content)
    assert [hit.cue for hit in screen("my arm is weak").hits] == ["both", "weak-limb"]
    assert not screen("my arm this week").hits


def test_a_pattern_may_refuse_the_next_word(content: Path) -> None:
    path = content / "triage" / "cues.yml"
    path.write_text(path.read_text().replace("- <limb> ..3 weak", "- <limb> ..3 weak !(lip|<limb>)"))
    screen = Screen.load(content)
    assert screen("my arm is weak").hits and screen("my arm is weak today").hits
    assert not screen("my arm, weak lip").hits and not screen("my arm, weak leg").hits


def test_a_word_anywhere_switches_a_cue_off(content: Path) -> None:
    path = content / "triage" / "cues.yml"
    text = path.read_text().replace(
        "    provenance: [sourced]\n", "    unless_anywhere: [sling]\n    provenance: [sourced]\n", 1
    )
    path.write_text(text)
    screen = Screen.load(content)
    assert screen("my arm is weak. thanks").hits
    assert not screen("my arm is weak. it was in a sling").hits


BROKEN: list[tuple[str, str, str, str, str]] = [
    # what, file, old, new, message
    ("unknown finding", "cues.yml", "finding: arm_or_leg_weak", "finding: arm_or_leg_week", ":34.*'arm_or_leg_week'.*Did you mean 'arm_or_leg_weak'"),
    ("unknown rule", "cues.yml", "rules: [E02]", "rules: [E99]", r"cues.yml:37: cue 'weak-limb' names the rule E99.*rules.yml"),
    ("unknown finding of a combination", "cues.yml", "all: [arm_or_leg_weak]", "all: [arms]", "'both' names the finding 'arms'"),
    ("empty pattern", "cues.yml", "- <limb> ..3 weak", "- ..3", ":39.*is empty.*at least one word"),
    ("blank pattern", "cues.yml", "- <limb> ..3 weak", "- ''", ":39.*is empty"),
    ("optional pattern", "cues.yml", "- <limb> ..3 weak", "- weak?", ":39.*match nothing"),
    ("unknown set", "cues.yml", "- <limb> ..3 weak", "- <limbs> ..3 weak", ":39.*<limbs>.*Add it there"),
    ("brackets", "cues.yml", "- <limb> ..3 weak", "- (weak arm", r":39.*brackets unequally"),
    ("wrong place", "cues.yml", "- <limb> ..3 weak", "- '? weak'", ":39.*wrong place"),
    ("long gap", "cues.yml", "- <limb> ..3 weak", "- <limb> ..9 weak", ":39.*gap of 9 words.*1 to 8"),
    ("refusal of nothing", "cues.yml", "- <limb> ..3 weak", "- weak !", ":39.*`!` without a word after it"),
    ("refusal of a gap", "cues.yml", "- <limb> ..3 weak", "- weak !$", ":39.*`!` without a word after it"),
    ("no word", "cues.yml", "- <limb> ..3 weak", "- weak & arm", ":39.*`&`.*no word of the language"),
    ("unknown sign", "cues.yml", "- <limb> ..3 weak", "- <Limb> weak", ":39.*sign the language doesn't know"),
    ("value", "cues.yml", "    family: stroke\n    level", "    value: maybe\n    family: stroke\n    level", "value 'maybe', which it can't have"),
    ("no rule", "cues.yml", "    rules: [E02]\n", "", "level 'certain' but no rule.*make it a note"),
    ("same id", "cues.yml", "{id: both", "{id: weak-limb", "'weak-limb' is used twice.*another id"),
    ("unknown key", "cues.yml", "    family: stroke\n    level", "    famly: stroke\n    level", "famly.*correct its spelling"),
    ("missing key", "cues.yml", "    provenance: [sourced]\n", "", ":33.*provenance.*Add this key"),
    ("wrong value", "cues.yml", "level: certain\n    rules", "level: sure\n    rules", ":36.*level.*Correct this value"),
    ("key twice", "cues.yml", "expansions:", "words: {}\nexpansions:", ":4: the key 'words' stands here a second time"),
    ("not YAML", "cues.yml", "words:", "words: [", "not valid YAML.*Check quotes"),
    ("no words for a family", "cues.yml", "    family: stroke\n    level", "    family: stork\n    level", r"messages.yml:\d+: .*no words for the family 'stork'"),
    ("rule twice", "rules.yml", "- id: E02", "- id: E01", r"rules.yml:\d+: the rule id E01 is used twice"),
    ("bad disposition", "rules.yml", "disposition: SELF_CARE", "disposition: HOME", r"rules.yml:\d+.*disposition"),
    ("choice without values", "findings.yml", "values: [L, R, both]", "note: x", "'side' needs `values`"),
    ("placeholder", "messages.yml", "Call {emergency_number} now. Say: \"I think", "Call {number} now. Say: \"I think", "{number} is not filled.*{emergency_number}"),
    ("brace", "messages.yml", "Call {emergency_number} now. Say: \"I think", "Call { now. Say: \"I think", "brace"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "file", "old", "new", "message"), BROKEN, ids=[row[0] for row in BROKEN])
def test_what_is_wrong_is_named(content: Path, what: str, file: str, old: str, new: str, message: str) -> None:
    path = content / "triage" / file
    text = path.read_text()
    assert old in text, f"the fixture for '{what}' has nothing to break"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContentError, match=r"^(triage|content)/") as raised:
        Screen.load(content)
    assert re.search(message, str(raised.value)), str(raised.value)


def test_a_missing_file_is_named(content: Path) -> None:
    (content / "triage" / "rules.yml").unlink()
    with pytest.raises(ContentError, match=r"rules.yml:\d+: the file is missing. Restore it"):
        Screen.load(content)


def test_a_missing_word_list_is_named(content: Path) -> None:
    (content / "triage" / "english_words.txt").unlink()
    with pytest.raises(ContentError, match=r"english_words.txt:\d+: the file is missing. Restore it"):
        Screen.load(content)


def test_all_rules_of_the_pack_are_there() -> None:
    rules = load_rules(CONTENT / "triage")
    counts = {"E": 24, "D": 33, "U": 18, "R": 6, "S": 3, "X": 4}
    assert {letter: sum(rule.startswith(letter) for rule in rules.by_id) for letter in counts} == counts
    for rule in rules.by_id.values():
        assert (rule.reviewed_by is None) == (rule.review_due is None), f"{rule.id}: a review has a name and a date"
        assert rule.sources or "sourced" not in rule.provenance, rule.id
        assert rule.sources or {"GMK", "DES"} & set(rule.provenance), rule.id


def test_every_source_of_a_rule_is_known() -> None:
    known = {str(key) for key in yaml.safe_load((CONTENT / "sources.yml").read_text())}
    for rule in load_rules(CONTENT / "triage").by_id.values():
        assert set(rule.sources) <= known, rule.id


def test_what_rules_tell_is_plain() -> None:
    for rule in load_rules(CONTENT / "triage").by_id.values():
        assert not re.search(r"\b(999|911|112|111|NHS|A&E|GP|ER)\b", rule.tell), rule.id
        for sentence in re.split(r"[.!?]", rule.tell):
            assert len(sentence.split()) <= 20, (rule.id, sentence)
        if rule.disposition is Disposition.EMERGENCY:
            assert "{emergency_number}" in rule.tell or "hospital" in rule.tell, rule.id


def test_sentences_of_messages_are_short() -> None:
    messages = Messages.load(CONTENT / "triage" / "messages.yml")
    texts = [text for words in messages.emergency.values() for text in (words.message, words.line, words.if_no)]
    texts += [words.message for words in messages.same_day.values()]
    texts += [value for value in messages.crisis.model_dump().values() if isinstance(value, str)]
    for text in texts:
        for sentence in re.split(r"[.!?\n]", text):
            assert len(sentence.split()) <= 20, sentence


def test_findings_allow_their_values() -> None:
    findings = load_findings(CONTENT / "triage" / "findings.yml")
    assert findings["side"].allows("both") and not findings["side"].allows("up")
    assert findings["droop_new"].allows("unknown") and not findings["droop_new"].allows("3")
    assert findings["onset_hours"].allows("20.5") and not findings["onset_hours"].allows("soon")


@pytest.fixture(scope="module")
def countries() -> Countries:
    return Countries.load(CONTENT / "countries.yml")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("uk", "GB"),
        ("England", "GB"),
        ("the states", "US"),
        ("USA", "US"),
        ("deutschland", "DE"),
        ("österreich", "AT"),
        ("osterreich", "AT"),
        ("Republic of Ireland", "IE"),
        ("The Netherlands", "NL"),
        ("no", "NO"),
        ("atlantis", None),
        ("", None),
    ],
)
def test_typed_countries_are_found(countries: Countries, typed: str, code: str | None) -> None:
    assert countries.find(typed) == code


def test_numbers_of_countries(countries: Countries) -> None:
    assert {code: countries.get(code).emergency_number for code in ("GB", "US", "AU", "NZ", "DE", None, "XX")} == {
        "GB": "999", "US": "911", "AU": "000", "NZ": "111", "DE": "112", None: "112", "XX": "112",
    }  # fmt: skip
    assert "116 123" in countries.get("GB").crisis_text()
    assert "988" in countries.get("us").crisis_text()
    assert "national" in countries.get("IE").crisis_text()
    assert countries.get("GB").urgent_line == "NHS 111"


def test_words_are_filled_for_the_country(countries: Countries) -> None:
    messages = Messages.load(CONTENT / "triage" / "messages.yml")
    for code in ("GB", "US", "FR", "AU", None):
        country = countries.get(code)
        for words in (messages.crisis.act, messages.crisis.thoughts, messages.emergency["stroke"].message):
            filled = messages.fill(words, country)
            assert "{" not in filled and country.emergency_number in filled


def test_a_name_for_two_countries_is_named(tmp_path: Path) -> None:
    path = tmp_path / "countries.yml"
    text = (CONTENT / "countries.yml").read_text()
    path.write_text(text.replace("also: [danmark]", "also: [england]"))
    with pytest.raises(ContentError, match=r"countries.yml:\d+: 'england' stands for both GB and DK"):
        Countries.load(path)


@pytest.mark.parametrize(
    "break_it",
    [lambda text: text.replace("'999'", "nine"), lambda text: text.replace("  GB:", "  gb:")],
)
def test_a_wrong_country_is_named(tmp_path: Path, break_it: Callable[[str], str]) -> None:
    path = tmp_path / "countries.yml"
    path.write_text(break_it((CONTENT / "countries.yml").read_text()))
    with pytest.raises(ContentError, match=r"countries.yml:\d+"):
        Countries.load(path)
