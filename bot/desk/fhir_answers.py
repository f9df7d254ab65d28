"""What the desk answers in FHIR R4: a Task for each referral, an OperationOutcome for what is wrong. Pure.

Each answer goes through fhirclient's models, so that nothing invalid is sent. The codes of our own are URNs that stay
the same: `urn:septimus:band` (P0 to P4, REDIRECT), `urn:septimus:output`, `urn:septimus:referral`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from fhirclient.models.bundle import Bundle  # type: ignore[import-untyped]
from fhirclient.models.capabilitystatement import CapabilityStatement  # type: ignore[import-untyped]
from fhirclient.models.operationoutcome import OperationOutcome  # type: ignore[import-untyped]
from fhirclient.models.task import Task  # type: ignore[import-untyped]

from bot.desk.columns import Note
from bot.desk.fhir_valid import Issue
from bot.desk.rule_words import Reason
from bot.store.referrals import Kept, State

BAND = "urn:septimus:band"
OUTPUT = "urn:septimus:output"
REFERRAL = "urn:septimus:referral"
MEDIA_TYPE = "application/fhir+json; fhirVersion=4.0"

_STATUS: Mapping[State, str] = {
    "new": "received",
    "waiting": "on-hold",
    "booked": "accepted",
    "redirected": "rejected",
    "closed": "completed",
}
"""A Task's status for the state of a referral. [DES]"""
_STATE_WORDS: Mapping[State, str] = {
    "new": "Received, to be dealt with",
    "waiting": "Waiting for the patient",
    "booked": "Booked",
    "redirected": "Sent on to another service",
    "closed": "Closed",
}
_PRIORITY = {"P0": "stat", "P1": "urgent"}


def task(
    kept: Kept,
    bands: Mapping[str, str],
    *,
    request: str | None = None,
    patient: str | None = None,
    notes: Sequence[Note] = (),
    reasons: Mapping[str, Reason] = MappingProxyType({}),
    merged_into: int | None = None,
) -> dict[str, Any]:
    """A referral as a Task: its status, the band with its words, the rules that hold and why, what is missing.

    The letter's words stay here: a rule is told by its id, when it holds, and where that comes from.

    Args:
        kept: the referral.
        bands: the words for each band.
        request: the sender's reference to its request.
        patient: the sender's reference to the patient; else the reference that the clinic keeps is the identifier.
        notes: what the sender should know of what was taken.
        reasons: what each rule says, by its id, as the desk shows it.
        merged_into: the referral of the same patient that goes on in this one's place.
    """
    sorting = kept.sorting
    band = sorting.band
    words = bands.get(band, band)
    outputs = [_output("band", "Band", valueCodeableConcept=_concept(BAND, band, words))]
    if kept.override is not None and sorting.machine_band != band:
        machine = _concept(BAND, sorting.machine_band, bands.get(sorting.machine_band, sorting.machine_band))
        outputs.append(
            _output("machine-band", "Band by the rules, before a clinician changed it", valueCodeableConcept=machine)
        )
    outputs.append(
        _output("target", "First contact is due by the end of this day", valueDate=sorting.target_on.isoformat())
    )
    outputs.append(_output("action", "What the rules suggest to do next", valueString=sorting.action))
    outputs += [
        _output("rule", "Rule that holds", valueString=f"{rule['id']}: {_reason(rule, reasons)}")
        for rule in sorting.machine_rules
    ]
    outputs += [_output("missing", "Not told in the referral", valueString=name) for name in sorting.missing]
    given: dict[str, Any] = {
        "resourceType": "Task",
        "id": str(kept.id),
        "meta": {"versionId": str(kept.version), "lastUpdated": _instant(kept.changed_at)},
        "identifier": [{"system": REFERRAL, "value": str(kept.id)}],
        "status": _STATUS[kept.state],
        "businessStatus": _concept(BAND, band, words),
        "intent": "order",
        "priority": _PRIORITY.get(band, "routine"),
        "code": _concept("http://hl7.org/fhir/CodeSystem/task-code", "fulfill", "Fulfill the focal request"),
        "description": _STATE_WORDS[kept.state],
        "for": {"reference": patient} if patient else {"identifier": {"value": kept.patient_ref or "unknown"}},
        "authoredOn": _instant(kept.created_at),
        "lastModified": _instant(kept.changed_at),
        "restriction": {"period": {"end": sorting.target_on.isoformat()}},
        "output": outputs,
    }
    if merged_into is not None:
        given["description"] = "Closed: merged with another referral of the same patient"
        given["statusReason"] = {"text": f"Merged into Task/{merged_into}, which goes on in its place."}
    if notes:
        given["note"] = [{"text": f"{note.where}: {note.words}"} for note in notes]
    if request:
        given["focus"] = {"reference": request}
    return _valid(Task, given)


def _reason(rule: Mapping[str, Any], reasons: Mapping[str, Reason]) -> str:
    """When a rule holds, in words; of a rule that was taken out since, what it said then."""
    reason = reasons.get(rule["id"])
    return f"{' '.join(map(_sentence, reason.lines))} (Source: {reason.source})" if reason else str(rule["why"])


def _sentence(line: str) -> str:
    return line if line.endswith((".", "!", "?")) else f"{line}."


def outcome(issues: Iterable[Issue | Note]) -> dict[str, Any]:
    """An OperationOutcome: what is wrong and where, or, of notes, what a sender should know.

    Without issues it says that all is well.
    """
    told = [
        {
            "severity": "information" if isinstance(issue, Note) else issue.severity,
            "code": "informational" if isinstance(issue, Note) else issue.code,
            "details": {"text": issue.words},
            "expression": [issue.where if isinstance(issue, Note) else issue.expression],
        }
        for issue in issues
    ]
    well = {"severity": "information", "code": "informational", "details": {"text": "All is well."}}
    return _valid(OperationOutcome, {"resourceType": "OperationOutcome", "issue": told or [well]})


def answer(
    kind: str, tasks: Sequence[tuple[int | None, Mapping[str, Any]]], entries: int, address: str
) -> dict[str, Any]:
    """The Bundle that answers a Bundle.

    A transaction or a batch gets one entry for each of its own, in their order: a referral's with its Task, every other
    with 200, as what belongs to a referral is taken into it and kept nowhere else. Any other gets the Tasks alone.

    Args:
        kind: the Bundle's type.
        tasks: the Tasks, each with the place of its request in the Bundle, from 0.
        entries: how many entries the Bundle had.
        address: where Tasks are read, without a slash at the end.
    """
    if kind not in ("transaction", "batch"):
        alone = [{"fullUrl": f"{address}/Task/{each['id']}", "resource": dict(each)} for _, each in tasks]
        return _valid(Bundle, {"resourceType": "Bundle", "type": "collection", "entry": alone})
    by_entry = {entry: each for entry, each in tasks if entry is not None}
    made: list[dict[str, Any]] = []
    for index in range(entries):
        each = by_entry.get(index)
        if each is None:
            made.append({"response": {"status": "200 OK"}})
        else:
            location = f"{address}/Task/{each['id']}"
            made.append({"resource": dict(each), "response": {"status": "201 Created", "location": location}})
    return _valid(Bundle, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": made})


def capabilities(address: str, version: str, day: str) -> dict[str, Any]:
    """The CapabilityStatement of the door.

    Args:
        address: its base, without a slash at the end.
        version: the program's version.
        day: the day of that version, as 2026-11-23.
    """
    about = (
        "Referrals to a facial palsy clinic. Each is answered with a Task that tells its band and the rules that hold."
    )
    given = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": day,
        "kind": "instance",
        "description": about,
        "software": {"name": "Septimus", "version": version},
        "implementation": {"description": "Septimus, the clinic's desk", "url": address},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": about,
                "security": {"description": "A bearer token of one clinic, made at the desk by an administrator."},
                "resource": [
                    {"type": "ServiceRequest", "interaction": [{"code": "create"}]},
                    {"type": "Task", "interaction": [{"code": "create"}, {"code": "read"}]},
                ],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }
    return _valid(CapabilityStatement, given)


def _output(code: str, words: str, **value: Any) -> dict[str, Any]:
    return {"type": _concept(OUTPUT, code, words), **value}


def _concept(system: str, code: str, words: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _valid(model: Any, given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = model(given).as_json()
    return made
