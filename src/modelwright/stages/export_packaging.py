"""Export: the files of a bundle with which it is installed, built into an image, deployed and scanned."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelwright.stages.job import Plan

if TYPE_CHECKING:
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run

LOCK = "requirements.lock"
NO_HASHES = "# No hashes: "  # how a line of the lock begins that says why there are none


def write_packaging(plan: Plan, staged: Staged, model: bytes) -> None:
    """The lock and modelwright's wheel, what a container needs, pipelines and the bill of materials."""
    from modelwright.serving.packaging import pipelines
    from modelwright.serving.packaging.lock import requirements_lock
    from modelwright.serving.packaging.sbom import Parts, sbom
    from modelwright.serving.packaging.wheel import wheel

    spec, digest = plan.job.spec, hashlib.sha256(model).hexdigest()
    wheel_name, content = wheel()
    wheel_digest = hashlib.sha256(content).hexdigest()
    lock = requirements_lock(wheel_name, wheel_digest, spec.export.device)
    staged.write_bytes(wheel_name, content)
    staged.write_bytes(LOCK, lock.text.encode())
    parts = Parts(spec.name, digest, wheel_name, wheel_digest, lock.versions, spec.task.kind)
    staged.write_json("sbom.json", sbom(parts))
    for path, text in pipelines.files(spec.name).items():
        staged.write_bytes(path, text)
    _write_container(plan, staged, digest, wheel_name)


def lock_warnings(run: Run) -> list[str]:
    """Why the lock of a bundle has no hashes, where it has none."""
    lines = run.read_bytes(LOCK).decode().splitlines()
    said = [line.removeprefix(NO_HASHES) for line in lines if line.startswith(NO_HASHES)]
    return [f"{LOCK} has no hashes: {why}" for why in said]


def _write_container(plan: Plan, staged: Staged, digest: str, wheel_name: str) -> None:
    from modelwright.serving.packaging import kubernetes
    from modelwright.serving.packaging.container import DOCKERIGNORE, dockerfile, image_for

    container, name = plan.job.spec.export.container, plan.job.spec.name
    if container is None:
        return
    image = image_for(name, container.image, digest)
    staged.write_bytes("Dockerfile", dockerfile(name, container.base, wheel_name, image).encode())
    staged.write_bytes(".dockerignore", DOCKERIGNORE.encode())
    deployed = kubernetes.Deployed(
        name,
        image,
        digest,
        replicas=container.replicas,
        max_replicas=max(container.replicas, container.max_replicas),
        memory_mb=container.memory_mb,
    )
    for path, text in kubernetes.files(deployed).items():
        staged.write_bytes(path, text)
