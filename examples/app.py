"""Token, consent, read, page and a refusal, with Python's standard library alone: python3 app.py BASE"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = sys.argv[1].rstrip("/")
ROOT = BASE.removesuffix("/FHIR/R4")
FHIR = "application/fhir+json"
NHS = "https://fhir.nhs.uk/Id/nhs-number"


class Refused(Exception):
    """An OperationOutcome; its last coding is the reason to act on."""

    def __init__(self, status: int, outcome: dict):
        issue = outcome["issue"][0]
        self.status = status
        self.code = issue["details"]["coding"][-1]["code"]
        super().__init__(f"{status} {self.code}")


def send(url: str, token: str | None = None, body: bytes | None = None, kind: str = FHIR):
    headers = {"Accept": FHIR if "/FHIR/" in url else "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = kind
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.load(error)) from None


def form(url: str, token: str | None = None, **fields: str):
    """By POST, so that no NHS number stands in a URL."""
    return send(url, token, urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded")


def pages(bundle: dict, token: str):
    while True:
        for entry in bundle.get("entry", []):
            if entry["search"]["mode"] == "match":
                yield entry["resource"]
        following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
        if following is None:
            return
        bundle = send(following, token)


def main() -> None:
    token = form(f"{ROOT}/demo/token", user="clinician")["access_token"]
    person = next(p for p in send(f"{ROOT}/demo/patients") if p["scenario"] == "rich")
    consent = send(f"{BASE}/Consent", token, json.dumps(person["consent"]).encode())
    print("consent", consent["status"])

    who = f"{NHS}|{person['nhs_number']}"
    patient = next(pages(form(f"{BASE}/Patient/_search", token, identifier=who), token))
    again = send(f"{BASE}/Patient/{patient['id']}", token)
    print("patient read again by id:", again["id"] == patient["id"])

    first = form(f"{BASE}/Observation/_search", token, patient=patient["id"], _count="7")
    seen = [observation["id"] for observation in pages(first, token)]
    assert len(seen) == len(set(seen)) == first["total"], (len(seen), first["total"])
    print("observations, by sevens:", len(seen))

    receptionist = form(f"{ROOT}/demo/token", user="receptionist")["access_token"]
    try:
        form(f"{BASE}/Condition/_search", receptionist, patient=patient["id"])
        raise SystemExit("a receptionist was not refused")
    except Refused as refused:
        print("refused:", refused)
        assert (refused.status, refused.code) == (403, "ROLE")


main()
