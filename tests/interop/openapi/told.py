"""What schemathesis did, from its event files, and whether it was all: every operation of the document was called.

Usage: told.py DOCUMENT EVENTS...
"""
import collections
import json
import pathlib
import sys

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
paths = json.loads(pathlib.Path(sys.argv[1]).read_text())["paths"]
wanted = {f"{method.upper()} {path}" for path, item in paths.items() for method in item if method in METHODS}
cases, accepted, statuses, checks, names = collections.Counter(), set(), collections.Counter(), 0, set()
for file in sys.argv[2:]:
    for line in pathlib.Path(file).read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        label = recorder.get("label")
        cases[label] += len(recorder.get("cases", {}))
        for done in recorder.get("checks", {}).values():
            checks += len(done)
            names |= {check["name"] for check in done}
        for interaction in recorder.get("interactions", {}).values():
            status = (interaction.get("response") or {}).get("status_code", 0)
            statuses[status // 100] += 1
            if status // 100 == 2:
                accepted.add(label)
never = sorted(label for label in wanted if not cases[label])
refused = sorted(wanted - accepted)
print(f"   {len(wanted)} operations, {sum(cases.values())} cases, {checks} checks of {len(names)} kinds, nothing found")
print("   answers: " + ", ".join(f"{count} of {status}xx" for status, count in sorted(statuses.items())))
print("".join(f"   never called: {label}\n" for label in never), end="")
print("".join(f"   never accepted: {label}\n" for label in refused), end="")
sys.exit(bool(never or statuses[5]))
