"""A token, a consent, a patient's allergies, their pages and a refusal; an override, its review and who looked: by the generated
Python client. Usage: read.py BASE
"""
import base64
import datetime
import json
import sys
import urllib.parse

from mig_fhir_client import AuthenticatedClient, Client
from mig_fhir_client.api.kept import create_consent, read_task, search_audit_event, search_task, update_task
from mig_fhir_client.api.record import (
    read_allergy_intolerance,
    search_allergy_intolerance,
    search_allergy_intolerance_by_post,
)
from mig_fhir_client.api.service import demo_patients, demo_token
from mig_fhir_client.models import (
    AllergyIntolerance,
    AuditEvent,
    Bundle,
    Consent,
    DemoTokenBody,
    OperationOutcome,
    SearchAllergyIntoleranceByPostBody,
    SearchTaskStatus,
    Task,
)

ROOT = sys.argv[1].removesuffix("/FHIR/R4")
open_client = Client(base_url=ROOT)
token = demo_token.sync(client=open_client, body=DemoTokenBody.from_dict({"user": "clinician"})).access_token
client = AuthenticatedClient(base_url=ROOT, token=token)
patients = {patient.scenario: patient for patient in demo_patients.sync(client=open_client)}


def search(patient):
    body = SearchAllergyIntoleranceByPostBody.from_dict(
        {"patient.identifier": f"https://fhir.nhs.uk/Id/nhs-number|{patient.nhs_number}"}
    )
    return search_allergy_intolerance_by_post.sync(client=client, body=body)


def asked(patient, **changed):
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    made = patient.consent.to_dict()
    made["dateTime"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    made["provision"]["actor"][0]["reference"]["identifier"]["value"] = claims["sub"]
    made.update(changed)
    if "extension" in changed:
        made["provision"]["purpose"][0]["code"] = "BTG"
        made["performer"] = [made["provision"]["actor"][0]["reference"]]
    answer = create_consent.sync_detailed(client=client, body=Consent.from_dict(made))
    assert answer.status_code == 201, answer
    assert isinstance(answer.parsed, Consent) and answer.parsed.id
    return answer.parsed


asked(patients["opted-out"])
refused = search(patients["opted-out"])
assert isinstance(refused, OperationOutcome), refused
assert [coding.code for coding in refused.issue[0].details.coding] == ["NO_PATIENT_CONSENT", "OPTED_OUT"], refused

asked(patients["rich"])
found = search(patients["rich"])
assert isinstance(found, Bundle), found
allergies = [entry.resource for entry in found.entry if isinstance(entry.resource, AllergyIntolerance)]
assert allergies and len(allergies) == found.total, (len(allergies), found.total)
for allergy in allergies:
    assert allergy.code.text or allergy.code.coding[0].display
    assert allergy.patient.reference.startswith("Patient/")
    assert "NOINTEGRATE" in [label.code for label in allergy.meta.security]
one = read_allergy_intolerance.sync(allergies[0].id, client=client)
assert isinstance(one, AllergyIntolerance) and one.to_dict() == allergies[0].to_dict()

# Two a page: each once, and the next link as it is said.
paged, pages = [], 0
answer = search_allergy_intolerance.sync(client=client, patient=allergies[0].patient.reference, field_count=2)
while True:
    assert isinstance(answer, Bundle), answer
    pages += 1
    paged += [entry.resource.id for entry in answer.entry if isinstance(entry.resource, AllergyIntolerance)]
    following = [link.url for link in answer.link if link.relation == "next"]
    if not following:
        break
    (page,) = urllib.parse.parse_qs(urllib.parse.urlsplit(following[0]).query)["_page"]
    answer = search_allergy_intolerance.sync(client=client, field_page=page)
assert pages > 1 and paged == [allergy.id for allergy in allergies], (pages, paged)

# Nobody can be asked: the clinician overrides, a privacy officer reviews it and sees who looked.
reason = {"system": "urn:x-mig-fhir:CodeSystem:override-reason", "code": "Emergency"}
concept = {"coding": [reason], "text": "Unconscious on arrival"}
url = "urn:x-mig-fhir:StructureDefinition:override-reason"
overridden = asked(patients["vision"], extension=[{"url": url, "valueCodeableConcept": concept}])
assert isinstance(search(patients["vision"]), Bundle)
token = demo_token.sync(client=open_client, body=DemoTokenBody.from_dict({"user": "privacy-officer"})).access_token
officer = AuthenticatedClient(base_url=ROOT, token=token)
reviews = [entry.resource for entry in search_task.sync(client=officer, status=SearchTaskStatus.REQUESTED).entry]
(review,) = [task for task in reviews if task.focus.reference == f"Consent/{overridden.id}"]
held = read_task.sync_detailed(review.id, client=officer)
outcome = {"coding": [{"system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified"}]}
step = Task.from_dict({**held.parsed.to_dict(), "status": "completed", "businessStatus": outcome})
closed = update_task.sync_detailed(review.id, client=officer, body=step, if_match=held.headers["ETag"])
assert closed.status_code == 200 and closed.parsed.business_status.to_dict() == outcome, closed
again = update_task.sync_detailed(review.id, client=officer, body=step, if_match=held.headers["ETag"])
assert again.status_code in (412, 422) and isinstance(again.parsed, OperationOutcome), again
seen = search_audit_event.sync(client=officer, patient_identifier=f"https://fhir.nhs.uk/Id/nhs-number|{patients['vision'].nhs_number}")
events = [entry.resource for entry in seen.entry]
assert len(events) > 1 and all(isinstance(event, AuditEvent) and event.agent for event in events), events
print(f"   {len(allergies)} allergies on {pages} pages, an override reviewed and {len(events)} events by Python")
