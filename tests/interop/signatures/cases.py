"""Every recorded message, as sent and tampered with; and the table of what each tool said.

Usage: cases.py prepare WORK PROFILE...    writes WORK/cases and WORK/cases.tsv, the list that the judges read
       cases.py table WORK JUDGEMENTS...   prints the table; fails where a tool judged otherwise than it has to
"""

import collections
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tamper import SIGNED, certificate_of, tamperings

TOOLS = ["xmlsec1", "signxml", "zeep", "xml-crypto", "JDK", "WSS4J"]
AS_SENT = "as sent"


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
            signed = {"wsu:Timestamp"} if profile == "legacy-itk" else set(SIGNED[profile])
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
            key = AS_SENT if case.tampering == AS_SENT else "tampered" if not case.accept else "unsigned part"
            tally[key, "of"] += 1
            if (verdict == "accepted") != case.accept:
                wrong.append(f"{tool}: {name}: {verdict} {reason}")
            elif case.accept and sorted(seen.split(",")) != case.signed:
                wrong.append(f"{tool}: {name}: saw signed {seen}")
            else:
                tally[key, "right"] += 1
    wrong += [f"{tool}: {name}: no judgement" for tool in TOOLS for name in cases if (tool, name) not in judged]
    print("   tool        profile         accepted, seen signed as it is   tampered: refused   unsigned part altered: accepted")
    for tool in TOOLS:
        for profile in dict.fromkeys(case.profile for case in cases.values()):
            tally = counts[tool, profile]
            words = [f"{tally[key, 'right']} of {tally[key, 'of']}" for key in (AS_SENT, "tampered", "unsigned part")]
            print(f"   {tool:<11} {profile:<15} {words[0]:<32} {words[1]:<19} {words[2]}")
    for profile in dict.fromkeys(case.profile for case in cases.values()):
        own = [case for case in cases.values() if case.profile == profile]
        refused = ", ".join(dict.fromkeys(case.tampering for case in own if not case.accept))
        print(f"   {profile}: signed {', '.join(own[0].signed)}; refused: {refused}")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    task, work, *rest = sys.argv[1:]
    if task == "prepare":
        prepare(Path(work), rest)
    else:
        table(Path(work), [Path(file) for file in rest])
