"""Whether something is FHIR R4, and if not, where and why. Pure; no word of a patient is repeated in an answer.

The models of fhirclient (FHIR 4.0.1) judge each resource by itself, so that one fault doesn't hide the next. What they
let pass is checked here: the form of the JSON, kinds of values that differ within a list, and the codes we go by.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fhirclient.models import bundle as bundle_model  # type: ignore[import-untyped]
from fhirclient.models.fhirabstractbase import FHIRValidationError  # type: ignore[import-untyped]
from fhirclient.models.fhirelementfactory import FHIRElementFactory  # type: ignore[import-untyped]
from fhirclient.models.resource import Resource  # type: ignore[import-untyped]

LARGEST = 15 * 1024 * 1024
"""Bytes; a letter of 10 MB takes a third more in base64."""
MOST_ENTRIES = 500
DEEPEST = 40

type Json = Mapping[str, Any]
type Code = Literal[
    "structure", "required", "value", "invariant", "not-supported", "not-found", "too-long", "business-rule",
    "processing", "incomplete", "security", "login", "forbidden", "throttled", "exception", "informational",
]  # fmt: skip
"""Those of FHIR's issue types that are used."""

_MOST_VALUES = 200_000
_MOST_ISSUES = 50
_SUPERFLUOUS = re.compile(r'Superfluous entry "(?P<name>[^"]*)"')
_LACKING = re.compile(r'Non-optional property \\?"(?P<name>[^"\\]*)\\?" on')
_WRONG_TYPE = re.compile(
    r"Wrong type <class '(?P<got>[^']*)'>.*expecting (?P<list>a list of )?<class '(?P<want>[^']*)'>", re.S
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_R5: Mapping[str, frozenset[str]] = {
    "ServiceRequest": frozenset({"reason", "focus", "bodyStructure", "location"}),
    "Task": frozenset({"requestedPeriod", "requestedPerformer", "performer", "doNotPerform", "reason"}),
    "Condition": frozenset({"participant"}),
    "Observation": frozenset({"triggeredBy", "bodyStructure", "instantiatesCanonical", "instantiatesReference"}),
    "DocumentReference": frozenset({"attester", "version", "modality", "event", "bodySite", "facilityType", "period"}),
    "Bundle": frozenset({"issues"}),
}
_STU3: Mapping[str, frozenset[str]] = {
    "Task": frozenset({"definitionUri", "definitionReference", "context", "reason"}),
    "Condition": frozenset({"assertedDate", "context"}),
    "Observation": frozenset({"comment", "context", "related"}),
    "DocumentReference": frozenset({"class", "created", "indexed"}),
    "Patient": frozenset({"animal"}),
}
_OLDER = frozenset({"ReferralRequest", "ProcedureRequest", "DiagnosticRequest", "DiagnosticOrder", "MedicationOrder"})

_INTENTS = "proposal plan order original-order reflex-order filler-order instance-order option"
_PRIORITIES = "routine urgent asap stat"
_CODES: Mapping[tuple[str, str], frozenset[str]] = {
    key: frozenset(codes.split())
    for key, codes in {
        ("ServiceRequest", "status"): "draft active on-hold revoked completed entered-in-error unknown",
        ("ServiceRequest", "intent"): f"{_INTENTS} directive",
        ("ServiceRequest", "priority"): _PRIORITIES,
        ("Task", "status"): (
            "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
            "entered-in-error"
        ),
        ("Task", "intent"): f"{_INTENTS} unknown",
        ("Task", "priority"): _PRIORITIES,
        ("Bundle", "type"): (
            "document message transaction transaction-response batch batch-response history searchset collection"
        ),
        ("Observation", "status"): "registered preliminary final amended corrected cancelled entered-in-error unknown",
        ("DocumentReference", "status"): "current superseded entered-in-error",
        ("QuestionnaireResponse", "status"): "in-progress completed amended entered-in-error stopped",
    }.items()
}
"""The codes of FHIR R4 (4.0.1) that decide what is done with a resource."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong, or that a sender should know: its FHIRPath, what it is, and what to do."""

    expression: str
    words: str
    code: Code = "structure"
    severity: Literal["fatal", "error", "warning", "information"] = "error"


class WrongFhir(ValueError):
    """Something that can't be taken as FHIR R4; `issues` say where and why, and nothing of it was taken."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues[:_MOST_ISSUES])
        super().__init__("\n".join(f"{issue.expression}: {issue.words}" for issue in self.issues))


def parsed(data: bytes, version: str | None = None) -> Json:
    """The JSON object of a request's body.

    Args:
        data: the body, 15 MB at most.
        version: the `fhirVersion` that the sender named with its content type, if any.

    Raises:
        WrongFhir: it is too large, not JSON, not an object, or of another version.
    """
    if version is not None and not re.fullmatch(r"4\.0(\.\d+)?", version.strip()):
        words = "This door speaks FHIR R4 (4.0.1). Send the resource as R4."
        raise WrongFhir([Issue("fhirVersion", words, "not-supported")])
    if len(data) > LARGEST:
        raise WrongFhir([Issue("body", "It is larger than 15 MB. Send letters without pictures.", "too-long")])
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise WrongFhir([Issue("body", "It is not in UTF-8. FHIR's JSON always is.")]) from None
    except json.JSONDecodeError as error:
        words = f"It is not JSON: see line {error.lineno}, column {error.colno}. XML is not read."
        raise WrongFhir([Issue("body", words)]) from None
    except _Twice as twice:
        raise WrongFhir(
            [Issue("body", f"The key '{_safe(str(twice))}' stands twice in an object. Keep one.")]
        ) from None
    except (ValueError, RecursionError):
        raise WrongFhir([Issue("body", "It holds a number or a depth that JSON readers refuse. Correct it.")]) from None
    if not isinstance(value, dict):
        raise WrongFhir([Issue("body", "It is not a JSON object. Send one resource, or one Bundle.")])
    return value


def checked(resource: Json) -> Json:
    """The same resource, once it is known to be valid R4, with everything in it.

    Raises:
        WrongFhir: it isn't; every fault that was found, 50 at most.
    """
    name = resource.get("resourceType")
    root = name if isinstance(name, str) and _NAME.fullmatch(name) else "resource"
    issues = list(_form(resource, root, 0, [0]))
    if issues:
        raise WrongFhir(issues)
    try:
        issues = list(_resource_issues(resource, root))
    except RecursionError:
        issues = [Issue(root, "It is nested too deeply. Send it flat.")]
    if issues:
        raise WrongFhir(issues)
    return resource


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return value


class _Twice(Exception):
    pass


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _safe(name: str) -> str:
    return name if _NAME.fullmatch(name) else "?"


def _form(value: Any, place: str, depth: int, count: list[int]) -> Iterator[Issue]:
    """What FHIR's JSON may not have: empty parts, nulls, lists of mixed kinds, control characters."""
    count[0] += 1
    if depth > DEEPEST:
        yield Issue(place, "It is nested too deeply. Send it flat.")
    elif count[0] > _MOST_VALUES:
        if count[0] == _MOST_VALUES + 1:
            yield Issue(place, "There are more than 200,000 values. Send fewer.", "too-long")
    elif isinstance(value, dict):
        if not value:
            yield Issue(place, "An object is never empty in FHIR. Leave it out.")
        for name, part in value.items():
            yield from _form(part, f"{place}.{_safe(name)}", depth + 1, count)
    elif isinstance(value, list):
        if not value:
            yield Issue(place, "A list is never empty in FHIR. Leave it out.")
        if len({_kind(part) for part in value if part is not None}) > 1:
            yield Issue(place, "The values of this list are of different kinds. Make them one kind.")
        for index, part in enumerate(value):
            if part is not None or "._" not in place:
                yield from _form(part, f"{place}[{index}]", depth + 1, count)
    elif value is None:
        yield Issue(place, "FHIR has no null here. Leave it out.")
    elif isinstance(value, str):
        if not value.strip():
            yield Issue(place, "A text is never empty in FHIR. Leave it out.")
        elif any(ord(sign) < 32 and sign not in "\t\r\n" for sign in value) or _has_surrogate(value):
            yield Issue(place, "It has control characters. Take them out.", "value")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Issue(place, "This number is too large.", "value")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def _has_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(sign) <= 0xDFFF for sign in text)


def _resource_issues(resource: Json, place: str) -> Iterator[Issue]:
    name = resource.get("resourceType")
    if not isinstance(name, str):
        yield Issue(place, "It has no resourceType. Say which resource it is.", "required")
        return
    if name in _OLDER:
        words = f"{name} is not in FHIR R4; it is of an older version. Send a ServiceRequest."
        yield Issue(f"{place}.resourceType", words, "not-supported")
        return
    shell = dict(resource)
    inner: list[tuple[Json, str]] = []
    contained = shell.pop("contained", None)
    if isinstance(contained, list):
        inner += [
            (part, f"{place}.contained[{index}]") for index, part in enumerate(contained) if isinstance(part, dict)
        ]
        if len(inner) < len(contained):
            yield Issue(f"{place}.contained", "It holds resources only.")
    elif contained is not None:
        yield Issue(f"{place}.contained", "It is a list of resources.")
    if name == "Bundle":
        yield from _bundle_issues(shell, place, inner)
    else:
        yield from _model_issues(name, shell, place)
    for (asked, key), codes in _CODES.items():
        given = resource.get(key)
        if asked == name and isinstance(given, str) and given not in codes:
            words = f"This is no {key} of a {name} in R4. Use one of: {', '.join(sorted(codes))}."
            yield Issue(f"{place}.{key}", words, "value")
    for part, inner_place in inner:
        yield from _resource_issues(part, inner_place)


def _bundle_issues(shell: dict[str, Any], place: str, inner: list[tuple[Json, str]]) -> Iterator[Issue]:
    entries = shell.get("entry")
    if isinstance(entries, list):
        if len(entries) > MOST_ENTRIES:
            yield Issue(f"{place}.entry", "There are more than 500 entries. Send fewer in one Bundle.", "too-long")
            return
        bare = []
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                inner.append((entry["resource"], f"{place}.entry[{index}].resource"))
                entry = {key: part for key, part in entry.items() if key != "resource"}
                if not entry:
                    continue
            bare.append((index, entry))
        shell.pop("entry")
        for index, entry in bare:
            try:
                bundle_model.BundleEntry(entry)
            except Exception as error:  # the library also raises plain exceptions
                yield from _told(error, f"{place}.entry[{index}]", "Bundle")
    yield from _model_issues("Bundle", shell, place)


def _model_issues(name: str, resource: Json, place: str) -> Iterator[Issue]:
    known = FHIRElementFactory.instantiate(name, None)
    if not isinstance(known, Resource) or known.resource_type != name:
        yield Issue(f"{place}.resourceType", f"FHIR R4 has no resource {_safe(name)}.", "not-supported")
        return
    try:
        made = FHIRElementFactory.instantiate(name, dict(resource))
    except Exception as error:  # the library also raises plain exceptions
        yield from _told(error, place, name)
        return
    choices: dict[str, list[str]] = {}
    for _, key, _, _, of_many, _ in made.elementProperties():
        if of_many is not None and key in resource:
            choices.setdefault(of_many, []).append(key)
    for of_many, keys in choices.items():
        if len(keys) > 1:
            yield Issue(f"{place}.{of_many}", f"Only one of {', '.join(keys)} may be there.", "invariant")


def _told(error: Exception, place: str, name: str) -> Iterator[Issue]:
    """The library's errors as issues: a tree of places, with messages that name objects of the program."""
    if isinstance(error, FHIRValidationError):
        here = f"{place}.{_path(error.path)}" if error.path else place
        for inner in error.errors:
            yield from _told(inner, here, name)
        return
    message = str(error)
    if found := _SUPERFLUOUS.search(message):
        key = _safe(found["name"])
        yield Issue(f"{place}.{key}", _not_in_r4(key, name, place), "structure")
    elif found := _LACKING.search(message):
        yield Issue(f"{place}.{found['name']}", "It is required, and missing or wrong.", "required")
    elif found := _WRONG_TYPE.search(message):
        want = "a list" if found["list"] and found["got"] != "list" else _type_name(found["want"])
        yield Issue(place, f"It should be {want}.")
    elif isinstance(error, ValueError):
        yield Issue(place, "This is no date or time as FHIR writes it (2026-09-12, 2026-09-12T10:05:00Z).", "value")
    else:
        yield Issue(place, "It is of the wrong kind. Look it up in FHIR R4.")


def _path(path: object) -> str:
    """The library's "entry.0.resource" as FHIRPath: "entry[0].resource"."""
    said = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", str(path))
    return said.replace("for_fhir", "for").replace("class_fhir", "class")


def _type_name(wanted: str) -> str:
    last = wanted.rsplit(".", 1)[-1]
    return {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false"}.get(last, f"a {last}")


def _not_in_r4(key: str, name: str, place: str) -> str:
    at_root = place == name or place.endswith((".resource", "]")) or place.rsplit(".", 1)[-1] == name
    if at_root and key in _R5.get(name, frozenset()):
        return f"{name} has no '{key}' in R4; R5 has. Send it as R4."
    if at_root and key in _STU3.get(name, frozenset()):
        return f"{name} has no '{key}' in R4; STU3 had. Send it as R4."
    return "FHIR R4 has no such element here. Take it out, or correct its name."
