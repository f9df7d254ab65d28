"""Whole inputs of each kind, small and invented, to be damaged."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from docx import Document
from fpdf import FPDF
from openpyxl import Workbook
from PIL import Image

LETTER = "Dear colleague, sudden onset left LMN palsy 3/52 ago, HB V, unable to close the eye."


def pdf(*pages: str, picture: bool = False) -> bytes:
    """A PDF with a page for each text."""
    made = FPDF()
    for text in pages:
        made.add_page()
        made.set_font("helvetica", size=12)
        if picture:
            made.image(Image.new("RGB", (300, 300), "white"), 10, 40, 180)
        made.multi_cell(0, 6, text)
    return bytes(made.output())


def docx() -> bytes:
    """A Word letter with a header, a table and a paragraph."""
    made = Document()
    made.sections[0].header.paragraphs[0].text = "12/11/2026"
    made.add_paragraph(LETTER)
    table = made.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Eye closure", "no"
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def workbook(*rows: Sequence[object]) -> bytes:
    """An Excel file with one sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def bundle(letter: str, kind: str = "transaction") -> dict[str, Any]:
    """A FHIR Bundle with a referral and what belongs to it."""
    subject = {"reference": "Patient/p1"}
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [{"system": "urn:local", "value": "H123"}],
            "name": [{"use": "official", "family": "Invented", "given": ["Anna", "B"]}],
            "birthDate": "1970-05-12",
        },
        {
            "resourceType": "ServiceRequest",
            "id": "s1",
            "identifier": [{"system": "urn:x", "value": "77"}],
            "status": "active",
            "intent": "order",
            "priority": "urgent",
            "subject": subject,
            "authoredOn": "2026-11-20T10:00:00Z",
            "requester": {"display": "Dr A"},
            "reasonReference": [{"reference": "Condition/c1"}],
            "note": [{"text": "Left facial palsy."}],
        },
        {
            "resourceType": "Condition",
            "id": "c1",
            "subject": subject,
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "193093009"}], "text": "Bell's palsy"},
            "onsetDateTime": "2026-11-01",
            "bodySite": [{"text": "Left side of face"}],
        },
        {
            "resourceType": "Observation",
            "id": "ob1",
            "status": "final",
            "subject": subject,
            "code": {"text": "HB grade"},
            "effectiveDateTime": "2026-11-19",
            "valueInteger": 3,
        },
        {
            "resourceType": "QuestionnaireResponse",
            "id": "q1",
            "status": "completed",
            "subject": subject,
            "item": [{"linkId": "1", "text": "Eye closure", "answer": [{"valueString": "no"}]}],
        },
        {
            "resourceType": "DocumentReference",
            "id": "d1",
            "status": "current",
            "subject": subject,
            "content": [
                {"attachment": {"contentType": "text/plain", "data": base64.b64encode(letter.encode()).decode()}}
            ],
        },
    ]
    entries = []
    for each in resources:
        entry = {"fullUrl": f"https://gp.example.org/fhir/{each['resourceType']}/{each['id']}", "resource": each}
        if kind in ("transaction", "batch"):
            entry["request"] = {"method": "POST", "url": each["resourceType"]}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": entries}
