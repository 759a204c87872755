"""A token, a consent, a patient's allergies and a refusal, by the generated Python client. Usage: read.py BASE"""
import base64
import datetime
import json
import sys

from mig_fhir_client import AuthenticatedClient, Client
from mig_fhir_client.api.kept import create_consent
from mig_fhir_client.api.record import read_allergy_intolerance, search_allergy_intolerance_by_post
from mig_fhir_client.api.service import demo_patients, demo_token
from mig_fhir_client.models import (
    AllergyIntolerance,
    Bundle,
    Consent,
    DemoTokenBody,
    OperationOutcome,
    SearchAllergyIntoleranceByPostBody,
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


def asked(patient):
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    made = patient.consent.to_dict()
    made["dateTime"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    made["provision"]["actor"][0]["reference"]["identifier"]["value"] = claims["sub"]
    answer = create_consent.sync_detailed(client=client, body=Consent.from_dict(made))
    assert answer.status_code == 201, answer
    assert isinstance(answer.parsed, Consent) and answer.parsed.id


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
print(f"   {len(allergies)} allergies by Python")
