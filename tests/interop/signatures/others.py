"""Requests signed by other people's tools, put to the running demo's simulated MIG.

Usage: others.py BINARY WORK DATA DEMO BUILD   DATA is the demo's folder, DEMO the file of what it said at its start

Each signer's request is sent tampered with first, in every way, each of which has to give fault 3000; then as signed,
which has to give an answer, and so shows that it was the tampering; then again, which is a replay: 3000.
"""

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from lxml import etree

from relay import post
from tamper import tamperings
from zeepclient import SERVICE, USERNAME, Client, utc

DCR = "{urn:x-mig-facade:dcr:v1}"
OPENHR = "{http://www.e-mis.com/emisopen}openHealthRecord"
WSA = "http://www.w3.org/2005/08/addressing"


def with_from(message: bytes) -> bytes:
    """zeep sends no From; these two do."""
    root = etree.fromstring(message)
    sender = etree.SubElement(root[0], f"{{{WSA}}}From", nsmap={"wsa": WSA})
    etree.SubElement(sender, f"{{{WSA}}}Address").text = "urn:nhs-uk:addressing:ods:RX001"
    return etree.tostring(root)


def outcome(answer: bytes) -> str:
    """Fault code or outcome, and whether there is a record."""
    root = etree.fromstring(answer)
    code = root.find(".//{urn:nhs-itk:ns:201005}ErrorCode")
    if code is not None:
        return f"fault {code.text.strip()}"
    record = " with a record" if root.find(f".//{DCR}record/{OPENHR}") is not None else ""
    return root.find(f".//{DCR}outcome").get("code") + record


def signed_by_others(work: Path, data: Path, client: Client, practice: str, number: str, node: list, java: list) -> dict:
    """Messages by signer and question: the tools read files and write files."""
    made: dict[tuple[str, str], bytes] = {}
    lists: dict[str, list[str]] = {"xml-crypto": [], "WSS4J": []}
    for signer, lines in lists.items():
        for question, place in [("locate", None), ("view", practice)]:
            created = datetime.now(timezone.utc).replace(microsecond=0)
            unsigned, signed = work / f"{signer}-{question}-unsigned.xml", work / f"{signer}-{question}-request.xml"
            unsigned.write_bytes(with_from(client.unsigned(place, number, created)))
            lines.append("\t".join([str(unsigned), str(signed), utc(created), utc(created + timedelta(minutes=5)), USERNAME]))
    for signer, command in [("xml-crypto", node), ("WSS4J", java)]:
        listed = work / f"{signer}.tsv"
        listed.write_text("\n".join(lists[signer]) + "\n")
        words = ["sign", str(listed), str(data)]
        last = [f"-Dexec.args={' '.join(words)}"] if signer == "WSS4J" else words
        done = subprocess.run([*command, *last], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        for question in ("locate", "view"):
            made[signer, question] = (work / f"{signer}-{question}-request.xml").read_bytes()
    return made


def main() -> None:
    binary, work, data, demo, build = sys.argv[1:]
    work, data, here = Path(work) / "others", Path(data), Path(__file__).parent
    work.mkdir(exist_ok=True)
    said = dict(line.split(" ", 1) for line in Path(demo).read_text().splitlines() if " " in line)
    mig = said["mig"]
    with urllib.request.urlopen(said["ready"].rsplit("/FHIR/", 1)[0] + "/demo/patients", timeout=10) as people:
        number = next(person["nhs_number"] for person in json.load(people) if person["scenario"] == "rich")
    port = urllib.parse.urlsplit(mig).port
    schema = subprocess.run([binary, "check", "--print-schema"], check=True, capture_output=True, text=True).stdout

    client = Client(data, mig, schema, work / "wsdl")
    validator = etree.XMLSchema(etree.fromstring(schema.encode()))
    answer, envelope = client.ask(None, number)
    location = answer.locatePatientResponse.serviceContent.location
    practice = location.practice.odsCode
    (work / "zeep-client-locate-answer.xml").write_bytes(etree.tostring(envelope))
    validator.assertValid(envelope.find(f".//{DCR}locatePatientResponse"))
    answer, envelope = client.ask(practice, number)
    content = answer.getDetailedCareRecordResponse.serviceContent
    record = content.record._value_1
    assert content.outcome.code == "MIG-0000" and record.tag == OPENHR, content.outcome
    (work / "zeep-client-view-answer.xml").write_bytes(etree.tostring(envelope))
    validator.assertValid(envelope.find(f".//{DCR}getDetailedCareRecordResponse"))
    entries = len(record.findall(".//{*}healthDomain/*"))
    assert entries > 0
    print(f"   zeep, a SOAP client of its own: {location.system.supplier} at {practice}, a {content.record.view} of {entries} entries, valid by lxml")

    node = ["node", str(here / "xmlcrypto.mjs"), f"{build}/node"]
    java = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(here / "java" / "pom.xml"), f"-Dbuilt={build}/java", "exec:java"]
    messages = signed_by_others(work, data, client, practice, number, node, java)
    for question, place in [("locate", None), ("view", practice)]:
        messages["zeep", question] = client.write(place, number)
        (work / f"zeep-{question}-request.xml").write_bytes(messages["zeep", question])

    print("   signer      question  Security's children                                                tampered: 3000  as signed                again")
    for (signer, question), message in sorted(messages.items()):
        text = message.decode()
        order = [etree.QName(child).localname for child in etree.fromstring(message).find(".//{*}Security")]
        refused = 0
        for one in tamperings(data / "server.pem"):
            if one.name == "From" and not re.search(r"<(?:[\w.-]+:)?From\b", text):
                continue
            status, answer = post(data, port, one.alter(text).encode(), SERVICE)
            assert (status, outcome(answer)) == (500, "fault 3000"), f"{signer} {question} {one.name}: {status} {outcome(answer)}"
            refused += 1
        status, answer = post(data, port, message, SERVICE)
        wanted = "MIG-0000" if question == "locate" else "MIG-0000 with a record"
        assert (status, outcome(answer)) == (200, wanted), f"{signer} {question}: {status} {outcome(answer)}"
        (work / f"{signer}-{question}-answer.xml").write_bytes(answer)
        status, again = post(data, port, message, SERVICE)
        assert (status, outcome(again)) == (500, "fault 3000"), f"{signer} {question} again: {outcome(again)}"
        print(f"   {signer:<11} {question:<9} {' '.join(order):<66} {refused} of {refused}        {wanted:<24} 3000")


main()
