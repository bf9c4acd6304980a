"""This package as an installable file, so that a bundle is served by the code that exported it."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import modelwright

LEFT_OUT = ("__pycache__",)
THE_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's own first day, so that equal files make equal wheels
METADATA = """\
Metadata-Version: 2.1
Name: modelwright
Version: {version}
Requires-Python: >=3.11
License: Apache-2.0
"""
WHEEL = b"Wheel-Version: 1.0\nGenerator: modelwright\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel() -> tuple[str, bytes]:
    """Its file name and content. Equal sources give equal bytes. It requires nothing: the lock beside it does."""
    version = modelwright.__version__
    root = Path(modelwright.__file__).parent
    information = f"modelwright-{version}.dist-info"
    files = {
        f"modelwright/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not set(LEFT_OUT) & set(path.parts)
    }
    files[f"{information}/METADATA"] = METADATA.format(version=version).encode()
    files[f"{information}/WHEEL"] = WHEEL
    record = [f"{name},{_record_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, THE_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return f"modelwright-{version}-py3-none-any.whl", written.getvalue()


def _record_digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
