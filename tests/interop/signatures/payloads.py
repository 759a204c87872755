"""xmllint over the payload of every request and answer seen: the facade's, the simulator's and the other signers'.

Usage: payloads.py BINARY WORK   The schema is what `check --print-schema` prints, and ../shared/mig-dcr-v1.xsd where it is.
"""

import collections
import subprocess
import sys
from pathlib import Path

from lxml import etree

DCR = "urn:x-mig-facade:dcr:v1"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "mig-dcr-v1.xsd"


def broken(payload: etree._Element, how: str) -> etree._Element:
    """One that no schema of this wire may pass."""
    copy = etree.fromstring(etree.tostring(payload))
    header, content = copy
    match how:
        case "no requestId":
            header.remove(header.find(f"{{{DCR}}}requestId"))
        case "a created without Z":
            created = header.find(f"{{{DCR}}}created")
            created.text = created.text.rstrip("Z")
        case "another order":
            header.append(header[0])
        case "an element of ours too many":
            etree.SubElement(content, f"{{{DCR}}}surprise")
        case "an empty attribute":
            next(header.iter(f"{{{DCR}}}sourceOrganisation")).set("odsCode", "")
    return copy


BROKEN = ["no requestId", "a created without Z", "another order", "an element of ours too many", "an empty attribute"]


def valid(schema: Path, files: list[Path]) -> set[Path]:
    """Those that xmllint says are valid. It judges a file a line, whatever it thinks of the others."""
    done = subprocess.run(["xmllint", "--noout", "--schema", schema, *files], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return {file for file in files if f"{file} validates" in lines}


def main() -> None:
    binary, work = sys.argv[1], Path(sys.argv[2])
    folder = work / "payloads"
    folder.mkdir(exist_ok=True)
    printed = folder / "printed.xsd"
    printed.write_bytes(subprocess.run([binary, "check", "--print-schema"], check=True, capture_output=True).stdout)
    good, bad, kinds = [], [], collections.Counter()
    recorded = [*work.glob("*/*-request.xml"), *work.glob("*/*-answer.xml")]
    for file in sorted(file for file in recorded if file.parent.name != "cases"):
        payload = etree.parse(file).find(f".//{{urn:nhs-itk:ns:201005}}payload/{{{DCR}}}*")
        name = folder / f"{file.parent.name}-{file.stem}"
        kinds[etree.QName(payload).localname] += 1
        good.append(name.with_suffix(".xml"))
        good[-1].write_bytes(etree.tostring(payload))
        for how in BROKEN:
            bad.append(name.with_name(f"{name.name}-{how.replace(' ', '-')}.xml"))
            bad[-1].write_bytes(etree.tostring(broken(payload, how)))
    assert len(kinds) == 4, kinds
    for schema in [printed, SHARED]:
        if not schema.is_file():
            print(f"   SKIP: {schema} is not there")
            continue
        passed = valid(schema, good + bad)
        wrong = [f"refused: {file}" for file in good if file not in passed]
        wrong += [f"accepted: {file}" for file in bad if file in passed]
        if wrong:
            raise SystemExit("\n".join(wrong))
        title = "the schema printed" if schema == printed else "the shared schema"
        print(f"   {title}: {len(good)} payloads valid, {len(bad)} broken ones refused; {dict(kinds)}")


main()
