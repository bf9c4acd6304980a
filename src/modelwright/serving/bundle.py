"""Opens an exported bundle, in its run folder or copied anywhere else; nothing is used before its sha256 matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.core.errors import ArtifactError
from modelwright.runs.manifest import MANIFEST
from modelwright.runs.store import Run
from modelwright.serving.signature import Signature


@dataclass(frozen=True)
class Bundle:
    """What serving and scoring need. The version is the export's number, which the manifest carries."""

    run: Run
    signature: Signature
    model: bytes
    smoke: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def version(self) -> int:
        return self.run.version

    @property
    def folder(self) -> Path:
        return self.run.path

    def profile(self) -> dict[str, Any]:
        """The reference that monitor compares with."""
        content: dict[str, Any] = self.run.read_json("profile.json")
        return content


def open_bundle(folder: Path) -> Bundle:
    """Read and verify the whole bundle. ArtifactError when it is missing, damaged or too new."""
    if not (folder / MANIFEST).is_file():
        raise ArtifactError(
            "is not a bundle: it holds no manifest.json",
            where=str(folder),
            hint="name the folder that modelwright export printed, such as runs/rides/export/v0001",
        )
    run = Run.at(folder)
    if run.stage != "export":
        raise ArtifactError(
            f"is a run of {run.stage}, not a bundle", where=str(folder), hint="run: modelwright export SPEC"
        )
    for relative in run.manifest.outputs:  # what is not hashed (times of the export) may stay behind in a copy
        run.file(relative)
    signature = Signature.from_dict(run.read_json("signature.json"))
    return Bundle(run, signature, run.read_bytes("model.onnx"), run.read_json("smoke.json"))
