"""What HL7's validator cannot see, asserted over the collected answers. Usage: rules.py FOLDER.

con-3 as R4 meant it, check digits of NHS numbers and SNOMED CT identifiers, systems of codings and identifiers, and what holds a
searchset or a document together.
"""

import json
import pathlib
import re
import sys

NHS = "https://fhir.nhs.uk/Id/nhs-number"
SNOMED = "http://snomed.info/sct"
# Every system that an identifier of ours may have: a misspelt one is otherwise just another identifier.
IDENTIFIERS = {
    NHS,
    "https://fhir.nhs.uk/Id/ods-organization-code",
    "https://fhir.nhs.uk/Id/sds-user-id",
    "https://fhir.nhs.uk/Id/sds-role-profile-id",
    "https://fhir.hl7.org.uk/Id/gphc-number",
    "https://fhir.hl7.org.uk/Id/gmc-number",
    "https://fhir.hl7.org.uk/Id/gmp-number",
    "https://fhir.hl7.org.uk/Id/nmc-number",
    "https://fhir.nhs.uk/Id/UBRN",
    "urn:ietf:rfc:3986",
    "urn:x-demo:spell",
}
# Elements of type Coding, or holding them.
CODINGS = {"coding", "security", "tag", "purpose", "securityLabel", "valueCoding", "class", "type", "subtype", "role"}
DIHEDRAL = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
TURN = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def is_nhs_number(text):
    """Modulus 11."""
    if not re.fullmatch(r"\d{10}", text):
        return False
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1))) % 11
    return rest != 10 and int(text[9]) == rest % 11


def is_concept(text):
    """An SCTID of a concept: 6 to 18 digits, partition 00 or 10, Verhoeff."""
    if not re.fullmatch(r"[1-9]\d{5,17}", text) or text[-3:-1] not in ("00", "10"):
        return False
    state = 0
    for place, digit in enumerate(reversed(text)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = TURN[turned]
        state = DIHEDRAL[state][turned]
    return state == 0


def has(concept, system, code):
    return any(coding.get("system") == system and coding.get("code") == code for coding in concept.get("coding", []))


def condition(resource):
    """con-3: a problem list item has a clinical status, unless it was entered in error."""
    listed = any(
        has(category, "http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")
        for category in resource.get("category", [])
    )
    wrong = has(
        resource.get("verificationStatus", {}), "http://terminology.hl7.org/CodeSystem/condition-ver-status", "entered-in-error"
    )
    if listed and not wrong and "clinicalStatus" not in resource:
        yield "a problem list item without clinical status (con-3)"
    if wrong and "clinicalStatus" in resource:
        yield "entered in error, yet with a clinical status (con-5)"


def searchset(bundle):
    entries = bundle.get("entry", [])
    urls = [entry["fullUrl"] for entry in entries]
    if len(set(urls)) != len(urls):
        yield "two entries of one Bundle have the same full URL"
    for entry in entries:
        resource = entry["resource"]
        if entry["search"]["mode"] == "outcome":
            if any(issue["severity"] in ("error", "fatal") for issue in resource["issue"]):
                yield "an error in an answer that is none"
        elif not entry["fullUrl"].endswith(f"/{resource['resourceType']}/{resource['id']}"):
            yield "a full URL that is not the resource's"
    patients = {entry["resource"]["id"] for entry in entries if entry["resource"]["resourceType"] == "Patient"}
    if len(patients) > 1:
        yield "two patients in one Bundle"
    relations = [link["relation"] for link in bundle.get("link", [])]
    if "self" not in relations:
        yield "no self link"
    matches = sum(entry["search"]["mode"] == "match" for entry in entries)
    paged = "next" in relations or any("_page=" in link["url"] for link in bundle.get("link", []))
    if not paged and bundle.get("total", matches) != matches:
        yield "the total is not the number of matches"
    for link in bundle.get("link", []):
        if any(is_nhs_number(digits) for digits in re.findall(r"(?<!\d)\d{10}(?!\d)", link["url"])):
            yield "an NHS number in a link"


def document(bundle):
    """bdl-9 to bdl-11, and that it is whole: every reference leads to an entry, and every entry is referred to."""
    entries = bundle.get("entry", [])
    urls = [entry["fullUrl"] for entry in entries]
    if len(set(urls)) != len(urls):
        yield "two entries of one document have the same full URL"
    if not bundle.get("identifier", {}).get("system") or not bundle["identifier"].get("value"):
        yield "a document without identifier (bdl-9)"
    if "timestamp" not in bundle:
        yield "a document without date (bdl-10)"
    if not entries or entries[0]["resource"]["resourceType"] != "Composition":
        yield "a document that does not begin with its Composition (bdl-11)"
    if any(name in entry for entry in entries for name in ("search", "request", "response")) or "total" in bundle:
        yield "a document that says what only other Bundles may (bdl-1 to bdl-4)"
    base = next((url.rsplit("/", 2)[0] for url in urls if not url.startswith("urn:")), "")
    led_to = set(urls[:1])
    for entry in entries:
        for reference in references(entry["resource"]):
            whole = reference if ":" in reference else f"{base}/{reference}"
            if ":" not in reference and entry["fullUrl"].startswith("urn:"):
                yield "a relative reference from what is named by UUID"
            if whole not in urls:
                yield f"a reference out of the document: {reference.split('/')[0]}"
            led_to.add(whole)
    if set(urls) - led_to:
        yield "an entry that nothing in the document refers to"
    for section in sections(entries[0]["resource"] if entries else {}):
        if not any(section.get(name) for name in ("text", "entry", "section")):
            yield "a section of nothing (cmp-1)"
        if "emptyReason" in section and "entry" in section:
            yield "a reason of emptiness beside entries (cmp-2)"
        for reason in section.get("emptyReason", {}).get("coding", []):
            if reason.get("code") in ("nilknown", "withheld"):
                yield "a section that claims to know why it is empty"


def sections(node):
    for section in node.get("section", []):
        yield section
        yield from sections(section)


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


def coding(name, value):
    system, code = value.get("system"), value.get("code")
    if code is not None and not system:
        yield f"a coding without system in {name}"
    if system and ":" not in system:
        yield f"a system that is no absolute URI in {name}"
    if system == SNOMED and code is not None and not is_concept(code):
        yield f"no SNOMED CT concept id in {name}: {code}"


def faults(node, name="", kind=""):
    """What is wrong with a node and all below it."""
    if isinstance(node, list):
        for item in node:
            yield from faults(item, name, kind)
    if not isinstance(node, dict):
        return
    kind = node.get("resourceType", kind)
    if node.get("resourceType") == "Condition":
        yield from condition(node)
    if node.get("resourceType") == "Bundle":
        yield from (document if node.get("type") == "document" else searchset)(node)
    if name in CODINGS and "resourceType" not in node and "coding" not in node:
        yield from coding(name, node)
    if name in ("identifier", "valueIdentifier"):
        # BALP names clients and requests by a value alone.
        bare = kind == "AuditEvent" and "system" not in node
        if "value" in node and not bare and node.get("system") not in IDENTIFIERS:
            yield f"an identifier of an unknown system: {node.get('system')}"
        if node.get("system") == NHS and not is_nhs_number(node.get("value", "")):
            yield "an NHS number whose check digit is wrong"
    for member, value in node.items():
        if value in ("", [], {}, None):
            yield f"nothing in {member}"
        yield from faults(value, member, kind)


def the_rules_bite():
    """Each rule must find its own planted defect; a rule that finds nothing is none."""
    listed = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}
    good = {"resourceType": "Condition", "category": [listed], "clinicalStatus": {"text": "active"}}
    made, named = {"resourceType": "Composition", "id": "1"}, {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"}
    whole = {"resourceType": "Bundle", "type": "document", "timestamp": "x", "identifier": named}
    assert not list(faults(whole | {"entry": [{"fullUrl": "urn:uuid:1", "resource": made}]}))
    bad = [
        {"resourceType": "Condition", "category": [listed]},
        {"identifier": [{"system": NHS, "value": "9990151058"}]},
        {"identifier": [{"system": NHS.replace("-", "_"), "value": "9990151059"}]},
        {"code": {"coding": [{"system": SNOMED, "code": "38341004"}]}},
        {"code": {"coding": [{"system": SNOMED, "code": "751689013"}]}},
        {"code": {"coding": [{"code": "38341003"}]}},
        {"code": {"coding": [{"system": "snomed", "code": "38341003"}]}},
        {"resourceType": "Bundle", "entry": [], "link": [{"relation": "self", "url": "http://x/?a=9990151059"}]},
        {"resourceType": "Bundle", "type": "document", "timestamp": "x", "entry": [{"fullUrl": "urn:uuid:1", "resource": made}]},
        {"resourceType": "Bundle", "type": "document", "timestamp": "x", "identifier": named, "entry": [
            {"fullUrl": "urn:uuid:1", "resource": made | {"subject": {"reference": "http://x/Patient/1"}}}]},
        {"resourceType": "Bundle", "type": "document", "timestamp": "x", "identifier": named, "entry": [
            {"fullUrl": "urn:uuid:1", "resource": made | {"section": [{"title": "Empty"}]}}]},
    ]
    assert not list(faults(good)) and not list(faults({"code": {"coding": [{"system": SNOMED, "code": "38341003"}]}}))
    for planted in bad:
        assert list(faults(planted)), planted


def main():
    the_rules_bite()
    found, files = {}, sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
    assert files, "nothing collected"
    for file in files:
        for fault in faults(json.loads(file.read_text(encoding="utf-8"))):
            found.setdefault(fault, []).append(file.name)
    for fault, places in sorted(found.items()):
        print(f"   FAULT, {len(places)} times: {fault}; first in {places[0]}")
    print(f"   {len(files)} files hold to the rules that a validator cannot know" if not found else "   rules broken")
    sys.exit(1 if found else 0)


main()
