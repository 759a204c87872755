"""Every element of every answer of the demo is in the document, at its place and of its type: none is served untyped.

Usage: strict.py BASE DOCUMENT
"""
import json
import sys

import requests

BASE, DOCUMENT = sys.argv[1:]
ROOT = BASE.removesuffix("/FHIR/R4")
NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
schemas = json.load(open(DOCUMENT))["components"]["schemas"]
missing, seen = set(), set()
TYPES = {"string": str, "boolean": bool, "number": (int, float), "integer": int, "object": dict, "array": list}


def resolved(schema):
    return schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def walk(value, schema, path):
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    schema = resolved(schema)
    if "discriminator" in schema:
        kind = value["resourceType"]
        if kind not in schema["discriminator"]["mapping"]:
            missing.add(f"{path}: resource {kind}")
            return
        return walk(value, {"$ref": f"#/components/schemas/{kind}"}, kind)
    expected = TYPES[schema.get("type", "object")]
    if not isinstance(value, expected) or (expected is not bool and isinstance(value, bool)):
        missing.add(f"{path}: not {schema['type']}")
    elif isinstance(value, list):
        for one in value:
            walk(one, schema["items"], path)
    elif isinstance(value, dict):
        path = name or path
        for needed in schema.get("required", []):
            if needed not in value:
                missing.add(f"{path}.{needed}: required, not served")
        for key, one in value.items():
            if key in schema.get("properties", {}):
                seen.add(f"{path}.{key}")
                walk(one, schema["properties"][key], f"{path}.{key}")
            else:
                missing.add(f"{path}.{key} = {json.dumps(one)[:90]}")
    elif "enum" in schema and value not in schema["enum"]:
        missing.add(f"{path}: {value} is not in its enumeration")


def token(user):
    return {"Authorization": "Bearer " + requests.post(f"{ROOT}/demo/token", data={"user": user}).json()["access_token"]}


def got(path, headers, post=None):
    answer = requests.post(BASE + path, data=post, headers=headers) if post else requests.get(BASE + path, headers=headers)
    body = answer.json()
    walk(body, {"$ref": f"#/components/schemas/{body['resourceType']}"}, body["resourceType"])
    return answer, body


clinician = token("clinician")
searched = [path.split("/")[3] for path in json.load(open(DOCUMENT))["paths"] if path.endswith("/_search")]
for patient in requests.get(f"{ROOT}/demo/patients").json():
    if patient["scenario"] in ("slow", "large", "faulting"):
        continue
    consent = requests.post(f"{BASE}/Consent", json=patient["consent"], headers=clinician | {"Content-Type": "application/fhir+json"})
    assert consent.status_code == 201, consent.text
    walk(consent.json(), {"$ref": "#/components/schemas/Consent"}, "Consent")
    answer, body = got("/Patient/_search", clinician, {"identifier": f"{NUMBER}|{patient['nhs_number']}"})
    if not body.get("total"):
        continue
    sealed = next(entry["resource"]["id"] for entry in body["entry"] if entry["resource"]["resourceType"] == "Patient")
    for path in (f"/Patient/{sealed}/$everything", f"/Patient/{sealed}/$detailed-care-record"):
        answer, body = got(path, clinician)
        assert answer.status_code == 200, (path, body)
for user, path in (("clinician", "/Consent"), ("privacy-officer", "/AuditEvent"), ("privacy-officer", "/Task"),
                   ("viewer-system", "/EpisodeOfCare"), ("clinician", "/ValueSet"), ("clinician", "/CodeSystem"), ("clinician", "/metadata")):
    got(path, token(user))
for line in sorted(missing):
    print("   UNTYPED", line)
print(f"   {len(seen)} elements seen, each as the document has it" if not missing else f"   {len(missing)} are not as the document has them")
sys.exit(bool(missing))
