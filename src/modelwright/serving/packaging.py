"""What makes a bundle run elsewhere: a lock of only what serving imports, this package as a wheel, a Dockerfile."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import modelwright
from modelwright.core.errors import ResourceError, SpecError

DIRECT = ("httptools", "msgspec", "numpy", "pyarrow", "uvicorn", "uvloop")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
IMAGE = re.compile(
    r"[a-z0-9][a-z0-9._/:@-]{0,254}"
)  # a container image; nothing that a shell or Docker would read otherwise
NAME = re.compile(r"[A-Za-z0-9._-]+")
LEFT_OUT = ("__pycache__",)
THE_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's own first day, so that equal files make equal wheels

DOCKERFILE = """\
# docker build -t {name} . && docker run -p 8080:8080 -e MODELWRIGHT_TOKEN={name}-secret {name}
FROM {base}
WORKDIR /bundle
COPY requirements.lock {wheel} ./
RUN python -m pip install --no-cache-dir --no-deps -r requirements.lock ./{wheel}
COPY . ./
USER 10001:10001
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health/ready')"]
ENTRYPOINT ["python", "-m", "modelwright.serving", "--bundle", "/bundle", "--host", "0.0.0.0", "--port", "8080"]
"""


def requirements_lock() -> str:
    """`name==version` of everything that serving imports, as installed here; the CPU build of ONNX Runtime."""
    runtime = next((name for name in RUNTIMES if _version(name)), None)
    if runtime is None:
        raise ResourceError("onnxruntime is not installed", hint="install modelwright with its dependencies")
    found: dict[str, str] = {}
    waiting = [*DIRECT, runtime]
    while waiting:
        name = waiting.pop()
        version = _version(name)
        if version is None or name in found:
            continue
        found[name] = version
        waiting += _needed_by(name)
    found["onnxruntime"] = found.pop(runtime)
    return "".join(f"{name}=={found[name].partition('+')[0]}\n" for name in sorted(found))


def wheel() -> tuple[str, bytes]:
    """This package as an installable file: its name and content. Equal sources give equal bytes."""
    version = modelwright.__version__
    root = Path(modelwright.__file__).parent
    information = f"modelwright-{version}.dist-info"
    files = {
        f"modelwright/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not set(LEFT_OUT) & set(path.parts)
    }
    files[f"{information}/METADATA"] = f"Metadata-Version: 2.1\nName: modelwright\nVersion: {version}\n".encode()
    files[f"{information}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: modelwright\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},{_record_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, THE_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return f"modelwright-{version}-py3-none-any.whl", written.getvalue()


def dockerfile(name: str, base: str, wheel_name: str) -> str:
    """A container that serves the bundle. SpecError when the base is no image name (it would become an instruction)."""
    if not IMAGE.fullmatch(base):
        raise SpecError(
            f"export.container.base: {base!r} is not the name of a container image",
            hint="write for example python:3.11-slim or registry.example.com/team/python@sha256:…",
        )
    return DOCKERFILE.format(name=name, base=base, wheel=wheel_name)


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _needed_by(name: str) -> list[str]:
    """Requirements without an extra; those for other systems are not installed here, so they drop out."""
    required = [line for line in distribution(name).requires or () if "extra ==" not in line]
    return [re.sub(r"[-_.]+", "-", match[0]).lower() for line in required if (match := NAME.match(line))]


def _record_digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
