"""The body of a request at the FHIR door: referrals, or issues that repeat none of it."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Any

from fhirclient.models.operationoutcome import OperationOutcome
from hypothesis import example, given
from hypothesis import strategies as st

from bot.desk.columns import Columns
from bot.desk.fhir import read_fhir
from bot.desk.fhir_answers import outcome
from bot.desk.fhir_valid import WrongFhir, parsed
from bot.referral.bands import Bands
from bot.referral.letter import LetterReader
from bot.settings import CONTENT
from tests.fuzz.conftest import examples, within
from tests.fuzz.mess import MARK, cut_up, damaged, values
from tests.fuzz.samples import bundle

TODAY = date(2026, 11, 23)


@cache
def bands() -> Bands:
    return Bands.load(CONTENT)


@cache
def columns() -> Columns:
    return Columns.load(CONTENT, bands().findings)


@cache
def reader() -> LetterReader:
    return LetterReader.load(CONTENT, bands().findings)


PROPER = (
    bundle(f"Double vision. {MARK}"),
    bundle("Seen today.", kind="collection"),
    {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"identifier": {"value": "H123"}},
        "reasonCode": [{"text": f"Left facial palsy since 2026-11-20. {MARK}"}],
        "contained": [{"resourceType": "Patient", "id": "p", "birthDate": "1970-02-30"}],
    },
    {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"display": f"Invented {MARK}"},
        "input": [{"type": {"text": "Eye closure"}, "valueString": "no"}],
    },
)


def deep(levels: int) -> bytes:
    inner = b'{"resourceType":"Basic","contained":[' * levels
    return inner + b"{}" + b"]}" * levels


bodies = st.one_of(
    st.binary(max_size=200),
    values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(PROPER).flatmap(lambda whole: damaged(whole, 4)).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(PROPER).flatmap(lambda whole: cut_up(json.dumps(whole).encode())),
)


@examples(1)
@example(b"[" * 200_000)
@example(b'{"a":' * 100_000)
@example(deep(30))
@example(deep(2_000))
@example(b'{"resourceType": "Task", "status": ' + b"9" * 100_000 + b"}")
@example(json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 100_000}).encode())
@example(json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [{"fullUrl": "u"}] * 600}).encode())
@example(b'{"resourceType": "__class__"}')
@example(b'{"resourceType": "Bundle", "resourceType": "Task"}')
@given(bodies)
def test_any_body_is_referrals_or_issues(body: bytes) -> None:
    with within(6.0):
        try:
            made: Any = read_fhir(parsed(body), columns(), received=TODAY, today=TODAY, read_text=reader())
        except WrongFhir as wrong:
            assert 1 <= len(wrong.issues) <= 50
            answered = outcome(wrong.issues)
            OperationOutcome(answered)
            assert MARK not in json.dumps([issue.expression for issue in wrong.issues])
            return
    assert all(each.patient_ref for each in made)


@examples(1)
@given(st.text(max_size=20))
def test_any_version_is_r4_or_refused(version: str) -> None:
    try:
        parsed(b'{"resourceType": "Task"}', version)
    except WrongFhir as wrong:
        assert [issue.code for issue in wrong.issues] == ["not-supported"]
