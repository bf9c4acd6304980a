"""`requirements.lock`: the packages that serving imports and no others, with the sha256 of every wheel that will do.

The hashes come from a table that ships with modelwright (scripts/serving_wheels.py makes it from the registry), so
that locking needs no network. A version that the table does not know, in an environment of the user's own choice,
leaves the lock without hashes, and the lock says so: pip takes all of them or none.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from modelwright.core.errors import ResourceError

Device = Literal["cpu", "cuda"]

DIRECT = ("httptools", "msgspec", "numpy", "pyarrow", "uvicorn", "uvloop")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
RUNTIME_OF: Mapping[Device, str] = {"cpu": "onnxruntime", "cuda": "onnxruntime-gpu"}
TABLE = Path(__file__).with_name("wheels.json")

HEADER = """\
# What serving this bundle imports, and nothing else; the versions that it was exported with. In the bundle's folder:
#   python -m venv ENV && ENV/bin/python -m pip install --no-deps -r requirements.lock
#   ENV/bin/python -m modelwright.serving --bundle .
"""


@dataclass(frozen=True)
class Lock:
    """`unknown`: packages in a version of which no hashes are known; with any of them the lock has none at all."""

    text: str
    versions: Mapping[str, str]
    unknown: tuple[str, ...]

    @property
    def hashed(self) -> bool:
        return not self.unknown


def requirements_lock(wheel_name: str, wheel_digest: str, device: Device = "cpu") -> Lock:
    """The lock of everything that serving imports, as installed here, and of modelwright's own wheel beside it."""
    versions = serving_packages(device)
    known = wheel_table()["packages"]
    unknown = tuple(name for name, version in versions.items() if known.get(name, {}).get("version") != version)
    lines = []
    for name, version in versions.items():
        digests = [] if unknown else sorted(set(known[name]["wheels"].values()))
        lines.append(_line(f"{name}=={version}", digests))
    lines.append(_line(f"./{wheel_name}", [] if unknown else [wheel_digest]))
    return Lock(HEADER + _about_hashes(unknown) + "".join(lines), versions, unknown)


def serving_packages(device: Device = "cpu") -> dict[str, str]:
    """Name to version, sorted: what serving imports with all that it requires, and one build of ONNX Runtime."""
    installed = next((name for name in RUNTIMES if _version(name)), None)
    if installed is None:
        raise ResourceError("onnxruntime is not installed", hint="install modelwright with its dependencies")
    found: dict[str, str] = {}
    waiting = [*DIRECT, installed]
    while waiting:
        name = waiting.pop()
        version = _version(name)
        if version is None or name in found:
            continue
        found[name] = version
        waiting += required_by(name)
    found[RUNTIME_OF[device]] = found.pop(installed)
    return {name: found[name].partition("+")[0] for name in sorted(found)}


def required_by(name: str) -> list[str]:
    """The packages that an installed one requires on this Python and system, without its extras."""
    from packaging.requirements import Requirement

    required = [Requirement(line) for line in distribution(name).requires or ()]
    return [normal(each.name) for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]


def normal(name: str) -> str:
    """A package's name as the registry has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def wheel_table() -> dict[str, Any]:
    """`pythons` and `platforms` that the hashes are for; `packages`: name to version and wheels."""
    content: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return content


def _about_hashes(unknown: tuple[str, ...]) -> str:
    if unknown:
        return f"# No hashes: none are known of the versions here of {', '.join(unknown)}.\n"
    table = wheel_table()
    pythons, platforms = ", ".join(table["pythons"]), ", ".join(table["platforms"])
    return f"# The hashes are of wheels for Python {pythons} on {platforms}.\n"


def _line(requirement: str, digests: list[str]) -> str:
    return " \\\n    ".join([requirement, *(f"--hash=sha256:{digest}" for digest in digests)]) + "\n"


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None
