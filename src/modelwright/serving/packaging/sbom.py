"""`sbom.json`: what the bundle consists of, in CycloneDX, for those who scan for vulnerable or ill-licensed parts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any

import modelwright
from modelwright.core.canonical import digest
from modelwright.serving.packaging.lock import RUNTIMES, required_by

NAMESPACE = uuid.UUID("5f0f5d8f-6c1f-5b0b-9d64-3a4c5f8a7e11")  # of serial numbers: equal bundles have equal ones
LONGEST_LICENSE = 100  # some packages put the whole text there


@dataclass(frozen=True)
class Parts:
    """What goes into the document."""

    name: str
    model_digest: str
    wheel_name: str
    wheel_digest: str
    versions: Mapping[str, str]  # of the locked packages
    task: str


def sbom(parts: Parts) -> dict[str, Any]:
    """A CycloneDX 1.6 document. Equal bundles give equal documents: it holds no time."""
    server = f"pkg:pypi/modelwright@{modelwright.__version__}"
    runtime = next(name for name in RUNTIMES if name in parts.versions)
    references = {name: f"pkg:pypi/{name}@{version}" for name, version in parts.versions.items()}
    content = {
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "bundle",
                "name": parts.name,
                "version": parts.model_digest[:12],
                "description": f"The model {parts.name} ({parts.task}) and all that serves it",
            },
            "tools": {
                "components": [{"type": "application", "name": "modelwright", "version": modelwright.__version__}]
            },
        },
        "components": [
            _model(parts),
            _server(parts, server),
            *(_package(name, parts.versions[name], references[name], runtime) for name in parts.versions),
        ],
        "dependencies": [
            {"ref": "bundle", "dependsOn": ["model.onnx", server]},
            {"ref": "model.onnx", "dependsOn": []},
            {"ref": server, "dependsOn": sorted(references.values())},
            *(_dependency(name, references, runtime) for name in parts.versions),
        ],
    }
    serial = uuid.uuid5(NAMESPACE, digest(content))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return {**head, **content}


def _model(parts: Parts) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": "model.onnx",
        "name": parts.name,
        "version": parts.model_digest[:12],
        "hashes": [{"alg": "SHA-256", "content": parts.model_digest}],
    }


def _server(parts: Parts, reference: str) -> dict[str, Any]:
    return {
        "type": "framework",
        "bom-ref": reference,
        "name": "modelwright",
        "version": modelwright.__version__,
        "purl": reference,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "hashes": [{"alg": "SHA-256", "content": parts.wheel_digest}],
        "properties": [{"name": "modelwright:file", "value": parts.wheel_name}],
    }


def _package(name: str, version: str, reference: str, runtime: str) -> dict[str, Any]:
    licenses = _licenses(_installed(name, runtime))
    found = {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
    return {**found, "licenses": licenses} if licenses else found


def _dependency(name: str, references: Mapping[str, str], runtime: str) -> dict[str, Any]:
    needed = [references[other] for other in required_by(_installed(name, runtime)) if other in references]
    return {"ref": references[name], "dependsOn": sorted(needed)}


def _installed(name: str, runtime: str) -> str:
    """The package here that tells about one in the lock: both builds of ONNX Runtime tell the same."""
    if name != runtime:
        return name
    from importlib.metadata import PackageNotFoundError

    try:
        distribution(name)
    except PackageNotFoundError:
        return next(other for other in RUNTIMES if other != name)
    return name


def _licenses(name: str) -> list[dict[str, Any]]:
    about = distribution(name).metadata
    if "License-Expression" in about:
        return [{"expression": about["License-Expression"]}]
    text = about["License"].strip() if "License" in about else ""
    return [{"license": {"name": text}}] if text and "\n" not in text and len(text) <= LONGEST_LICENSE else []
