"""Every operation of the document is a function of each generated client.

Usage: covered.py DOCUMENT API.TS PYTHON_CLIENT JAVA_API
"""
import json
import pathlib
import re
import sys

document, typescript, python, java = (pathlib.Path(argument) for argument in sys.argv[1:])
paths = json.loads(document.read_text())["paths"]
METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
ids = {one["operationId"] for item in paths.values() for method, one in item.items() if method in METHODS}


def plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


text = typescript.read_text()
in_typescript = {plain(name) for name in re.findall(r'operations\["(\w+)"\]', text)}
in_python = {plain(path.stem) for path in python.glob("api/*/*.py") if path.stem != "__init__"}
in_java = {plain(name) for path in java.glob("*.java") for name in re.findall(r"public \S+ (\w+)\(", path.read_text())}
lost = [
    f"{name} is not in {where}"
    for where, known in (("TypeScript", in_typescript), ("Python", in_python), ("Java", in_java))
    for name in sorted(ids)
    if plain(name) not in known
]
print("\n".join(lost) or f"   {len(ids)} operations on {len(paths)} routes, in each of three clients")
sys.exit(bool(lost))
