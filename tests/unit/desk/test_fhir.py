"""Referrals by FHIR R4: what is taken, what is refused and where, and what is answered."""

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.task import Task
from fpdf import FPDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.desk.columns import Note
from bot.desk.fhir import Incoming, read_fhir
from bot.desk.fhir_answers import answer, capabilities, outcome, task
from bot.desk.fhir_valid import Issue, WrongFhir, checked, parsed
from bot.desk.rule_words import Reason
from bot.referral.record import Referral
from bot.store.referrals import Kept, Override, Sorting, State
from tests.unit.loaded import bands, columns, reader

TODAY = date(2026, 11, 23)


def words() -> dict[str, str]:
    return {name: band.name for name, band in bands().bands.items()}


type Given = dict[str, Any]

PATIENT: Given = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"},
        {"system": "urn:x:mrn", "value": "H123"},
    ],
    "name": [{"use": "official", "family": "Smith", "given": ["Jane"]}],
    "birthDate": "1980-09-12",
    "address": [{"line": ["1 High Street"]}],
    "telecom": [{"system": "phone", "value": "07700900000"}],
}
REQUEST: Given = {
    "resourceType": "ServiceRequest",
    "id": "s1",
    "identifier": [{"system": "urn:x", "value": "77"}],
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-11-20T10:00:00Z",
    "requester": {"reference": "PractitionerRole/r1"},
    "reasonReference": [{"reference": "Condition/c1"}],
    "note": [{"text": "No vesicles."}],
}
ROLE: Given = {
    "resourceType": "PractitionerRole",
    "id": "r1",
    "practitioner": {"display": "Dr A"},
    "organization": {"reference": "Organization/o1"},
}
ORGANISATION: Given = {"resourceType": "Organization", "id": "o1", "name": "High Street Practice"}
CONDITION: Given = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "193093009"}]},
    "onsetDateTime": "2026-11-01",
    "bodySite": [{"text": "Left side of face"}],
}


def observation(label: str, number: int = 1, day: str = "2026-11-19", **value: Any) -> Given:
    return {
        "resourceType": "Observation",
        "id": f"ob{number}",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": label},
        "effectiveDateTime": day,
        **value,
    }


def letter(raw: bytes, kind: str = "text/plain", **attachment: Any) -> Given:
    given = {"contentType": kind, "data": base64.b64encode(raw).decode()} | attachment
    return {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": given}],
    }


def bundle(*resources: Given, kind: str = "transaction") -> Given:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "fullUrl": f"https://gp.example.org/fhir/{each.get('resourceType')}/{each.get('id', 'x')}",
                "resource": each,
                **(
                    {"request": {"method": "POST", "url": each.get("resourceType", "x")}}
                    if kind in ("transaction", "batch")
                    else {}
                ),
            }
            for each in resources
        ],
    }


WHOLE = (PATIENT, REQUEST, ROLE, ORGANISATION, CONDITION)


def read(*resources: Given, kind: str = "transaction") -> Incoming:
    (made,) = read_fhir(bundle(*resources, kind=kind), columns(), received=TODAY, today=TODAY, read_text=reader())
    return made


def alone(resource: Given) -> Incoming:
    (made,) = read_fhir(resource, columns(), received=TODAY, today=TODAY, read_text=reader())
    return made


def refused(resource: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(WrongFhir) as wrong:
        read_fhir(resource, columns(), received=TODAY, today=TODAY, read_text=reader())
    answered = outcome(wrong.value.issues)
    OperationOutcome(answered)
    assert all(issue.words.endswith((".", "?")) for issue in wrong.value.issues)
    return [(issue.expression, issue.code, issue.words) for issue in wrong.value.issues]


def changed(resource: Given, **parts: Any) -> Given:
    made = {**copy.deepcopy(resource), **parts}
    return {name: part for name, part in made.items() if part is not None}


# --- what is taken ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "message"])
def test_a_bundle_is_a_referral_with_all_that_belongs_to_it(kind: str) -> None:
    made = read(
        *WHOLE,
        observation("House-Brackmann grade", 1, valueString="V"),
        observation("Eye closure", 2, valueCodeableConcept={"text": "Incomplete"}),
        observation("Otalgia", 3, valueBoolean=False),
        letter(b"Slurred speech this morning."),
        kind=kind,
    )
    referral = made.referral
    assert (made.patient_ref, made.referrer) == ("H123", "Dr A, High Street Practice")
    assert (made.request, made.patient, made.identifiers) == ("ServiceRequest/s1", "Patient/p1", ("urn:x|77",))
    assert (made.expression, made.entry) == ("Bundle.entry[1].resource", 1)
    assert (referral.onset, referral.onset_is_exact, referral.side) == (date(2026, 11, 1), True, "L")
    assert (referral.cause, referral.grade, referral.written) == ("bells", "HB 5", date(2026, 11, 20))
    values = {name: referral.value(name) for name in ("cannot_close_eye", "ear_pain", "ear_or_mouth_blisters", "age")}
    assert values == {"cannot_close_eye": "yes", "ear_pain": "no", "ear_or_mouth_blisters": "no", "age": "46"}
    assert referral.value("speech_slurred_or_words_wrong") == "yes"
    assert bands()(referral, TODAY).band == "P0"
    assert made.came_from["onset"] == "Bundle.entry[4].resource.onsetDateTime"
    assert made.came_from["grade"] == "Bundle.entry[5].resource.valueString"
    assert made.came_from["speech_slurred_or_words_wrong"] == "Bundle.entry[8].resource.content[0].attachment.data"
    for each in referral.findings.values():
        assert each.quote is None or each.quote in referral.text


def test_of_the_patient_little_is_kept() -> None:
    kept = repr(read(*WHOLE))
    for private in ("Smith", "Jane", "943", "1980", "High Street,", "1 High", "07700"):
        assert private not in kept


@pytest.mark.parametrize(
    ("patient", "ref"),
    [
        (PATIENT, "H123"),
        (changed(PATIENT, identifier=PATIENT["identifier"][:1]), "JS …5919"),
        (changed(PATIENT, identifier=None), "JS"),
        (changed(PATIENT, identifier=None, name=[{"text": "Jane Smith"}]), "JS"),
        (
            changed(PATIENT, identifier=[{"type": {"coding": [{"code": "MR"}]}, "value": "M1"}, {"value": "other"}]),
            "M1",
        ),
    ],
)
def test_a_patient_is_named_as_shortly_as_can_be(patient: Given, ref: str) -> None:
    assert read(patient, REQUEST, ROLE, ORGANISATION, CONDITION).patient_ref == ref


def test_a_request_alone_may_hold_its_patient_or_only_name_them() -> None:
    held = changed(
        REQUEST,
        contained=[changed(PATIENT, id="me")],
        subject={"reference": "#me"},
        reasonReference=None,
        requester=None,
    )
    assert alone(held).patient_ref == "H123"
    named = changed(held, contained=None, subject={"identifier": {"value": "Z9"}})
    assert alone(named).patient_ref == "Z9"
    assert any("was not sent" in note.words for note in alone(named).notes)
    pointed = changed(held, contained=None, subject={"reference": "Patient/442"})
    assert alone(pointed).patient_ref == "Patient/442"
    assert refused(changed(held, contained=None, subject={"reference": "https://x.org/Patient/4"}))[0][:2] == (
        "ServiceRequest.subject",
        "required",
    )


def test_a_task_alone_is_a_referral() -> None:
    made = alone(
        {
            "resourceType": "Task",
            "id": "t1",
            "status": "requested",
            "intent": "order",
            "for": {"identifier": {"value": "Z9"}},
            "description": "Right facial palsy. No otalgia.",
            "input": [
                {"type": {"text": "Onset"}, "valueDate": "2026-11-01"},
                {"type": {"text": "Eye closure"}, "valueString": "incomplete"},
                {"type": {"text": "HB"}, "valueInteger": 4},
                {"type": {"text": "Free words nobody knows"}, "valueString": "hearing loss since Friday"},
            ],
        }
    )
    assert made.referral.onset == date(2026, 11, 1)
    assert (made.referral.grade, made.referral.side) == ("HB 4", "R")
    assert made.referral.value("cannot_close_eye") == "yes"
    assert made.referral.value("ear_pain") == "no"
    assert made.referral.value("hearing_loss_new_sudden") == "yes"


def test_a_task_for_a_request_adds_to_it() -> None:
    also = {
        "resourceType": "Task",
        "id": "t1",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": "ServiceRequest/s1"},
        "input": [{"type": {"text": "HB"}, "valueString": "III"}],
    }
    assert read(*WHOLE, also).referral.grade == "HB 3"


def test_several_requests_are_several_referrals_and_patients_stay_apart() -> None:
    other = changed(PATIENT, id="p2", identifier=[{"value": "H2"}], birthDate="2000-01-01")
    second = changed(
        REQUEST, id="s2", subject={"reference": "Patient/p2"}, reasonReference=None, identifier=None, note=None
    )
    grade = changed(observation("HB", valueInteger=6), subject={"reference": "Patient/p2"})
    one, two = read_fhir(
        bundle(*WHOLE, other, second, grade), columns(), received=TODAY, today=TODAY, read_text=reader()
    )
    assert (one.patient_ref, one.referral.grade) == ("H123", None)
    assert (two.patient_ref, two.referral.grade, two.referral.onset) == ("H2", "HB 6", None)


def test_what_a_request_points_to_must_be_about_its_patient() -> None:
    foreign = changed(CONDITION, subject={"reference": "Patient/p9"})
    assert refused(bundle(PATIENT, REQUEST, foreign))[0][:2] == (
        "Bundle.entry[1].resource.reasonReference[0]",
        "invariant",
    )


@pytest.mark.parametrize(
    ("change", "cause", "onset", "exact"),
    [
        ({}, "bells", date(2026, 11, 1), True),
        ({"onsetDateTime": "2026-10"}, "bells", date(2026, 10, 15), False),
        ({"onsetDateTime": "2026"}, "bells", date(2026, 7, 1), False),
        ({"onsetDateTime": "2026-11"}, "bells", date(2026, 11, 15), False),
        ({"onsetDateTime": None, "onsetPeriod": {"start": "2026-11-02"}}, "bells", date(2026, 11, 2), True),
        ({"onsetDateTime": None, "onsetString": "3 weeks ago"}, "bells", date(2026, 10, 30), False),
        ({"onsetDateTime": None}, "bells", None, False),
        ({"code": {"text": "Ramsay Hunt syndrome"}}, "rhs", date(2026, 11, 1), True),
        ({"verificationStatus": {"coding": [{"code": "provisional"}]}}, "bells", date(2026, 11, 1), True),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, None, None, False),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, None, None, False),
        ({"code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}}, None, None, False),
    ],
)
def test_a_condition_gives_cause_and_onset(change: Given, cause: str | None, onset: date | None, exact: bool) -> None:
    made = read(PATIENT, REQUEST, changed(CONDITION, **change)).referral
    assert (made.cause, made.onset, made.onset_is_exact) == (cause, onset, exact)


def test_other_conditions_are_read_as_a_letter_says_them() -> None:
    diabetes = changed(
        CONDITION, id="c2", code={"text": "Type 2 diabetes mellitus"}, onsetDateTime="2010", bodySite=None
    )
    stroke = changed(
        CONDITION,
        id="c3",
        code={"text": "Stroke"},
        clinicalStatus={"coding": [{"code": "resolved"}]},
        onsetDateTime=None,
    )
    made = read(*WHOLE, diabetes, stroke).referral
    assert made.value("diabetes") == "yes"
    assert (made.onset, made.cause) == (date(2026, 11, 1), "bells")
    assert "Past history: Stroke" in made.text


def test_the_latest_of_two_observations_counts_and_the_other_is_told() -> None:
    made = read(
        *WHOLE,
        observation("HB", 1, "2026-11-19", valueInteger=3),
        observation("House-Brackmann grade", 2, "2026-11-02", valueInteger=6),
    )
    assert made.referral.grade == "HB 3"
    assert any("earlier value" in note.words for note in made.notes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueBoolean": True}, "yes"), ({"valueBoolean": False}, "no"), ({"valueString": "denied"}, "no"),
        ({"valueCodeableConcept": {"coding": [{"code": "y", "display": "Yes"}]}}, "yes"),
        ({"interpretation": [{"text": "Positive"}]}, "yes"), ({"valueInteger": 1}, "yes"),
        ({"dataAbsentReason": {"text": "not asked"}}, None), ({"valueString": "not asked"}, None),
        ({"status": "entered-in-error", "valueBoolean": True}, None),
    ],
)  # fmt: skip
def test_an_observation_is_read_by_its_label(value: Given, expected: str | None) -> None:
    assert read(*WHOLE, observation("Otalgia", **value)).referral.value("ear_pain") == expected


def test_a_sender_may_name_findings_exactly() -> None:
    made = read(
        *WHOLE,
        changed(
            observation("whatever", valueBoolean=True),
            code={"coding": [{"system": "urn:septimus:finding", "code": "arm_or_leg_weak"}], "text": "whatever"},
        ),
    )
    assert made.referral.value("arm_or_leg_weak") == "yes"


def test_the_answers_of_a_questionnaire_are_read_by_their_questions() -> None:
    made = read(
        *WHOLE,
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "subject": {"reference": "Patient/p1"},
            "item": [
                {
                    "linkId": "1",
                    "text": "Red flags",
                    "item": [
                        {"linkId": "1.1", "text": "Vesicles", "answer": [{"valueBoolean": True}]},
                        {"linkId": "1.2", "text": "HB grade", "answer": [{"valueInteger": 5}]},
                    ],
                }
            ],
        },
    )
    assert made.referral.value("ear_or_mouth_blisters") == "yes"
    assert made.referral.grade == "HB 5"
    assert made.came_from["grade"].endswith("item[0].item[1].answer[0].valueInteger")


def test_what_is_about_somebody_else_is_left_out_and_told() -> None:
    away = changed(observation("HB", valueInteger=6), subject={"reference": "https://else.org/Patient/4"})
    made = read(*WHOLE, away)
    assert made.referral.grade is None
    assert any("was not taken" in note.words for note in made.notes)


# --- letters ------------------------------------------------------------------------------------------------------


def _pdf(text: str) -> bytes:
    made = FPDF()
    made.add_page()
    made.set_font("helvetica", size=12)
    made.multi_cell(0, 6, text)
    return bytes(made.output())


def test_a_letter_in_pdf_is_read() -> None:
    made = read(*WHOLE, letter(_pdf("She has double vision since this morning."), "application/pdf"))
    assert made.referral.value("double_vision") == "yes"


def test_a_letter_may_lie_beside_the_document_but_nothing_is_fetched() -> None:
    there = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": base64.b64encode(b"Double vision.").decode(),
    }
    document = changed(letter(b""), content=[{"attachment": {"contentType": "text/plain", "url": "Binary/b1"}}])
    assert read(*WHOLE, document, there).referral.value("double_vision") == "yes"
    away = changed(document, content=[{"attachment": {"url": "http://169.254.169.254/letter"}}])
    made = read(*WHOLE, away)
    assert any("not fetched" in note.words for note in made.notes)


@pytest.mark.parametrize(
    ("document", "place", "code"),
    [
        (letter(b"%PDF-1.4 broken", "application/pdf"), "content[0].attachment.data", "processing"),
        (letter(b"PK\x03\x04 broken"), "content[0].attachment.data", "processing"),
        (letter(b"x", data="not base64!"), "content[0].attachment.data", "value"),
        (letter(b"A letter", hash="AAAA"), "content[0].attachment.hash", "value"),
    ],
)
def test_a_letter_that_cannot_be_read_is_told_with_its_place(document: Given, place: str, code: str) -> None:
    assert refused(bundle(*WHOLE, document))[0][:2] == (f"Bundle.entry[5].resource.{place}", code)


def test_a_letter_with_its_hash_is_taken() -> None:
    sha = base64.b64encode(hashlib.sha1(b"Double vision.").digest()).decode()
    assert read(*WHOLE, letter(b"Double vision.", hash=sha)).referral.value("double_vision") == "yes"


def test_files_and_documents_that_are_not_read_are_named() -> None:
    made = read(*WHOLE, letter(b"x", "image/jpeg"))
    assert any("image/jpeg is not read" in note.words for note in made.notes)
    made = read(*WHOLE, changed(letter(b"Double vision."), status="superseded"))
    assert made.referral.value("double_vision") is None
    made = read(*WHOLE, {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"},
                         "patient": {"reference": "Patient/p1"}, "occurrenceDateTime": "2026"})  # fmt: skip
    assert any("Immunization is not read" in note.words for note in made.notes)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "place", "code", "said"),
    [
        (changed(REQUEST, status=None), "ServiceRequest.status", "required", "required"),
        (changed(REQUEST, subject=None), "ServiceRequest.subject", "required", "required"),
        (changed(REQUEST, status="actve"), "ServiceRequest.status", "value", "Use one of"),
        (changed(REQUEST, intent="wish"), "ServiceRequest.intent", "value", "Use one of"),
        (changed(REQUEST, status="revoked"), "ServiceRequest.status", "business-rule", "revoked"),
        (changed(REQUEST, status="entered-in-error"), "ServiceRequest.status", "business-rule", "not taken"),
        (changed(REQUEST, doNotPerform=True), "ServiceRequest.doNotPerform", "business-rule", "not taken"),
        (changed(REQUEST, reason=[{"concept": {"text": "x"}}]), "ServiceRequest.reason", "structure", "R5 has"),
        (changed(REQUEST, code={"concept": {"text": "x"}}), "ServiceRequest.code.concept", "structure", "no such element"),
        (changed(REQUEST, authoredOn="20/11/2026"), "ServiceRequest.authoredOn", "value", "date"),
        (changed(REQUEST, authoredOn="2026-02-31"), "ServiceRequest.authoredOn", "value", "date"),
        (changed(REQUEST, note={"text": "x"}), "ServiceRequest.note", "structure", "a list"),
        (changed(REQUEST, note=[{"text": 3}]), "ServiceRequest.note[0].text", "structure", "a text"),
        (changed(REQUEST, note=[{"text": "a"}, 7]), "ServiceRequest.note", "structure", "different kinds"),
        (changed(REQUEST, note=[]), "ServiceRequest.note", "structure", "never empty"),
        (changed(REQUEST, note=[{}]), "ServiceRequest.note[0]", "structure", "never empty"),
        (changed(REQUEST, note=[{"text": " "}]), "ServiceRequest.note[0].text", "structure", "never empty"),
        (changed(REQUEST, note=[{"text": "\x00"}]), "ServiceRequest.note[0].text", "value", "control characters"),
        (changed(REQUEST, note=[{"text": "a\x07"}]), "ServiceRequest.note[0].text", "value", "control characters"),
        ({**REQUEST, "note": None}, "ServiceRequest.note", "structure", "null"),
        (changed(REQUEST, occurrenceDateTime="2026", occurrencePeriod={"start": "2026"}), "ServiceRequest.occurrence", "invariant", "Only one"),
        (changed(REQUEST, contained=[{"resourceType": "Patient", "animal": {"species": "cat"}}]), "ServiceRequest.contained[0].animal", "structure", "STU3 had"),
        ({"resourceType": "ReferralRequest", "status": "active"}, "ReferralRequest.resourceType", "not-supported", "older version"),
        ({"resourceType": "Fish"}, "Fish.resourceType", "not-supported", "no resource Fish"),
        ({"resourceType": "BundleEntry"}, "BundleEntry.resourceType", "not-supported", "no resource"),
        ({"resourceType": "Patient"}, "Patient", "not-supported", "no referral"),
        ({"resourceType": ["Task"]}, "resource", "required", "resourceType"),
        ({}, "resource", "structure", "never empty"),
        (bundle(PATIENT), "Bundle", "required", "no ServiceRequest"),
        (bundle(*WHOLE, kind="searchset"), "Bundle.type", "not-supported", "not taken"),
        (bundle(*WHOLE, kind="history"), "Bundle.type", "not-supported", "not taken"),
        (bundle(PATIENT, REQUEST, {"id": "x"}), "Bundle.entry[2].resource", "required", "resourceType"),
        (bundle(changed(PATIENT, birthDate="1980-13-01"), REQUEST), "Bundle.entry[0].resource.birthDate", "value", "date"),
        ({**bundle(*WHOLE), "type": "collection", "entry": [{"resource": REQUEST, "request": {"method": "DELETE", "url": "x"}}]}, "Bundle.entry[0].request.method", "not-supported", "POST or PUT"),
        ({**bundle(*WHOLE), "entry": [{"resource": REQUEST}]}, "Bundle.entry[0].request", "required", "transaction"),
        (bundle(*WHOLE, observation("HB", valueString="9")), "Bundle.entry[5].resource.valueString", "value", "House-Brackmann"),
        (bundle(PATIENT, REQUEST, changed(CONDITION, onsetDateTime="2027-01-01")), "Bundle.entry[2].resource.onsetDateTime", "value", "after the referral"),
        (bundle(*WHOLE, observation("HB", valueString="9"), kind="batch"), "Bundle.entry[5].resource.valueString", "value", "House-Brackmann"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(resource: Given, place: str, code: str, said: str) -> None:
    issues = refused(resource)
    assert (place, code) in [(where, kind) for where, kind, _ in issues], issues
    assert any(said in words for where, _, words in issues if where == place)


def test_every_fault_is_told_not_only_the_first() -> None:
    places = {
        where
        for where, _, _ in refused(
            bundle(
                {**PATIENT, "birthDate": "x"}, {**REQUEST, "status": "x"}, {**CONDITION, "subject": {"reference": 3}}
            )
        )
    }
    assert {
        "Bundle.entry[0].resource.birthDate",
        "Bundle.entry[1].resource.status",
        "Bundle.entry[2].resource.subject.reference",
    } <= places


def test_one_wrong_referral_keeps_the_others_out_too() -> None:
    other = changed(REQUEST, id="s2", status="revoked")
    assert refused(bundle(*WHOLE, other))[0][0] == "Bundle.entry[5].resource.status"


def test_an_answer_repeats_none_of_the_patients_words() -> None:
    secret = {**REQUEST, "note": [{"text": "Jane Smith of High Street"}], "status": "Jane", "Jane Smith": 1}
    told = json.dumps(outcome([Issue(where, words) for where, _, words in refused(bundle(PATIENT, secret))]))
    assert "Jane" not in told


@pytest.mark.parametrize(
    ("body", "version", "said"),
    [
        (b"", None, "not JSON"), (b"<Bundle/>", None, "XML is not read"), (b"[1]", None, "not a JSON object"),
        (b'"x"', None, "not a JSON object"), (b"\xff\xfe{}", None, "UTF-8"), (b'{"a": NaN}', None, "refuse"),
        (b'{"a": 1, "a": 2}', None, "twice"), (b"[" * 50_000, None, "refuse"), (b'{"a": ' + b"9" * 5_000 + b"}", None, "refuse"),
        (b"{" + b" " * (15 * 1024 * 1024) + b"}", None, "15 MB"), (b"{}", "5.0", "R4"), (b"{}", "3.0", "R4"),
        (b"{}", "4.3", "R4"),
    ],
    ids=lambda each: str(each)[:20],
)  # fmt: skip
def test_a_body_that_is_no_fhir_json_is_refused(body: bytes, version: str | None, said: str) -> None:
    with pytest.raises(WrongFhir, match=said):
        parsed(body, version)


@pytest.mark.parametrize("version", [None, "4.0", "4.0.1"])
def test_a_body_in_r4_is_parsed(version: str | None) -> None:
    assert parsed(b'\xef\xbb\xbf{"resourceType": "Task"}', version) == {"resourceType": "Task"}


def test_nesting_and_size_have_bounds() -> None:
    deep: Given = {"url": "x", "valueString": "x"}
    for _ in range(60):
        deep = {"url": "x", "extension": [deep]}
    assert "nested too deeply" in refused(changed(REQUEST, extension=[deep]))[0][2]
    assert refused(bundle(*[PATIENT] * 501))[0][1] == "too-long"
    assert refused(changed(REQUEST, note=[{"text": "x"}] * 200_000))[0][1] == "too-long"


def test_a_door_for_one_kind_takes_no_other() -> None:
    with pytest.raises(WrongFhir) as wrong:
        read_fhir(REQUEST, columns(), received=TODAY, today=TODAY, kinds=("Task",))
    assert wrong.value.issues[0].code == "not-supported"


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["resourceType", "id", "status", "intent", "subject", "reference", "entry", "resource", "note", "text", "code",
         "coding", "contained", "input", "type", "valueString", "extension", "url"]), inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


def _damaged(draw: Callable[..., Any], value: Any) -> Any:
    """The same JSON with one part of it replaced or taken away."""
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 3)) == 0:
            return {key: part for key, part in value.items() if key != name} | {draw(st.text(max_size=5)): draw(_JSON)}
        return {**value, name: _damaged(draw, value[name])}
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _damaged(draw, value[at]), *value[at + 1 :]]
    return draw(_JSON)


@st.composite
def damaged(draw: Callable[..., Any]) -> Any:
    whole = bundle(*WHOLE, observation("HB", valueInteger=3), letter(b"Double vision."))
    for _ in range(draw(st.integers(1, 3))):
        whole = _damaged(draw, whole)
    return whole


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.one_of(damaged(), st.dictionaries(st.just("resourceType"), st.sampled_from(["Task", "Bundle"])).flatmap(
    lambda made: st.dictionaries(st.text(max_size=6), _JSON, max_size=4).map(lambda more: {**more, **made}))))  # fmt: skip
def test_any_json_gives_referrals_or_issues(resource: Any) -> None:
    if not isinstance(resource, dict):
        return
    try:
        made = read_fhir(resource, columns(), received=TODAY, today=TODAY, read_text=reader())
    except WrongFhir as wrong:
        assert wrong.issues
        OperationOutcome(outcome(wrong.issues))
    else:
        assert all(each.patient_ref for each in made)
        checked(resource)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=100), _JSON.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        assert isinstance(parsed(body), dict)
    except WrongFhir as wrong:
        assert wrong.issues


# --- answers ------------------------------------------------------------------------------------------------------

_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def kept(state: State = "new", band: str = "P1", override: Override | None = None, ref: str = "H123") -> Kept:
    sorting = Sorting(
        machine_band="P1",
        machine_rules=[
            {"id": "P1-eye", "why": "The eye is not protected.", "findings": {}, "quotes": ["secret words"]}
        ],
        ruleset="x",
        sorted_on=TODAY,
        flags=[],
        eye="at_risk",
        missing=["onset"],
        score=0.5,
        band=band,
        place="1",
        target_on=date(2026, 12, 7),
        action="Book within 2 weeks.",
    )
    return Kept(
        id=12, version=3, state=state, state_since=_AT, assigned_to=None, assigned_name=None, patient_ref=ref,
        patient_id=None, referrer="Dr A", referral=Referral(TODAY, MappingProxyType({}), text="secret words"),
        sorting=sorting, override=override, booked_for=None, created_at=_AT, changed_at=_AT,
    )  # fmt: skip


def test_a_task_tells_the_band_and_the_rules_and_none_of_the_letter() -> None:
    made = task(kept(), words(), request="ServiceRequest/s1", patient="Patient/p1")
    Task(made)
    assert (made["status"], made["priority"], made["focus"]["reference"]) == ("received", "urgent", "ServiceRequest/s1")
    assert made["businessStatus"]["coding"][0] == {
        "system": "urn:septimus:band",
        "code": "P1",
        "display": "Within 2 weeks",
    }
    outputs = [(each["type"]["coding"][0]["code"], each) for each in made["output"]]
    assert [code for code, _ in outputs] == ["band", "target", "action", "rule", "missing"]
    assert dict(outputs)["rule"]["valueString"] == "P1-eye: The eye is not protected."
    assert dict(outputs)["target"]["valueDate"] == "2026-12-07"
    assert "secret" not in json.dumps(made)


def test_a_rule_is_told_as_the_desk_shows_it() -> None:
    reasons = {"P1-eye": Reason(("The eye does not close", "It hurts, or sees less."), "RCOphth 2021")}
    (rule,) = [
        each for each in task(kept(), words(), reasons=reasons)["output"] if each["type"]["text"].startswith("Rule")
    ]
    assert rule["valueString"] == "P1-eye: The eye does not close. It hurts, or sees less. (Source: RCOphth 2021)"


def test_a_merged_referral_names_the_one_that_goes_on_in_its_place() -> None:
    made = task(kept(state="closed"), words(), merged_into=7)
    Task(made)
    assert (made["status"], made["statusReason"]["text"]) == (
        "completed",
        "Merged into Task/7, which goes on in its place.",
    )
    assert "merged" in made["description"]
    assert "statusReason" not in task(kept(state="closed"), words())


def test_a_band_that_a_clinician_changed_stands_beside_that_of_the_rules() -> None:
    override = Override("P3", "seen by phone", 1, "Ann", _AT, ())
    made = task(kept(band="P3", override=override), words())
    codes = {each["type"]["coding"][0]["code"]: each for each in made["output"]}
    assert codes["band"]["valueCodeableConcept"]["coding"][0]["code"] == "P3"
    assert codes["machine-band"]["valueCodeableConcept"]["coding"][0]["code"] == "P1"
    assert made["for"] == {"identifier": {"value": "H123"}}


@pytest.mark.parametrize("state", ["new", "waiting", "booked", "redirected", "closed"])
@pytest.mark.parametrize("band", ["P0", "P1", "P2", "P3", "P4", "REDIRECT"])
def test_every_state_and_band_makes_a_valid_task(state: State, band: str) -> None:
    Task(task(kept(state, band, ref=""), words()))


def test_a_transaction_is_answered_entry_by_entry() -> None:
    made = answer("transaction", [(1, task(kept(), words()))], 3, "https://desk.example.org/fhir")
    Bundle(made)
    assert made["type"] == "transaction-response"
    assert [each["response"]["status"] for each in made["entry"]] == ["200 OK", "201 Created", "200 OK"]
    assert made["entry"][1]["response"]["location"] == "https://desk.example.org/fhir/Task/12"
    other = answer("collection", [(1, task(kept(), words()))], 3, "https://desk.example.org/fhir")
    Bundle(other)
    assert [each["resource"]["id"] for each in other["entry"]] == ["12"]


def test_an_outcome_is_valid_with_issues_with_notes_and_with_none() -> None:
    for given_ in ([Issue("Task.status", "Wrong.")], [Note("Task.note", "Read it.")], []):
        OperationOutcome(outcome(given_))
    assert outcome([])["issue"][0]["severity"] == "information"


def test_the_door_says_what_it_can() -> None:
    made = capabilities("https://desk.example.org/fhir", "0.1.0", "2026-11-23")
    CapabilityStatement(made)
    assert made["fhirVersion"] == "4.0.1"
