"""Referrals from FHIR R4: a ServiceRequest, a Task, or a Bundle that holds them with what belongs to them. Pure.

What becomes of the parts (choices of ours [DES]):

- A ServiceRequest is a referral; a Task that is for one adds its inputs to it. A Task alone is a referral of its own.
- Conditions give onset, side and cause. Observations, a Task's inputs and the answers of a QuestionnaireResponse are
  read by their labels, with the names of `content/referral/columns.yml`. Letters (DocumentReference) and notes are read
  as letters are. Nothing is fetched: what isn't in the request is named in the notes.
- Only what is about the same patient is taken. Of the patient, initials or a local number and the age are kept.
- Everything stays a proposal for a person at the clinic to confirm. Each value says where it came from.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from bot.desk.columns import Columns, Note, Told
from bot.desk.fhir_valid import Issue, Json, WrongFhir, checked
from bot.desk.letter_file import LARGEST as LARGEST_LETTER
from bot.desk.letter_file import UnreadableLetter, read_letter
from bot.referral.record import Referral

type Kind = Literal["ServiceRequest", "Task", "Bundle"]

KINDS: tuple[Kind, ...] = ("ServiceRequest", "Task", "Bundle")
BUNDLES = frozenset({"transaction", "batch", "collection", "message"})
"""The types of Bundle that are taken."""
FINDINGS = "urn:septimus:finding"
"""The code system whose codes are the names of findings, for a sender who wants to be exact."""

_NATIONAL = (
    "nhs-number",
    "nhs-nummer",
    "chi-number",
    "nhi",
    "medicare",
    "us-ssn",
    "h-c-number",
    "2.16.840.1.113883.2.1.4.1",
)
_CLOSED = frozenset({"revoked", "completed", "entered-in-error", "cancelled", "rejected", "failed"})
_NOT_SO = frozenset({"cancelled", "entered-in-error"})
_PAST = frozenset({"inactive", "remission", "resolved"})
_DOUBTFUL = frozenset({"unconfirmed", "provisional", "differential"})
_FACIAL = re.compile(r"\b(?:bell|facial|face|palsy|ramsay|vii|seventh|7th|schwannoma|neuroma)", re.IGNORECASE)
_SIDE = {"left": "left", "right": "right", "bilateral": "bilateral", "both": "both"}
_READ = frozenset(
    {"Patient", "Practitioner", "PractitionerRole", "Organization", "Condition", "Observation", "DocumentReference",
     "Binary", "ServiceRequest", "Task", "MedicationStatement", "MedicationRequest", "QuestionnaireResponse",
     "MessageHeader", "Encounter", "Location", "HealthcareService", "Endpoint", "Provenance"}
)  # fmt: skip
"""Resources that are read, or that tell nothing of the patient's state."""
_LETTERS = {"text/plain", "application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One referral as it came by FHIR.

    Attributes:
        referral: what is known, as proposals.
        patient_ref: how the queue names the patient.
        referrer: who refers.
        request: how the sender finds its request again: a reference ("ServiceRequest/12") or a URN.
        identifiers: the request's own identifiers, as "system|value"; the same one twice is the same referral.
        patient: the sender's reference to the patient, when it has one.
        expression: where in the payload the request stands.
        entry: its place in a Bundle, from 0.
        came_from: for each field and finding, where it came from.
        notes: what a person should know: what wasn't sent, wasn't read, or could be read otherwise.
    """

    referral: Referral
    patient_ref: str
    referrer: str
    request: str | None
    identifiers: tuple[str, ...]
    patient: str | None
    expression: str
    entry: int | None
    came_from: Mapping[str, str]
    notes: tuple[Note, ...]


def read_fhir(
    resource: Json,
    columns: Columns,
    *,
    received: date,
    today: date,
    kinds: Sequence[Kind] = KINDS,
    read_text: Callable[[str, date], Referral] | None = None,
) -> tuple[Incoming, ...]:
    """The referrals that a resource holds: all of them, or none and what is wrong.

    Args:
        resource: the JSON object; `fhir_valid.parsed` makes one of a request's body.
        columns: the names by which values are known.
        received: the day it was received.
        today: the clinic's day; nothing may lie after it.
        kinds: which resources are taken here.
        read_text: reads letters and notes.

    Raises:
        WrongFhir: it is not valid R4, no referral, or a referral that can't be taken; every fault with its place.
    """
    name = resource.get("resourceType")
    if name not in kinds and isinstance(name, str) and name in KINDS:
        raise WrongFhir([Issue(name, f"Send {' or '.join(kinds)} here.", "not-supported")])
    checked(resource)
    if name not in kinds:
        raise WrongFhir([Issue(str(name), f"This is no referral. Send {' or '.join(kinds)}.", "not-supported")])
    payload = _Payload.of(resource)
    wanted = payload.requests()
    made: list[Incoming] = []
    issues: list[Issue] = []
    for request, tasks in wanted:
        reading = _Reading(payload, request, tasks, columns)
        incoming, wrong = reading.read(received, today, read_text)
        issues += wrong
        made.append(incoming)
    if issues:
        raise WrongFhir(issues)
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Part:
    """One resource of the payload: where it stands, its full URL, and in which resource it is contained."""

    resource: Json
    expression: str
    url: str | None = None
    entry: int | None = None
    inside: str | None = None

    @property
    def name(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def own_reference(self) -> str | None:
        return f"{self.name}/{self.resource['id']}" if "id" in self.resource else self.url


@dataclass(frozen=True, slots=True)
class _Payload:
    """All resources of the payload."""

    parts: tuple[_Part, ...]
    root: _Part

    @classmethod
    def of(cls, resource: Json) -> "_Payload":
        name = str(resource["resourceType"])
        root = _Part(resource, name)
        if name != "Bundle":
            return cls(tuple(_with_contained(root)), root)
        kind = resource["type"]
        if kind not in BUNDLES:
            words = f"A Bundle of this type is not taken. Use one of: {', '.join(sorted(BUNDLES))}."
            raise WrongFhir([Issue("Bundle.type", words, "not-supported")])
        parts: list[_Part] = []
        issues: list[Issue] = []
        for index, entry in enumerate(resource.get("entry", ())):
            method = entry.get("request", {}).get("method")
            if method not in (None, "POST", "PUT"):
                words = "Referrals are only taken in here. Use POST or PUT."
                issues.append(Issue(f"Bundle.entry[{index}].request.method", words, "not-supported"))
            if method is None and kind in ("transaction", "batch"):
                issues.append(Issue(f"Bundle.entry[{index}].request", "A transaction needs it.", "required"))
            if "resource" in entry:
                expression = f"Bundle.entry[{index}].resource"
                parts += _with_contained(_Part(entry["resource"], expression, entry.get("fullUrl"), index))
        if issues:
            raise WrongFhir(issues)
        return cls(tuple(parts), root)

    def requests(self) -> list[tuple[_Part, list[_Part]]]:
        """Each referral with the tasks that are for it.

        Raises:
            WrongFhir: there is none, or one is closed or says that nothing is to be done.
        """
        services = [part for part in self.parts if part.name == "ServiceRequest" and part.inside is None]
        tasks = [part for part in self.parts if part.name == "Task" and part.inside is None]
        found: list[tuple[_Part, list[_Part]]] = [(service, []) for service in services]
        for task in tasks:
            focus = self.find(task.resource.get("focus"), task)
            if focus is None or focus.name != "ServiceRequest":
                based = [self.find(each, task) for each in task.resource.get("basedOn", ())]
                focus = next((each for each in based if each is not None and each.name == "ServiceRequest"), None)
            if focus is None:
                found.append((task, []))
                continue
            beside = next((own for service, own in found if service is focus), None)
            if beside is None:
                beside = []
                found.append((focus, beside))
            beside.append(task)
        issues = [issue for request, beside in found for part in (request, *beside) for issue in _closed(part)]
        if not found:
            issues.append(Issue(self.root.expression, "It holds no ServiceRequest and no Task. Send one.", "required"))
        if issues:
            raise WrongFhir(issues)
        return found

    def find(self, reference: Any, user: _Part) -> _Part | None:
        """The resource that a reference means, when it is in the payload."""
        said = reference.get("reference") if isinstance(reference, Mapping) else None
        if not isinstance(said, str):
            return None
        if said.startswith("#"):
            holder = user.inside or user.expression
            return next(
                (part for part in self.parts if part.inside == holder and part.resource.get("id") == said[1:]), None
            )
        said = said.split("/_history/", 1)[0]
        for part in self.parts:
            if part.inside is None and part.url == said:
                return part
        tail = "/".join(said.rsplit("/", 2)[-2:]) if "/" in said else said
        for part in self.parts:
            same = part.inside is None and part.own_reference == tail
            if same and (said == tail or part.url is None or part.url == said):
                return part
        return None

    def same_patient(self, reference: Any, user: _Part) -> str | None:
        """What tells patients apart: the resource, or else the reference or identifier itself."""
        if not isinstance(reference, Mapping):
            return None
        found = self.find(reference, user)
        if found is not None:
            return found.expression
        if isinstance(said := reference.get("reference"), str):
            return said.split("/_history/", 1)[0]
        identifier = reference.get("identifier")
        if isinstance(identifier, Mapping) and "value" in identifier:
            return f"{identifier.get('system', '')}|{identifier['value']}"
        return None


def _with_contained(part: _Part) -> Iterator[_Part]:
    yield part
    for index, inner in enumerate(part.resource.get("contained", ())):
        yield _Part(inner, f"{part.expression}.contained[{index}]", inside=part.expression, entry=part.entry)


def _closed(part: _Part) -> Iterator[Issue]:
    status = part.resource["status"]
    if status in _CLOSED:
        words = f"A {part.name} that is {status} is no referral any more. It was not taken."
        yield Issue(f"{part.expression}.status", words, "business-rule")
    if part.resource.get("doNotPerform") is True:
        yield Issue(
            f"{part.expression}.doNotPerform", "It asks for nothing to be done. It was not taken.", "business-rule"
        )


@dataclass
class _Reading:
    """One referral in the making."""

    payload: _Payload
    request: _Part
    tasks: list[_Part]
    columns: Columns
    told: list[Told] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    wrong: list[Issue] = field(default_factory=list)

    def read(
        self, received: date, today: date, read_text: Callable[[str, date], Referral] | None
    ) -> tuple[Incoming, list[Issue]]:
        subject_key = "for" if self.request.name == "Task" else "subject"
        subject = self.request.resource.get(subject_key)
        patient = self.payload.find(subject, self.request)
        self._patient(subject, patient, f"{self.request.expression}.{subject_key}")
        self._request(self.request)
        for task in self.tasks:
            self._request(task)
        self._documents_and_values(self._linked(self.payload.same_patient(subject, self.request)))
        understood = self.columns.understand(self.told, received, today=today, read_text=read_text)
        self.wrong += [
            Issue(each.where, f"{each.label}: {each.words}" if each.label else each.words, "value")
            for each in understood.wrong
        ]
        if not understood.patient_ref and not self.wrong:
            words = "Nothing says who the patient is. Send an identifier or a name."
            self.wrong.append(Issue(f"{self.request.expression}.{subject_key}", words, "required"))
        said = subject.get("reference") if isinstance(subject, Mapping) else None
        incoming = Incoming(
            understood.referral,
            understood.patient_ref,
            understood.referrer,
            self.request.own_reference,
            tuple(
                f"{each.get('system', '')}|{each['value']}"
                for each in self.request.resource.get("identifier", ())
                if "value" in each
            ),
            said if isinstance(said, str) and not said.startswith("#") else None,
            self.request.expression,
            self.request.entry,
            understood.came_from,
            (*self.notes, *understood.notes),
        )
        return incoming, self.wrong

    # --- who --------------------------------------------------------------------------------------------------

    def _patient(self, subject: Any, patient: _Part | None, place: str) -> None:
        if patient is None or patient.name != "Patient":
            if patient is not None:
                self.wrong.append(Issue(place, "A referral is about one Patient.", "value"))
            if isinstance(subject, Mapping):
                self._identifiers([subject.get("identifier")], place)
                if isinstance(shown := subject.get("display"), str):
                    self._tell("Patient", shown, "name", f"{place}.display")
                said = subject.get("reference")
                if isinstance(said, str) and said.startswith("Patient/") and not subject.get("identifier"):
                    self._tell("Reference", said, "patient_ref", f"{place}.reference")
                self._note(place, "the Patient itself was not sent.")
            return
        resource, at = patient.resource, patient.expression
        self._identifiers(resource.get("identifier", ()), f"{at}.identifier")
        names = resource.get("name", ())
        name = next((each for each in names if each.get("use") in ("official", "usual")), names[0] if names else None)
        if name is not None:
            given = " ".join(str(each) for each in name.get("given", ()) if each)
            spoken = name.get("family") or given
            if spoken:
                self._tell("Forename", given, "forename", f"{at}.name")
                self._tell("Surname", str(name.get("family", "")), "surname", f"{at}.name")
            else:
                self._tell("Patient", str(name.get("text", "")), "name", f"{at}.name")
        born = str(resource.get("birthDate", ""))
        day, exact = _day(born)
        if day is not None:
            self.told.append(Told("Born", born, "born", f"{at}.birthDate", day, exact))

    def _identifiers(self, identifiers: Iterable[Any], place: str) -> None:
        """A local number is kept as it is; of a national one the end."""
        local = national = ""
        for each in identifiers:
            if not isinstance(each, Mapping) or "value" not in each or each.get("use") == "old":
                continue
            system, value = str(each.get("system", "")).lower(), str(each["value"])
            kind = {str(code.get("code")) for code in each.get("type", {}).get("coding", ())}
            if any(mark in system for mark in _NATIONAL) or kind & {"NH", "NI", "NHS", "SS", "PPN", "DL"}:
                national = national or value
            elif not local or "MR" in kind:
                local = value
        if local:
            self._tell("Reference", local, "patient_ref", place)
        if national:
            self._tell("National number", national, "national_number", place)

    # --- what was asked ---------------------------------------------------------------------------------------

    def _request(self, part: _Part) -> None:
        resource, at = part.resource, part.expression
        if part is self.request:
            written = str(resource.get("authoredOn", ""))
            day, _ = _day(written)
            if day is not None and len(written) >= 10:
                self.told.append(Told("Written", day.isoformat(), "written", f"{at}.authoredOn", day))
            self._referrer(part)
            if resource.get("priority") in ("urgent", "asap", "stat"):
                self._note(f"{at}.priority", f"the sender marked it {resource['priority']}.")
        reasons = resource.get("reasonCode", ())
        for index, concept in enumerate([reasons] if isinstance(reasons, Mapping) else reasons):
            self._tell("Reason", self._diagnosis(concept), "letter", f"{at}.reasonCode[{index}]")
        for name in ("description", "patientInstruction"):
            self._tell("", str(resource.get(name, "")), "letter", f"{at}.{name}")
        for index, note in enumerate(resource.get("note", ())):
            self._tell("", str(note.get("text", "")), "letter", f"{at}.note[{index}].text")
        for index, given in enumerate(resource.get("input", ())):
            place = f"{at}.input[{index}]"
            if "valueAttachment" in given:
                self._attachment(given["valueAttachment"], f"{place}.valueAttachment", part)
            elif "valueReference" not in given:
                self._value(given["type"], given, place)

    def _referrer(self, part: _Part) -> None:
        reference = part.resource.get("requester")
        if not isinstance(reference, Mapping):
            return
        place = f"{part.expression}.requester"
        found = self.payload.find(reference, part)
        shown = str(reference.get("display", ""))
        if found is None:
            self._tell("Referrer", shown, "referrer", f"{place}.display")
            return
        person, organisation = found, None
        if found.name == "PractitionerRole":
            person = self.payload.find(found.resource.get("practitioner"), found) or found
            organisation = self.payload.find(found.resource.get("organization"), found)
            for key, into in (("practitioner", "referrer"), ("organization", "organisation")):
                told = found.resource.get(key, {}).get("display")
                if told and self.payload.find(found.resource.get(key), found) is None:
                    self._tell(into.capitalize(), str(told), into, f"{found.expression}.{key}.display")
        if found.name == "Organization":
            self._tell("Referrer", str(found.resource.get("name", shown)), "referrer", f"{found.expression}.name")
        elif person.name == "Practitioner":
            self._tell(
                "Referrer", _human(person.resource.get("name", ())) or shown, "referrer", f"{person.expression}.name"
            )
        if organisation is not None and organisation.name == "Organization":
            name = str(organisation.resource.get("name", ""))
            self._tell("Organisation", name, "organisation", f"{organisation.expression}.name")

    # --- what belongs to it -----------------------------------------------------------------------------------

    def _linked(self, subject: str | None) -> list[_Part]:
        """What is about the same patient, what the request points to first.

        What the request points to about another patient is a fault: one of the two is wrong.
        """
        pointed: list[_Part] = []
        for part in (self.request, *self.tasks):
            for key in ("reasonReference", "supportingInfo", "relevantHistory"):
                given = part.resource.get(key, ())
                for index, reference in enumerate([given] if isinstance(given, Mapping) else given):
                    place = f"{part.expression}.{key}[{index}]"
                    self._point(reference, part, place, subject, pointed)
            for index, given in enumerate(part.resource.get("input", ())):
                if "valueReference" in given:
                    place = f"{part.expression}.input[{index}].valueReference"
                    self._point(given["valueReference"], part, place, subject, pointed)
        patients = {part.expression for part in self.payload.parts if part.name == "Patient"}
        for part in self.payload.parts:
            if part in pointed or part.inside not in (
                None,
                self.request.expression,
                *(each.expression for each in self.tasks),
            ):
                continue
            if part.name not in ("Condition", "Observation", "DocumentReference", "QuestionnaireResponse") and (
                part.name not in ("MedicationStatement", "MedicationRequest")
            ):
                if part.name not in _READ:
                    self._note(part.expression, f"a {part.name} is not read here.")
                continue
            whose = self._whose(part)
            if whose == subject or (whose is None and len(patients) <= 1):
                pointed.append(part)
            elif whose not in patients:
                self._note(part.expression, "it is about somebody who was not sent, or nobody. It was not taken.")
        return pointed

    def _point(self, reference: Any, part: _Part, place: str, subject: str | None, pointed: list[_Part]) -> None:
        found = self.payload.find(reference, part)
        if found is None:
            shown = reference.get("display") if isinstance(reference, Mapping) else None
            self._tell("Reason" if "reason" in place else "Information", str(shown or ""), "letter", f"{place}.display")
            self._note(place, "what it points to was not sent, and is not fetched.")
            return
        whose = self._whose(found)
        if whose is not None and whose != subject:
            words = "It points to something about another patient. Nothing was taken."
            self.wrong.append(Issue(place, words, "invariant"))
        elif found not in pointed:
            pointed.append(found)

    def _whose(self, part: _Part) -> str | None:
        return self.payload.same_patient(part.resource.get("subject") or part.resource.get("patient"), part)

    def _documents_and_values(self, parts: Sequence[_Part]) -> None:
        conditions = [part for part in parts if part.name == "Condition"]
        main = next((part for part in conditions if self._is_facial(part)), None)
        for part in conditions:
            self._condition(part, is_main=part is main)
        observations = [part for part in parts if part.name == "Observation"]
        for part in self._latest(observations):
            self._observation(part)
        for part in parts:
            if part.name == "QuestionnaireResponse":
                self._answers(part.resource.get("item", ()), f"{part.expression}.item")
            elif part.name in ("MedicationStatement", "MedicationRequest"):
                if part.resource.get("status") not in _NOT_SO:
                    concept = part.resource.get("medicationCodeableConcept", {})
                    self._tell(
                        "Medication",
                        _words(concept),
                        "letter",
                        f"{part.expression}.medicationCodeableConcept",
                        labelled=True,
                    )
            elif part.name == "DocumentReference":
                self._document(part)
            elif part.name == "Binary":
                self._attachment(part.resource, part.expression, part)

    # --- conditions -------------------------------------------------------------------------------------------

    def _is_facial(self, part: _Part) -> bool:
        state = _code(part.resource.get("verificationStatus"))
        said = self._diagnosis(part.resource.get("code", {}))
        return state not in ("refuted", "entered-in-error") and bool(_FACIAL.search(said))

    def _condition(self, part: _Part, *, is_main: bool) -> None:
        resource, at = part.resource, part.expression
        state = _code(resource.get("verificationStatus"))
        said = self._diagnosis(resource.get("code", {}))
        if state in ("entered-in-error", "refuted"):
            self._note(at, f"a Condition that is {state} is not taken.")
            return
        if "code" in resource and not said:
            self._note(f"{at}.code", "the code isn't known here and has no words. Look it up.")
        doubt = "?" if state in _DOUBTFUL else ""
        over = _code(resource.get("clinicalStatus")) in _PAST or any(key.startswith("abatement") for key in resource)
        if is_main and not over:
            self._tell("Diagnosis", f"{doubt}{said}", "cause", f"{at}.code")
            self._condition_onset(resource, at)
            for index, concept in enumerate(resource.get("bodySite", ())):
                sides = {_SIDE[word] for word in re.findall(r"[a-z]+", _words(concept).lower()) if word in _SIDE}
                if sides:
                    side = sides.pop() if len(sides) == 1 else "both"
                    self._tell("Side", side, "side", f"{at}.bodySite[{index}]")
        elif said:
            label = "Past history" if over else "Other condition"
            self._tell(label, f"{doubt}{said}", "letter", f"{at}.code", labelled=True)
        for index, note in enumerate(resource.get("note", ())):
            self._tell("", str(note.get("text", "")), "letter", f"{at}.note[{index}].text")

    def _condition_onset(self, resource: Json, at: str) -> None:
        start = resource.get("onsetDateTime") or resource.get("onsetPeriod", {}).get("start")
        if isinstance(start, str):
            day, exact = _day(start)
            key = "onsetDateTime" if "onsetDateTime" in resource else "onsetPeriod.start"
            if day is not None:
                self.told.append(Told("Onset", start[:10], "onset", f"{at}.{key}", day, exact))
        elif isinstance(said := resource.get("onsetString"), str):
            # Words of any kind: read as in a letter, so that a phrase nobody understands is no fault.
            self._tell("Onset", said, "letter", f"{at}.onsetString", labelled=True)
        elif "onsetAge" in resource or "onsetRange" in resource:
            self._note(f"{at}.onset", "an onset given as an age or a range is not read.")

    # --- values -----------------------------------------------------------------------------------------------

    def _latest(self, observations: Sequence[_Part]) -> list[_Part]:
        """Of several observations of the same thing the latest; a score of last month is not today's."""
        kept: dict[str, _Part] = {}
        for part in observations:
            if part.resource.get("status") in _NOT_SO:
                self._note(part.expression, f"an Observation that is {part.resource['status']} is not taken.")
                continue
            label = _words(part.resource["code"])
            key = self.columns.key_of(label) or f"{label}{part.expression}"
            if key not in kept:
                kept[key] = part
                continue
            older, newer = sorted((kept[key], part), key=_when)
            kept[key] = newer
            self._note(older.expression, f"an earlier value of '{label[:60]}' is not taken.")
        return list(kept.values())

    def _observation(self, part: _Part) -> None:
        self._value(part.resource["code"], part.resource, part.expression)
        for index, component in enumerate(part.resource.get("component", ())):
            self._value(component["code"], component, f"{part.expression}.component[{index}]")
        for index, note in enumerate(part.resource.get("note", ())):
            self._tell("", str(note.get("text", "")), "letter", f"{part.expression}.note[{index}].text")

    def _answers(self, items: Iterable[Any], place: str) -> None:
        for index, item in enumerate(items):
            at = f"{place}[{index}]"
            for number, answer in enumerate(item.get("answer", ())):
                label = {"text": item.get("text") or item["linkId"], "coding": [{"code": item["linkId"]}]}
                self._value(label, answer, f"{at}.answer[{number}]")
                self._answers(answer.get("item", ()), f"{at}.answer[{number}].item")
            self._answers(item.get("item", ()), f"{at}.item")

    def _value(self, concept: Json, holder: Json, place: str) -> None:
        """A labelled value of an Observation, a Task's input or an answer."""
        name = next((key for key in holder if key.startswith("value")), None)
        label = _words(concept)
        if name is None or not label:
            if name is None and "interpretation" in holder:
                said = "; ".join(filter(None, map(_words, holder["interpretation"])))
                self._take(concept, label, said, None, f"{place}.interpretation")
            return
        day, text = None, ""
        value = holder[name]
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, (int, float)):
            text = f"{value:.10g}"
        elif name in ("valueDateTime", "valueDate", "valueInstant"):
            day, _ = _day(str(value))
            text = str(value)[:10]
        elif isinstance(value, str):
            text = value
        elif name == "valueQuantity" and "value" in value:
            text = f"{value['value']:.10g}"
        elif name in ("valueCodeableConcept", "valueCoding"):
            text = _words(value if name == "valueCodeableConcept" else {"coding": [value]})
        elif name == "valueAttachment":
            self._attachment(value, f"{place}.{name}", self.request)
            return
        else:
            self._note(f"{place}.{name}", "a value of this kind is not read.")
        self._take(concept, label, text, day, f"{place}.{name}")

    def _take(self, concept: Json, label: str, text: str, day: date | None, place: str) -> None:
        own = (
            str(each["code"]) for each in concept.get("coding", ()) if each.get("system") == FINDINGS and "code" in each
        )
        key = next((code for code in own if code in self.columns.keys), None) or self.columns.key_of(label)
        if key is not None and any(told.key == key for told in self.told) and key != "letter":
            key = None  # the condition or the patient has said it; the text keeps both
        if text:
            self.told.append(Told(" ".join(label.split())[:200], text, key, place, day))

    # --- documents --------------------------------------------------------------------------------------------

    def _document(self, part: _Part) -> None:
        if part.resource["status"] != "current":
            self._note(part.expression, f"a document that is {part.resource['status']} is not read.")
            return
        for index, content in enumerate(part.resource.get("content", ())):
            self._attachment(content["attachment"], f"{part.expression}.content[{index}].attachment", part)

    def _attachment(self, attachment: Json, place: str, user: _Part) -> None:
        """A letter inside the payload. One that can't be read is told to the sender; nothing is fetched."""
        kind = str(attachment.get("contentType", "")).split(";")[0].strip().lower()
        data, at = attachment.get("data"), f"{place}.data"
        if data is None and isinstance(url := attachment.get("url"), str):
            found = self.payload.find({"reference": url}, user)
            if found is None or found.name != "Binary":
                self._note(f"{place}.url", "the letter lies on another server and is not fetched. Ask for it.")
                return
            data, at = found.resource.get("data"), f"{found.expression}.data"
            kind = kind or str(found.resource.get("contentType", "")).split(";")[0].strip().lower()
        if not isinstance(data, str):
            return
        if kind and kind not in _LETTERS:
            self._note(f"{place}.contentType", f"a file of the type {kind[:60]} is not read. Look at it yourself.")
            return
        if len(data) > LARGEST_LETTER * 4 // 3 + 1000:
            self.wrong.append(Issue(at, "The letter is larger than 10 MB.", "too-long"))
            return
        try:
            letter = base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            self.wrong.append(Issue(at, "This is not base64.", "value"))
            return
        if (sha := attachment.get("hash")) and sha != base64.b64encode(
            hashlib.sha1(letter, usedforsecurity=False).digest()
        ).decode():
            self.wrong.append(Issue(f"{place}.hash", "The hash is not that of the data. Something was lost.", "value"))
            return
        try:
            read = read_letter(letter)
        except UnreadableLetter as unreadable:
            self.wrong.append(Issue(at, str(unreadable), "processing"))
            return
        if read.unread_pages:
            pages = ", ".join(map(str, read.unread_pages))
            self._note(at, f"these pages of the letter have no text, or hardly any: {pages}. Read them yourself.")
        # A long letter in several values: each is as long as a letter that is read.
        for start in range(0, len(read.text), 20_000):
            self._tell("", read.text[start : start + 20_000], "letter", at)

    def _tell(self, label: str, text: str, key: str, where: str, *, labelled: bool = False) -> None:
        if text.strip():
            # What is read as a letter has no label of its own, unless the label tells what the text is.
            said = f"{label}: {text.strip()}" if labelled and label else text.strip()
            self.told.append(Told("" if key == "letter" else label, said, key, where))

    def _note(self, where: str, words: str) -> None:
        self.notes.append(Note(where, words))

    def _diagnosis(self, concept: Json) -> str:
        """The words for a diagnosis: its text, a display, or what a known code is called."""
        if isinstance(said := concept.get("text"), str):
            return said
        codings = concept.get("coding", ())
        for each in codings:
            if isinstance(said := each.get("display"), str):
                return said
        for each in codings:
            if said := self.columns.diagnosis(str(each.get("system", "")), str(each.get("code", ""))):
                return said
        return ""


def _words(concept: Json) -> str:
    """The words for a concept: its text, else a display, else a code."""
    if isinstance(said := concept.get("text"), str):
        return said
    for key in ("display", "code"):
        for each in concept.get("coding", ()):
            if isinstance(said := each.get(key), str):
                return said
    return ""


def _code(concept: Any) -> str:
    codings = concept.get("coding", ()) if isinstance(concept, Mapping) else ()
    return str(codings[0].get("code", "")) if codings else ""


def _human(names: Sequence[Json]) -> str:
    for name in names:
        if isinstance(said := name.get("text"), str):
            return said
        parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family", "")]
        if said := " ".join(str(part) for part in parts if part):
            return said
    return ""


def _when(part: _Part) -> str:
    resource = part.resource
    for key in ("effectiveDateTime", "effectiveInstant", "issued"):
        if isinstance(said := resource.get(key), str):
            return said
    return str(resource.get("effectivePeriod", {}).get("start", ""))


def _day(said: str) -> tuple[date | None, bool]:
    """The day of a FHIR date, and whether it is that very day; of a year or a month the middle."""
    try:
        if len(said) >= 10:
            return date.fromisoformat(said[:10]), True
        if len(said) == 7:
            return date(int(said[:4]), int(said[5:7]), 15), False
        if len(said) == 4:
            return date(int(said), 7, 1), False
    except ValueError:
        pass
    return None, False
