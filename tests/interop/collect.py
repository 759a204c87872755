"""Asks a running demo for every kind of answer that it has, and keeps each as a file.

Usage: collect.py BASE FOLDER. Searches, reads, $everything, the document, refusals, Consents, Tasks, EpisodesOfCare and AuditEvents, for every
built-in patient. What it asks must also hold together: a read is the entry that the search gave, and every reference can be read.
"""

import concurrent.futures
import copy
import datetime
import hashlib
import json
import pathlib
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request

base, folder = sys.argv[1], pathlib.Path(sys.argv[2])
root = base.rsplit("/FHIR/", 1)[0]
NHS = "https://fhir.nhs.uk/Id/nhs-number"
SEARCHED = ["Patient", "Condition", "MedicationStatement", "MedicationRequest", "AllergyIntolerance", "Flag", "Observation",
            "DiagnosticReport", "Procedure", "Immunization", "Encounter", "ServiceRequest"]
# Reads of one type of one patient: all where there are few, a spread of them where there are thousands.
READS = 40
seen: set[str] = set()
faults: list[str] = []
tokens: dict[str, str] = {}


def ask(method, url, user=None, body=None, form=None, headers=None):
    """The status, the headers and the parsed body."""
    data, extra = None, dict(headers or {})
    if body is not None:
        data = json.dumps(body).encode()
        extra.setdefault("Content-Type", "application/fhir+json")
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
        extra.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if user is not None:
        extra["Authorization"] = f"Bearer {bearer(user)}"
    request = urllib.request.Request(url, data=data, headers=extra, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, json.loads(refused.read() or b"null")


def bearer(user):
    if user not in tokens:
        _, _, answer = ask("POST", f"{root}/demo/token", form={"user": user})
        tokens[user] = answer["access_token"]
    return tokens[user]


def keep(name, resource):
    """Keeps it as a file, unless the very same was kept before."""
    text = json.dumps(resource, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest not in seen:
        seen.add(digest)
        (folder / f"{name.replace('/', '-')}.json").write_text(text, encoding="utf-8")


def check(holds, fault):
    if not holds:
        faults.append(fault)
    return holds


def take(name, expected, method, url, **how):
    """Asks, insists on the status, keeps the answer."""
    status, headers, resource = ask(method, url, **how)
    assert status == expected, (name, status, resource)
    assert headers.get_content_type() == "application/fhir+json", (name, headers.get_content_type())
    keep(name, resource)
    return headers, resource


def search(name, kind, query, user="clinician"):
    """Every page of a search."""
    pages, (_, page) = 1, take(name, 200, "POST", f"{base}/{kind}/_search", form=query, user=user)
    found = page["entry"]
    while url := next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None):
        pages += 1
        _, page = take(f"{name}-page{pages}", 200, "GET", url, user=user)
        found = found + page["entry"]
    return [entry["resource"] for entry in found if entry["search"]["mode"] != "outcome"]


def references(node):
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "reference" and isinstance(value, str) and not value.startswith("#"):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def record(person):
    """The whole record of one patient."""
    scenario, number = person["scenario"], person["nhs_number"]
    known = {}
    for kind in SEARCHED:
        query = {"identifier" if kind == "Patient" else "patient.identifier": f"{NHS}|{number}"}
        for resource in search(f"{scenario}-{kind}", kind, query):
            known[f"{kind}/{resource['id']}"] = resource
    sealed = next(name for name in known if name.startswith("Patient/")).split("/")[1]
    _, everything = take(f"{scenario}-everything", 200, "GET", f"{base}/Patient/{sealed}/$everything?_count=1000", user="clinician")
    for entry in everything["entry"]:
        if entry["search"]["mode"] != "outcome":
            resource = entry["resource"]
            name = f"{resource['resourceType']}/{resource['id']}"
            check(known.setdefault(name, resource) == resource, f"{scenario}: {name} reads differently in $everything")
    _, document = take(f"{scenario}-document", 200, "GET", f"{base}/Patient/{sealed}/$detailed-care-record", user="clinician")
    held = {}
    for entry in document["entry"]:
        resource = entry["resource"]
        name = f"{resource['resourceType']}/{resource['id']}"
        if not entry["fullUrl"].startswith("urn:uuid:"):
            held[name] = resource
            check(known.setdefault(name, resource) == resource, f"{scenario}: {name} reads differently in the document")
    for entry in everything["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}"
        check(entry["search"]["mode"] == "outcome" or name in held, f"{scenario}: {name} of $everything is not in the document")
    by_type = {}
    for name in known:
        by_type.setdefault(name.split("/")[0], []).append(name)
    wanted = {name for names in by_type.values() for name in names[:: -(-len(names) // READS)]}
    wanted |= {name for name in references(list(known.values())) if name not in known}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda name: (name, *ask("GET", f"{base}/{name}", user="clinician")), sorted(wanted))
        for name, status, _, resource in answers:
            if not check(status == 200, f"{scenario}: {name} is referred to or was found, but a read answers {status}"):
                continue
            if name not in known:
                keep(f"{scenario}-read-{name}", resource)
                known[name] = resource
            check(known[name] == resource, f"{scenario}: {name} reads differently by id")
    return sealed, len(wanted)


def shapes_of_search(sealed):
    """Includes, parameters, pages and leniency: other Bundles than the plain ones."""
    _, statement = take("metadata", 200, "GET", f"{base}/metadata")
    for row in statement["rest"][0]["resource"]:
        if row["type"] not in SEARCHED:
            continue
        subject = {"_id" if row["type"] == "Patient" else "patient": sealed}
        # What the type itself refers to, and from there on.
        includes = [("_include" if one.startswith(row["type"] + ":") else "_include:iterate", one) for one in row["searchInclude"]]
        search(f"rich-{row['type']}-included", row["type"], [*subject.items(), *includes])
        search(f"rich-{row['type']}-paged", row["type"], subject | {"_count": "20"})
        search(f"rich-{row['type']}-none", row["type"], subject | {"_tag": "urn:x-mig-fhir:CodeSystem:view|NoSuchView"})
    where = f"{base}/Condition?patient={sealed}&colour=blue"
    take("rich-lenient", 200, "GET", where, user="clinician", headers={"Prefer": "handling=lenient"})
    take("refused-parameter", 400, "GET", where, user="clinician")
    take("refused-no-patient", 400, "GET", f"{base}/Condition", user="clinician")
    take("rich-everything-types", 200, "GET", f"{base}/Patient/{sealed}/$everything?_type=Condition,Procedure", user="clinician")


def consents(people):
    """Every consent that the scenarios need: permit, deny, withdrawn, for a child, and both kinds of override."""
    for person in people.values():
        take(f"consent-permit-{person['scenario']}", 201, "POST", f"{base}/Consent", user="clinician", body=person["consent"])

    def by(user, scenario, change):
        body = copy.deepcopy(people[scenario]["consent"])
        body["provision"]["actor"][0]["reference"]["identifier"]["value"] = user
        body["dateTime"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        change(body)
        return body

    def override(body):
        user = body["provision"]["actor"][0]["reference"]
        body["performer"] = [user]
        body["provision"]["purpose"][0]["code"] = "BTG"
        reason = {"system": "urn:x-mig-fhir:CodeSystem:override-reason", "code": "Emergency"}
        concept = {"coding": [reason], "text": "Unconscious on arrival"}
        body["extension"] = [{"url": "urn:x-mig-fhir:StructureDefinition:override-reason", "valueCodeableConcept": concept}]

    def parent(body):
        role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}
        body["contained"] = [{"resourceType": "RelatedPerson", "id": "parent", "patient": body["patient"], "relationship": [{"coding": [role]}]}]
        body["performer"] = [{"reference": "#parent"}]

    nurse, clinician = "999000000102", "999000000101"
    deny = by(nurse, "systmone", lambda body: body["provision"].update(type="deny"))
    take("consent-deny", 201, "POST", f"{base}/Consent", user="nurse", body=deny)
    take("consent-override", 201, "POST", f"{base}/Consent", user="nurse", body=by(nurse, "vision", override))
    take("consent-override-after-refusal", 201, "POST", f"{base}/Consent", user="clinician", body=by(clinician, "systmone", override))
    headers, given = take("consent-parent", 201, "POST", f"{base}/Consent", user="nurse", body=by(nurse, "emis", parent))
    take("consent-read", 200, "GET", f"{base}/Consent/{given['id']}", user="nurse")
    given["status"] = "inactive"
    how = {"user": "nurse", "body": given, "headers": {"If-Match": headers["ETag"]}}
    take("consent-withdrawn", 200, "PUT", f"{base}/Consent/{given['id']}", **how)
    take("refused-stale", 412, "PUT", f"{base}/Consent/{given['id']}", **how)
    take("refused-withdrawn", 403, "POST", f"{base}/Condition/_search", user="nurse",
         form={"patient.identifier": f"{NHS}|{people['emis']['nhs_number']}"})
    take("refused-denied", 403, "POST", f"{base}/Condition/_search", user="nurse",
         form={"patient.identifier": f"{NHS}|{people['systmone']['nhs_number']}"})
    for user in ["clinician", "nurse", "privacy-officer"]:
        take(f"consent-search-{user}", 200, "GET", f"{base}/Consent", user=user)
    del given["scope"]
    take("refused-body", 422, "POST", f"{base}/Consent", user="nurse", body=given)


def refusals(people):
    def condition(scenario):
        return {"patient.identifier": f"{NHS}|{people[scenario]['nhs_number']}"}

    for name, status, user, scenario in [
        ("consent-required", 403, "nurse", "large"),
        ("receptionist", 403, "receptionist", "rich"),
        ("untrained", 403, "untrained-clinician", "rich"),
        ("unagreed", 403, "unagreed-clinician", "rich"),
        ("administrator", 403, "administrator", "rich"),
        ("system", 403, "viewer-system", "rich"),
        ("opted-out", 403, "clinician", "opted-out"),
        ("not-sharing", 403, "clinician", "not-sharing"),
        ("untraced", 404, "clinician", "untraced"),
        ("slow", 504, "clinician", "slow"),
        ("faulting", 502, "clinician", "faulting"),
    ]:
        take(f"refused-{name}", status, "POST", f"{base}/Condition/_search", user=user, form=condition(scenario))
    take("nobody", 200, "POST", f"{base}/Patient/_search", user="clinician", form={"identifier": f"{NHS}|{people['untraced']['nhs_number']}"})
    take("refused-token", 401, "GET", f"{base}/Condition")
    take("refused-route", 404, "GET", f"{base}/Nothing", user="clinician")
    take("refused-id", 404, "GET", f"{base}/Condition/nothing", user="clinician")
    take("refused-method", 405, "DELETE", f"{base}/Condition/nothing", user="clinician")
    take("refused-accept", 406, "GET", f"{base}/Condition", user="clinician", headers={"Accept": "text/turtle"})
    take("refused-media-type", 415, "POST", f"{base}/Consent", user="clinician", body={}, headers={"Content-Type": "text/plain"})
    take("refused-structure", 400, "POST", f"{base}/Consent", user="clinician", body={"resourceType": "Patient"})


def registers(people):
    """What the service keeps for others than clinicians."""
    rich = people["rich"]["nhs_number"]
    episode = {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "patient": {"identifier": {"system": NHS, "value": rich}},
        "managingOrganization": {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RX001"}},
        "period": {"start": "2026-01-01"},
        "identifier": [{"system": "urn:x-demo:spell", "value": "1"}],
    }
    system = "viewer-system"
    headers, made = take("episode-created", 201, "POST", f"{base}/EpisodeOfCare", user=system, body=episode)
    take("episode-read", 200, "GET", f"{base}/EpisodeOfCare/{made['id']}", user=system)
    made["status"] = "finished"
    made["period"]["end"] = "2026-11-01"
    take("episode-updated", 200, "PUT", f"{base}/EpisodeOfCare/{made['id']}", user=system, body=made, headers={"If-Match": headers["ETag"]})
    take("episode-search", 200, "GET", f"{base}/EpisodeOfCare", user=system)

    officer = "privacy-officer"
    _, reviews = take("task-search", 200, "GET", f"{base}/Task?status=requested", user=officer)
    headers, task = take("task-read", 200, "GET", f"{base}/Task/{reviews['entry'][0]['resource']['id']}", user=officer)
    task["status"] = "in-progress"
    headers, task = take("task-begun", 200, "PUT", f"{base}/Task/{task['id']}", user=officer, body=task, headers={"If-Match": headers["ETag"]})
    task["status"] = "completed"
    task["businessStatus"] = {"coding": [{"system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified"}]}
    take("task-done", 200, "PUT", f"{base}/Task/{task['id']}", user=officer, body=task, headers={"If-Match": headers["ETag"]})
    take("task-search-all", 200, "GET", f"{base}/Task", user=officer)

    # Last, so that all of the above is in it.
    events = set()
    for user in ["privacy-officer", "practice-auditor"]:
        for name, query in [("", ""), ("alerts", "type=110113&"), ("refused", "outcome=8&"), ("denied", "outcome=4&")]:
            url, page = f"{base}/AuditEvent?{query}_count=200", 0
            # The reading is itself audited, so that the last page is never reached by turning pages alone.
            while url and page < 5:
                page += 1
                _, bundle = take(f"audit-{user}-{name}-{page}", 200, "GET", url, user=user)
                events |= {(user, entry["resource"]["id"]) for entry in bundle.get("entry", [])}
                url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
    for user, one in sorted(events)[:: max(1, len(events) // 10)]:
        take(f"audit-read-{one}", 200, "GET", f"{base}/AuditEvent/{one}", user=user)


def main():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _, _, listed = ask("GET", f"{root}/demo/patients")
    people = {person["scenario"]: person for person in listed}
    consents(people)
    reads = 0
    for scenario, person in people.items():
        if scenario not in ("opted-out", "not-sharing", "untraced", "slow", "faulting"):
            sealed, read = record(person)
            reads += read
            if scenario == "rich":
                shapes_of_search(sealed)
    refusals(people)
    registers(people)
    print(f"   {len(seen)} answers kept, {reads} reads by id equal to what the searches gave")
    for fault in faults:
        print(f"   FAULT {fault}")
    sys.exit(1 if faults else 0)


main()
