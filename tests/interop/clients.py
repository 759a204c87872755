"""Reads, searches and pages with fhirpy and fhirclient, without special cases."""

import sys

import requests
from fhirclient import client, server
from fhirclient.models import (allergyintolerance, bundle, condition, consent, diagnosticreport, encounter, flag, immunization,
                               medicationrequest, medicationstatement, observation, patient, procedure, servicerequest)
from fhirpy import SyncFHIRClient

base = sys.argv[1]
root = base.rsplit("/FHIR/", 1)[0]
TYPES = {
    "Patient": patient.Patient,
    "Condition": condition.Condition,
    "MedicationStatement": medicationstatement.MedicationStatement,
    "MedicationRequest": medicationrequest.MedicationRequest,
    "AllergyIntolerance": allergyintolerance.AllergyIntolerance,
    "Flag": flag.Flag,
    "Observation": observation.Observation,
    "DiagnosticReport": diagnosticreport.DiagnosticReport,
    "Procedure": procedure.Procedure,
    "Immunization": immunization.Immunization,
    "Encounter": encounter.Encounter,
    "ServiceRequest": servicerequest.ServiceRequest,
}
NHS = "https://fhir.nhs.uk/Id/nhs-number"


def token(user: str) -> str:
    answer = requests.post(f"{root}/demo/token", data={"user": user}, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


def main() -> None:
    bearer = token("clinician")
    headers = {"Authorization": f"Bearer {bearer}"}
    people = requests.get(f"{root}/demo/patients", timeout=10).json()
    rich = next(person for person in people if person["scenario"] == "rich")
    number = rich["nhs_number"]

    # The walkthrough has asked one patient and overridden for another; nobody has asked this one.
    unasked = next(person for person in people if person["scenario"] == "emis")["nhs_number"]
    refused = requests.get(
        f"{base}/Condition", params={"patient.identifier": f"{NHS}|{unasked}"}, headers=headers, timeout=20
    )
    assert refused.status_code == 403, refused.status_code
    assert refused.json()["issue"][0]["details"]["coding"][-1]["code"] == "CONSENT_REQUIRED"

    recorded = requests.post(
        f"{base}/Consent",
        json=rich["consent"],
        headers=headers | {"Content-Type": "application/fhir+json"},
        timeout=20,
    )
    assert recorded.status_code == 201, recorded.text
    consent.Consent(recorded.json())

    # fhirpy
    sync = SyncFHIRClient(base, authorization=f"Bearer {bearer}")
    for kind in TYPES:
        if kind == "Patient":
            found = sync.resources(kind).search(identifier=f"{NHS}|{number}").fetch()
        else:
            found = sync.resources(kind).search(**{"patient.identifier": f"{NHS}|{number}"}).fetch()
        assert found, f"fhirpy: no {kind}"
        again = sync.get(kind, found[0].id)
        assert again["id"] == found[0]["id"]
        print(f"   fhirpy: {kind} {len(found)}, read by id")

    # fhirclient: its models refuse unknown and wrongly typed elements
    smart = client.FHIRClient(settings={"app_id": "interop", "api_base": base})
    smart.server.session.headers["Authorization"] = f"Bearer {bearer}"
    sealed = sync.resources("Patient").search(identifier=f"{NHS}|{number}").fetch()[0]["id"]
    for kind, model in TYPES.items():
        query = {"_id": sealed} if kind == "Patient" else {"patient": f"Patient/{sealed}"}
        answer = requests.get(f"{base}/{kind}", params=query, headers=headers, timeout=20)
        assert answer.status_code == 200, (kind, answer.status_code, answer.text[:300])
        parsed = bundle.Bundle(answer.json())
        matches = [entry.resource for entry in parsed.entry if entry.search.mode == "match"]
        assert matches and len(matches) == parsed.total, kind
        assert all(isinstance(match, model) for match in matches), kind
        assert number not in answer.url and all(number not in link.url for link in parsed.link)
        print(f"   fhirclient: {kind} {len(matches)}, strictly parsed")

    # paging: all pages together are the whole
    whole = requests.get(f"{base}/Observation", params={"patient": sealed}, headers=headers, timeout=20).json()
    ids = [entry["resource"]["id"] for entry in whole["entry"] if entry["search"]["mode"] == "match"]
    url, paged = f"{base}/Observation?patient={sealed}&_count=7", []
    while url:
        page = requests.get(url, headers=headers, timeout=20).json()
        paged += [entry["resource"]["id"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert url is None or (number not in url and sealed not in url)
    assert paged == ids and len(ids) == whole["total"], (len(paged), len(ids))
    print(f"   paging: {len(ids)} observations by sevens")

    for user, reason in [
        ("receptionist", "ROLE"),
        ("untrained-clinician", "ENROLMENT"),
        ("unagreed-clinician", "NO_ORGANISATION_CONSENT"),
        ("administrator", None),
        ("viewer-system", None),
        ("privacy-officer", None),
    ]:
        answer = requests.get(
            f"{base}/Condition", params={"patient": sealed}, headers={"Authorization": f"Bearer {token(user)}"}, timeout=20
        )
        assert answer.status_code == 403, (user, answer.status_code)
        code = answer.json()["issue"][0]["details"]["coding"][-1]["code"]
        assert reason is None or code == reason, (user, code)
        print(f"   {user}: 403 {code}")
    opted = next(person for person in people if person["scenario"] == "opted-out")
    requests.post(f"{base}/Consent", json=opted["consent"], headers=headers, timeout=20)
    answer = requests.get(
        f"{base}/Condition", params={"patient.identifier": f"{NHS}|{opted['nhs_number']}"}, headers=headers, timeout=20
    )
    assert answer.status_code == 403 and answer.json()["issue"][0]["details"]["coding"][-1]["code"] == "OPTED_OUT", answer.text
    print("   the opted-out patient: 403 OPTED_OUT")


main()
