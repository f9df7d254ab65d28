"""Findings and details as the forms send them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.findings_form import COURSE, EYE, RED_FLAGS, WrongField, is_asked, with_details, with_findings
from bot.desk.sorting import Sorter
from bot.referral.record import Proposed, Referral
from bot.settings import CONTENT

TODAY = date(2026, 11, 23)
SORTER = Sorter.load(CONTENT)
FROM_LETTER = Referral(
    received=TODAY,
    findings={"fever": Proposed("yes", "Had a fever", "letter")},
    text="Had a fever",
    side="L",
    quotes={"side": "left"},
)


def test_every_finding_that_the_form_asks_for_may_be_stated() -> None:
    for name in (*EYE, *RED_FLAGS, *COURSE):
        assert name in SORTER.findings and is_asked(SORTER.findings[name]), name


def test_a_confirmed_proposal_keeps_its_quote_and_a_corrected_one_does_not() -> None:
    confirmed, changed = with_findings(FROM_LETTER, {"fever": "yes"}, SORTER.findings)
    assert confirmed.findings["fever"] == Proposed("yes", "Had a fever", "person")
    assert [(each.before, each.after, each.confirmed) for each in changed] == [("yes", "yes", True)]
    corrected, changed = with_findings(FROM_LETTER, {"fever": "no"}, SORTER.findings)
    assert corrected.findings["fever"] == Proposed("no", None, "person")
    assert [(each.before, each.after, each.confirmed) for each in changed] == [("yes", "no", False)]


def test_an_empty_field_leaves_a_proposal_as_it_is() -> None:
    assert with_findings(FROM_LETTER, {"fever": ""}, SORTER.findings) == (FROM_LETTER, [])


def test_confirming_twice_changes_nothing_the_second_time() -> None:
    confirmed, _ = with_findings(FROM_LETTER, {"fever": "yes"}, SORTER.findings)
    assert with_findings(confirmed, {"fever": "yes"}, SORTER.findings) == (confirmed, [])


@given(st.dictionaries(st.sampled_from([*SORTER.findings, "nonsense"]), st.text(max_size=8), max_size=5))
def test_a_form_is_taken_or_refused_by_name_whatever_it_holds(given_: dict[str, str]) -> None:
    try:
        taken, _ = with_findings(Referral(received=TODAY), given_, SORTER.findings)
    except WrongField as wrong:
        assert wrong.field in given_
        return
    assert set(taken.findings) <= {name for name, value in given_.items() if value}
    SORTER.sort(taken, TODAY)


def test_a_quote_stays_only_with_the_value_it_was_read_for() -> None:
    assert dict(with_details(FROM_LETTER, {"side": "L"}, TODAY).quotes) == {"side": "left"}
    assert dict(with_details(FROM_LETTER, {"side": "R"}, TODAY).quotes) == {}


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"received": "2026-11-24"}, "received"),
        ({"received": "1026-11-24"}, "received"),
        ({"onset": "24/11/2026"}, "onset"),
        ({"received": "2026-11-01", "onset": "2026-11-02"}, "onset"),
        ({"grade": "HB 7"}, "grade"),
    ],
)
def test_a_detail_that_cannot_be_is_named(given_: dict[str, str], field: str) -> None:
    with pytest.raises(WrongField) as wrong:
        with_details(FROM_LETTER, given_, TODAY)
    assert wrong.value.field == field
