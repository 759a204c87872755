"""Lays the resources of the golden pairs beside the collected answers, one a file. Usage: golden.py PAIRS FOLDER.

They are cut apart as text, so that every number stays as it was written.
"""

import pathlib
import re
import sys

pairs, folder = map(pathlib.Path, sys.argv[1:3])
count = 0
for path in sorted(pairs.glob("*.json")):
    for at, resource in enumerate(re.findall(r"^  \{\n.*?^  \}", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)):
        (folder / f"golden-{path.stem}-{at}.json").write_text(resource, encoding="utf-8")
        count += 1
assert count, "no golden pairs"
print(f"   {count} resources of golden pairs")
