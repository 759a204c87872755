"""Every recorded message, as sent and tampered with; and the table of what each tool said.

Usage: cases.py prepare WORK PROFILE...    writes WORK/cases and WORK/cases.tsv, the list that the judges read
       cases.py table WORK JUDGEMENTS...   prints the table; fails where a tool judged otherwise than it has to
"""

import collections
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tamper import SIGNED, certificate_of, tamperings

TOOLS = ["xmlsec1", "signxml", "zeep", "xml-crypto", "JDK", "WSS4J"]
AS_SENT = "as sent"
#: No signature is touched; the Basic Security Profile (R3029) wants the attribute, and WSS4J enforces that profile.
NOT_BSP = "EncodingType removed"


@dataclass
class Case:
    id: str
    profile: str
    message: str
    tampering: str
    accept: bool
    signed: list[str]


def messages(folder: Path, profile: str) -> list[Path]:
    kinds = ["request", "answer"] if profile == "signed-answers" else ["request"]
    return [file for kind in kinds for file in sorted(folder.glob(f"*-{kind}.xml"))]


def prepare(work: Path, profiles: list[str]) -> None:
    folder = work / "cases"
    folder.mkdir(exist_ok=True)
    cases, lines = [], []
    for profile in profiles:
        for file in messages(work / profile, profile):
            answer = file.stem.endswith("-answer")
            signed = SIGNED[profile]
            if answer:
                signed = (signed - {"wsa:From", "wsa:To"}) | {"wsa:RelatesTo"}
            text = file.read_bytes().decode()
            variants = [(AS_SENT, True, text)]
            for one in tamperings(work / "demo" / ("client.pem" if answer else "server.pem"), answer):
                # Answers have neither.
                if answer and one.name in ("To", "Username"):
                    continue
                accept = one.part is not None and one.part not in signed
                variants.append((one.name, accept, one.alter(text)))
            variants.append((NOT_BSP, True, re.sub(r' EncodingType="[^"]*"', "", text, count=1)))
            for tampering, accept, variant in variants:
                name = f"{profile}-{file.stem}-{tampering}".replace(" ", "-")
                xml, certificate = folder / f"{name}.xml", folder / f"{name}.pem"
                xml.write_bytes(variant.encode())
                certificate.write_text(certificate_of(variant))
                cases.append(Case(name, profile, file.stem, tampering, accept, sorted(signed)))
                lines.append("\t".join([name, str(xml), str(certificate), "sha1" if profile == "legacy-itk" else "-"]))
    (work / "cases.tsv").write_text("\n".join(lines) + "\n")
    (work / "cases.json").write_text(json.dumps([asdict(case) for case in cases]))
    print(f"   {len(cases)} messages, {sum(case.tampering == AS_SENT for case in cases)} of them as sent")


def table(work: Path, files: list[Path]) -> None:
    cases = {case.id: case for case in (Case(**one) for one in json.loads((work / "cases.json").read_text()))}
    wrong, judged = [], {}
    counts: dict[tuple[str, str], collections.Counter] = collections.defaultdict(collections.Counter)
    for file in files:
        for line in file.read_text().splitlines():
            tool, name, verdict, seen, reason = line.split("\t")
            case = cases[name]
            judged[tool, name] = verdict
            tally = counts[tool, case.profile]
            accept = case.accept and not (tool == "WSS4J" and case.tampering == NOT_BSP)
            key = case.tampering if case.tampering in (AS_SENT, NOT_BSP) else "unsigned" if case.accept else "tampered"
            tally[key, "of"] += 1
            if (verdict == "accepted") != accept or (verdict == "refused" and case.tampering == NOT_BSP and "R3029" not in reason):
                wrong.append(f"{tool}: {name}: {verdict} {reason}")
            elif accept and sorted(seen.split(",")) != case.signed:
                wrong.append(f"{tool}: {name}: saw signed {seen}")
            else:
                tally[key, "right"] += 1
    wrong += [f"{tool}: {name}: no judgement" for tool in TOOLS for name in cases if (tool, name) not in judged]
    print(f"   {'tool':<11} {'profile':<15} {'as sent: accepted, all':<24} {'tampered':<17} {'unsigned part':<17} token against the")
    print(f"   {'':<27} {'signed parts seen':<24} {'refused':<17} {'altered: accepted':<17} Basic Security Profile")
    for tool in TOOLS:
        for profile in dict.fromkeys(case.profile for case in cases.values()):
            tally = counts[tool, profile]
            words = [f"{tally[key, 'right']} of {tally[key, 'of']}" for key in (AS_SENT, "tampered", "unsigned", NOT_BSP)]
            words[3] += " refused" if tool == "WSS4J" else " accepted"
            print(f"   {tool:<11} {profile:<15} {words[0]:<24} {words[1]:<17} {words[2]:<17} {words[3]}")
    for profile in dict.fromkeys(case.profile for case in cases.values()):
        own = [case for case in cases.values() if case.profile == profile]
        for what, accept in [("refused", False), ("not signed", True)]:
            names = dict.fromkeys(case.tampering for case in own if case.accept is accept)
            print(f"   {profile}: {what}: {', '.join(name for name in names if name not in (AS_SENT, NOT_BSP))}")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    task, work, *rest = sys.argv[1:]
    if task == "prepare":
        prepare(Path(work), rest)
    else:
        table(Path(work), [Path(file) for file in rest])
