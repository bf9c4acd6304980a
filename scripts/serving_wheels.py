"""Writes src/modelwright/serving/packaging/wheels.json: the sha256 of every wheel that a bundle's lock may install.

    python scripts/serving_wheels.py            # asks the registry, writes the table
    python scripts/serving_wheels.py --check    # asks the registry, says what differs

The packages are those that serving imports, in the versions of constraints.txt; the hashes are what the registry's
simple index says. Run it whenever one of those versions changes. A bundle is then locked without any network.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from modelwright.serving.packaging.lock import RUNTIMES, TABLE, normal, serving_packages

INDEX = "https://pypi.org/simple"
ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {  # what the lock calls it: how a wheel's platform tag looks
    "Linux x86_64": r"manylinux\w*x86_64",
    "Linux aarch64": r"manylinux\w*aarch64",
    "macOS arm64": r"macosx_\w+_arm64",
}
LINK = re.compile(r'href="[^"]*#sha256=([0-9a-f]{64})"[^>]*>\s*([^<\s]+\.whl)\s*<')


def table(index: str = INDEX) -> dict[str, object]:
    """What the file should hold."""
    versions = pinned()
    names = sorted({*serving_packages(), *RUNTIMES})
    return {
        "pythons": list(PYTHONS),
        "platforms": list(PLATFORMS),
        "packages": {
            name: {"version": versions[name], "wheels": wheels(index, name, versions[name])} for name in names
        },
    }


def pinned() -> dict[str, str]:
    """The versions of constraints.txt, by normal name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {normal(name): version for name, version in pairs}


def wheels(index: str, name: str, version: str) -> dict[str, str]:
    """File name to sha256 of the wheels that fit one of our Pythons on one of our platforms."""
    with urlopen(Request(f"{index}/{name}/", headers={"Accept": "text/html"}), timeout=60) as answer:
        found = {file: digest for digest, file in LINK.findall(answer.read().decode())}
    kept = {file: found[file] for file in sorted(found) if file.split("-")[1] == version and fits(file)}
    if not kept:
        raise SystemExit(f"{index} has no wheel of {name} {version}")
    return kept


def fits(file: str) -> bool:
    """By its tags: `name-version-python-abi-platform.whl`."""
    python, abi, platform = file.removesuffix(".whl").split("-")[-3:]
    ours = {f"cp{version.replace('.', '')}" for version in PYTHONS}
    interpreter = bool(ours & set(python.split(".")) and abi in ours) or abi == "abi3" or "py3" in python.split(".")
    place = platform == "any" or any(re.search(pattern, platform) for pattern in PLATFORMS.values())
    return interpreter and place


def main() -> int:
    content = json.dumps(table(), indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        same = TABLE.is_file() and TABLE.read_text("utf-8") == content
        print("up to date" if same else f"differs: {TABLE}")
        return 0 if same else 1
    TABLE.write_text(content, "utf-8")
    print(TABLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
