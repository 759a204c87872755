"""Has the real facade ask a real simulated MIG through the relay, and keeps what was on the wire, a folder a profile.

Usage: capture.py BINARY WORK PROFILE...   What a profile is, is in PROFILES.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from relay import Relay

#: How each wire profile is printed, and which of its lines are changed.
PROFILES = {
    "default": ([], {}),
    "legacy-itk": (["--legacy-itk"], {}),
    "signed-answers": ([], {"require_signed_response": "true"}),
}
#: What a reason of an override may hold, and canonical XML has opinions about.
REASON = "A & B <c> \"d\" 'e' é 𝄞 ]]> end"
NHS = "https://fhir.nhs.uk/Id/nhs-number"


class Program:
    """One of our programs, running; `words` are what it said first, by first word."""

    def __init__(self, command: list[str], log: Path, until: str) -> None:
        self.log = log.open("w")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.words: dict[str, str] = {}
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            self.words[word] = rest
            if word == until:
                break
        else:
            raise SystemExit(f"{' '.join(command)} did not start:\n{log.read_text()}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        self.process.wait(20)
        self.log.close()


def ask(url: str, token: str | None = None, body: bytes | None = None, kind: str = "application/fhir+json") -> dict | list:
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{error.code} for {url.split('?')[0]}: {error.read()[:400]!r}") from error


def override(consent: dict) -> dict:
    """The Consent of a patient who cannot be asked, from the one of a patient who was."""
    made = json.loads(json.dumps(consent))
    made["performer"] = [made["provision"]["actor"][0]["reference"]]
    made["provision"]["purpose"][0]["code"] = "BTG"
    coding = {"system": "urn:x-mig-fhir:CodeSystem:override-reason", "code": "Emergency"}
    extension = {"url": "urn:x-mig-fhir:StructureDefinition:override-reason"}
    made["extension"] = [extension | {"valueCodeableConcept": {"coding": [coding], "text": REASON}}]
    return made


def ask_facade(base: str, token: str, person: dict, consent: dict) -> None:
    consent["dateTime"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    ask(f"{base}/Consent", token, json.dumps(consent).encode())
    query = urllib.parse.urlencode({"patient.identifier": f"{NHS}|{person['nhs_number']}"})
    found = ask(f"{base}/AllergyIntolerance?{query}", token)
    assert found["resourceType"] == "Bundle" and found["total"] > 0, "no record came through the relay"


def capture(binary: str, folder: Path, out: Path, profile: str, token: str, people: dict[str, dict]) -> None:
    words, changes = PROFILES[profile]
    command = [binary, "check", "--print-wire-profile", *words]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for key, value in changes.items():
        printed, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", printed, flags=re.M)
        assert count == 1, f"{key} is not in the wire profile"
    out.mkdir(parents=True, exist_ok=True)
    wire = out / "wire-profile.toml"
    wire.write_text(printed)
    relay = Relay(folder)
    settings = {
        "listen": "127.0.0.1:0",
        "certificate": str(folder / "server.pem"),
        "key": str(folder / "server.key"),
        "client_ca": str(folder / "ca.pem"),
        "wire_profile": str(wire),
        "own_urls": [relay.url],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (out / "simulate.toml").write_text("\n".join([*lines, "[speakers]", '"facade.demo.invalid" = ["RX001"]', ""]))
    text = (folder / "config.toml").read_text()
    gateway = f'[gateway]\nwire_profile = "{wire}"\nresponse_ca = "{folder / "ca.pem"}"\n'
    text = re.sub(r"^endpoint = .*$", f'endpoint = "{relay.url}"', text, flags=re.M).replace("[gateway]\n", gateway)
    (out / "serve.toml").write_text(text)

    mig = Program([binary, "simulate", "--config", str(out / "simulate.toml")], out / "simulate.log", "mig")
    relay.upstream = int(urllib.parse.urlsplit(mig.words["mig"]).port)
    facade = Program([binary, "serve", "--config", str(out / "serve.toml")], out / "serve.log", "ready")
    try:
        base = facade.words["ready"]
        for name, person in people.items():
            before = len(relay.exchanges)
            ask_facade(base, token, person, person["consent"] if name == "asked" else override(person["consent"]))
            locate, view, *_ = relay.exchanges[before:]
            assert b"locatePatientRequest" in locate.request and b"getDetailedCareRecordRequest" in view.request
            assert {exchange.status for exchange in relay.exchanges[before:]} == {200}
            for kind, exchange in [("locate", locate), ("view", view)]:
                (out / f"{name}-{kind}-request.xml").write_bytes(exchange.request)
                (out / f"{name}-{kind}-answer.xml").write_bytes(exchange.answer)
    finally:
        facade.stop()
        mig.stop()
        relay.close()


def main() -> None:
    binary, work, *profiles = sys.argv[1:]
    work = Path(work)
    folder = work / "demo"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Makes certificates, keys, agreements and relationships, and gives the token; then the facade is a `serve` of its own.
    demo = Program([binary, "demo", "--listen", "127.0.0.1:0", "--data", str(folder)], work / "demo.log", "ready")
    root = demo.words["ready"].rsplit("/FHIR/", 1)[0]
    answer = ask(f"{root}/demo/token", body=b"user=clinician", kind="application/x-www-form-urlencoded")
    people = {person["scenario"]: person for person in ask(f"{root}/demo/patients")}
    demo.stop()
    start = time.monotonic()
    for profile in profiles:
        asked = {"asked": people["rich"], "overridden": people["vision"]}
        capture(binary, folder, work / profile, profile, answer["access_token"], asked)
    print(f"   the facade's own requests recorded in {', '.join(profiles)} ({time.monotonic() - start:.1f} s)")


main()
