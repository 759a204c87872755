"""The rules that OpenAPI cannot express, made true of what schemathesis makes, so that valid data reaches the service's core.

Loaded by schemathesis as its hooks. It prepares the fresh demo at BASE (a consent, an override with its review, an episode, a
suspension) and learns what is there. Then, before each call, of what schemathesis calls valid:

- a search names exactly one patient, the one who consented; a page link, which only the service makes, is left out;
- `_elements` goes with no `_summary` of true, text or data, `_include` not with text; nothing is sorted by the same date twice;
- a day is one that its month has, and comes after the one that it has to come after;
- two of three ids of an address are of what is there, with the version that they have now;
- an Idempotency-Key stands for one submission;
- a Consent has the codes, the caller and the moment of one that may be recorded, an episode the patient and the organisation;
- an update of a Consent or a Task is of what is there, and changes what may be changed;
- a parameter or a member is one that the document knows: names with a modifier (`code:text`) are parameters too, and what is
  read may get members that a client must pass over, so that forms and resources are open, while what is sent and unknown is
  refused;
- a new agreement is signed, of a viewer of its own; an explanation is asked for the officer's own organisation.

In /admin a member that is null is as good as absent, which OpenAPI says only by types that generators take badly: that one is no
finding.

What schemathesis made wrong on purpose stays wrong: beside it only the patient of a search is set right, so that the answer is
about what is wrong.
"""
import base64
import datetime
import json
import os
import re
import uuid
import zlib

import requests
import schemathesis

BASE = os.environ["BASE"]
ROOT = BASE.removesuffix("/FHIR/R4")
TOKENS = {user: os.environ[user.upper()] for user in ("clinician", "officer", "system", "administrator")}
NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
FHIR = "application/fhir+json"


def ask(method, path, user, **more):
    headers = {"Authorization": f"Bearer {TOKENS[user]}", **more.pop("headers", {})}
    return requests.request(method, ROOT + path, headers=headers, timeout=30, **more)


def made(answer):
    assert answer.status_code in (200, 201), (answer.request.method, answer.url, answer.status_code, answer.text)
    return answer.json()


def consent(patient, **changed):
    body = dict(patient["consent"], **changed)
    body["dateTime"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return body


def override(patient):
    body = consent(patient)
    claims = json.loads(base64.urlsafe_b64decode(TOKENS["clinician"].split(".")[1] + "=="))
    body["provision"]["purpose"][0]["code"] = "BTG"
    body["performer"] = [{"identifier": {"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": claims["sub"]}}]
    reason = {"system": "urn:x-mig-fhir:CodeSystem:override-reason", "code": "Emergency"}
    concept = {"coding": [reason], "text": "Unconscious on arrival"}
    body["extension"] = [{"url": "urn:x-mig-fhir:StructureDefinition:override-reason", "valueCodeableConcept": concept}]
    return body


def post(path, user, body):
    return made(ask("POST", path, user, data=json.dumps(body), headers={"Content-Type": FHIR}))


PATIENTS = {patient["scenario"]: patient for patient in requests.get(f"{ROOT}/demo/patients", timeout=30).json()}
RICH = PATIENTS["rich"]
IDENTIFIER = f"{NUMBER}|{RICH['nhs_number']}"
# By type: ids that are there.
IDS = {}


def prepare():
    IDS["Consent"] = [post("/FHIR/R4/Consent", "clinician", consent(RICH))["id"]]
    found = made(ask("POST", "/FHIR/R4/Patient/_search", "clinician", data={"identifier": IDENTIFIER}))
    patient = next(entry["resource"]["id"] for entry in found["entry"] if entry["search"]["mode"] == "match")
    everything = made(ask("GET", f"/FHIR/R4/Patient/{patient}/$everything", "clinician"))
    for resource in (entry["resource"] for entry in everything["entry"]):
        if resource["resourceType"] != "OperationOutcome":
            IDS.setdefault(resource["resourceType"], []).append(resource["id"])
    IDS["Patient"] = [patient]
    IDS["Consent"].append(post("/FHIR/R4/Consent", "clinician", override(PATIENTS["vision"]))["id"])
    for kind, user in (("Task", "officer"), ("AuditEvent", "officer")):
        IDS[kind] = [entry["resource"]["id"] for entry in made(ask("GET", f"/FHIR/R4/{kind}", user))["entry"][:20]]
    managing = {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": organisation()}}
    episode = {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "patient": {"identifier": {"system": NUMBER, "value": RICH["nhs_number"]}},
        "managingOrganization": managing,
    }
    IDS["EpisodeOfCare"] = [post("/FHIR/R4/EpisodeOfCare", "system", episode)["id"]]
    for kind in ("ValueSet", "CodeSystem"):
        listed = requests.get(f"{BASE}/{kind}", timeout=30).json()["entry"]
        IDS[kind] = [entry["resource"]["id"] for entry in listed]
    register()


def organisation():
    return RICH["consent"]["organization"][0]["identifier"]["value"]


def register():
    """What the registers hold, and something of each kind to change."""
    suspension = {"target": "user", "subject": "999000000998", "reason": "A rehearsal"}
    admin("/admin/suspensions", suspension)
    for name, member in (("agreements", "agreements"), ("enrolments", "enrolments"), ("suspensions", "suspensions")):
        IDS[name] = [one["id"] for one in made(ask("GET", f"/admin/{name}", "administrator"))[member]]
    IDS["alerts"] = [one["id"] for one in made(ask("GET", "/admin/alerts", "administrator"))["alerts"]]


def admin(path, body):
    return made(ask("POST", path, "administrator", json=body))


prepare()

PATIENT = ("patient", "patient.identifier", "patient.birthdate", "subject", "subject.identifier", "subject.birthdate")
PATIENT_ITSELF = ("identifier", "_id", "birthdate")
DAY = re.compile(r"(\d{4}-\d\d)-(29|30|31)")


def chance(case, of):
    """The same for the same case: half of them, say."""
    said = json.dumps([case.method, case.path, str(case.query), str(case.path_parameters), str(case.body)], default=str)
    return zlib.crc32(said.encode()) % of == 0


def spoiled(case):
    """Names that schemathesis made wrong on purpose; `*` when it does not say which."""
    if case.meta.generation.mode.is_positive:
        return set()
    data = case.meta.phase.data
    names = {getattr(data, "parameter", None), *(mutation.parameter for mutation in data.mutations)}
    names |= {str(step) for mutation in data.mutations for step in mutation.path}
    # Of a body the description alone says which member.
    names |= {(data.description or "").split(":")[0]}
    return {name for name in names if name} or {"*"}


def patient_named(case, form):
    own = PATIENT_ITSELF if case.path.startswith("/FHIR/R4/Patient") else PATIENT
    named = [name for name in own if name in form]
    for name in named:
        del form[name]
    by_id = any(name in ("patient", "subject", "_id") for name in named)
    if own is PATIENT_ITSELF:
        form.update({"_id": IDS["Patient"][0]} if by_id else {"identifier": IDENTIFIER})
    elif by_id:
        form[next(name for name in named if name in ("patient", "subject"))] = f"Patient/{IDS['Patient'][0]}"
    else:
        form[next((name for name in named if name.endswith("identifier")), "patient.identifier")] = IDENTIFIER


def search(case, form, wrong):
    own = PATIENT_ITSELF if case.path.startswith("/FHIR/R4/Patient") else PATIENT
    if not wrong & {*own, "*"}:
        patient_named(case, form)
    if not wrong & {"_page", "_summary", "_elements", "_include", "_sort", "*"}:
        form.pop("_page", None)
        if form.get("_summary") in ("true", "text", "data"):
            form.pop("_elements", None)
            if form["_summary"] == "text":
                form.pop("_include", None)
        if isinstance(form.get("_sort"), str):
            by = {word.lstrip("-"): word for word in form["_sort"].split(",")}
            form["_sort"] = ",".join(by.values())


def real_days(value):
    if isinstance(value, str):
        return DAY.sub(lambda day: day[0] if is_day(day[0]) else f"{day[1]}-28", value)
    if isinstance(value, dict):
        return {name: real_days(member) for name, member in value.items()}
    if isinstance(value, list):
        return [real_days(item) for item in value]
    return value


def is_day(text):
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def named_in(path):
    kind = re.match(r"/(?:FHIR/R4|admin)/([A-Za-z]+)/\{id\}", path)
    return kind and kind[1]


def current(kind, known):
    """What is there now, and its ETag."""
    user = {"Consent": "clinician", "EpisodeOfCare": "system", "Task": "officer"}.get(kind, "administrator")
    path = f"/admin/{kind}/{known}" if user == "administrator" else f"/FHIR/R4/{kind}/{known}"
    answer = ask("GET", path, user)
    return (answer.json(), answer.headers.get("ETag")) if answer.ok else ({}, None)


def ordered(first, then, holder):
    if isinstance(holder, dict) and {first, then} <= holder.keys() and str(holder[then]) < str(holder[first]):
        del holder[then]


def kept_search(form):
    form = {name: value for name, value in form.items() if name != "_page"}
    named = [name for name in ("patient", "patient.identifier") if name in form]
    for name in named:
        del form[name]
    if named:
        form.update({"patient": IDS["Patient"][0]} if named == ["patient"] else {"patient.identifier": IDENTIFIER})
    return form


def new_consent(body):
    ready = consent(RICH)
    body = {name: value for name, value in body.items() if name not in ("contained", "extension")}
    fixed = ("scope", "category", "patient", "dateTime", "performer", "organization", "provision", "status")
    return {"sourceAttachment": ready["sourceAttachment"], **body, **{name: ready[name] for name in fixed if name in ready}}


def new_episode(body):
    ordered("start", "end", body.get("period"))
    managing = {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": organisation()}}
    return {**body, "patient": {"identifier": {"system": NUMBER, "value": RICH["nhs_number"]}}, "managingOrganization": managing}


def new_agreement(body):
    body = {**body, "id": f"made-{uuid.uuid4()}", "viewer": uuid.uuid4().hex[:12].upper(), "client_networks": []}
    ordered("from", "until", body)
    body["sharer"] = [{"practice": "A99999", "joined": body["from"]}][: len(body.get("sharer", []))]
    body["signatory"] = [{"organisation": "A99999", "name": "A", "role": "B", "date": body["from"]}]
    return body


def report(case, body):
    body = {name: value for name, value in body.items() if name in ("staff_names",)}
    name = (case.path_parameters or {}).get("name")
    return {**body, **{"who-viewed": {"nhs_number": RICH["nhs_number"]}, "user-activity": {"user": "999000000101"}}.get(name, {})}


def suspension(body):
    ordered("since", "until", body)
    # Others are tested beside this one, so that no more than a stranger is stopped.
    return {**body, "target": "user", "subject": uuid.uuid4().hex}


MENDED = {
    ("POST", "/FHIR/R4/Consent"): new_consent,
    ("POST", "/FHIR/R4/EpisodeOfCare"): new_episode,
    ("POST", "/admin/agreements"): new_agreement,
    ("POST", "/admin/suspensions"): suspension,
}


DOCUMENT = requests.get(f"{ROOT}/openapi.json", timeout=30).json()


def known(schema, value):
    """What of a value the document names."""
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, dict) and "properties" in schema:
        named = schema["properties"]
        kept = {name: known(named[name], member) for name, member in value.items() if name in named}
        # What held nothing but unknown members would be empty, which FHIR has not.
        return {name: member for name, member in kept.items() if member != {} or value[name] == {}}
    if isinstance(value, list) and "items" in schema:
        return [known(schema["items"], item) for item in value]
    return value


def body_schema(case):
    operation = DOCUMENT["paths"][case.path][case.method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    return content.get(case.media_type, {}).get("schema", {})


def mended(case):
    """The body of a valid case, so that it keeps the rules."""
    body, key = case.body, (case.method, case.path)
    if not isinstance(body, dict):
        return body
    if key in MENDED:
        return MENDED[key](body)
    if case.path == "/admin/explain":
        body = {name: value for name, value in body.items() if name not in ("organisation", "address")}
        return {**body, "nhs_number": RICH["nhs_number"]}
    if case.path == "/admin/reports/{name}":
        return report(case, body)
    return body


def updated(case, kind, known):
    """An update of what is there, with its version."""
    now, etag = current(kind, known)
    if etag and "If-Match" in (case.headers or {}):
        case.headers["If-Match"] = etag
    if case.method != "PUT" or not now or not isinstance(case.body, dict):
        return
    if kind == "Consent":
        case.body = {**now, "status": "inactive" if case.body.get("status") == "active" else case.body.get("status")}
    elif kind == "Task":
        step = {name: case.body[name] for name in ("status", "businessStatus") if name in case.body}
        case.body = {**now, **step}
    elif kind == "EpisodeOfCare":
        case.body = {**new_episode(case.body), "id": known}
    elif kind == "enrolments":
        case.body = {**case.body, **{name: now[name] for name in ("user", "organisation", "role")}}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None:
        return
    wrong = spoiled(case)
    positive = case.meta.generation.mode.is_positive
    searches = "{id}" not in case.path and (case.method == "GET" or case.path.endswith("/_search"))
    by_form = case.path.endswith("/_search")
    if positive:
        if isinstance(case.query, dict) and case.query:
            case.query = real_days(dict(case.query))
        if isinstance(case.body, (dict, list)):
            case.body = known(body_schema(case), real_days(case.body))
    if searches and case.path.startswith("/FHIR/R4/"):
        form = case.body if by_form else case.query
        if isinstance(form, dict) or not by_form:
            form = dict(form or {})
            if "record" in (case.operation.tags or []):
                search(case, form, wrong)
            elif positive:
                form = kept_search(form)
            if by_form:
                case.body = form
            else:
                case.query = form
    elif positive:
        case.body = mended(case)
        if case.path.startswith("/admin/reports/{name}") and case.method == "GET":
            case.query = {name: value for name, value in (case.query or {}).items() if name == "_format"}
    if positive and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    kind = named_in(case.path)
    if kind and not wrong & {"id", "*"} and IDS.get(kind) and not (positive and chance(case, 3)):
        ids = IDS[kind]
        one = ids[zlib.crc32(json.dumps(str(case.query) + str(case.body)).encode()) % len(ids)]
        case.path_parameters = dict(case.path_parameters or {}, id=one)
        if positive and case.method in ("PUT", "POST"):
            updated(case, kind, one)


def has_null(value):
    members = value.values() if isinstance(value, dict) else ()
    return any(member is None or has_null(member) for member in members) or (
        isinstance(value, list) and any(item is not None and has_null(item) for item in value)
    )


@schemathesis.hook
def filter_failure(context, failure, case, response):
    accepted = type(failure).__name__ == "AcceptedNegativeData"
    return not (accepted and case.path.startswith("/admin/") and has_null(case.body))
