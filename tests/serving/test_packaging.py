"""What a bundle carries to run elsewhere installs, and says nothing that a user could have smuggled in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from modelwright.core.errors import SpecError
from modelwright.serving.packaging import kubernetes, pipelines
from modelwright.serving.packaging import lock as locking
from modelwright.serving.packaging.container import DOCKERIGNORE, dns_label, dockerfile, image_for
from modelwright.serving.packaging.lock import normal, requirements_lock, serving_packages, wheel_table
from modelwright.serving.packaging.sbom import Parts, sbom
from modelwright.serving.packaging.wheel import wheel
from modelwright.serving.packaging.yaml_text import to_yaml

ROOT = Path(__file__).parents[2]
EVIL = [
    *("python\nRUN rm -rf /", "python`id`", "python $(id)", "${IFS}", "{{7*7}}", "", "Python", "a b", "-x"),
    *('a"', "a'", "a\\"),
]
SMUGGLED = ["rides\nkind: Secret", "`id`", "$(id)", "{{7*7}}", "rides: {}", "a'b", 'a"b', "${SPEC}", "Rides", "- x"]
DEPLOYED = kubernetes.Deployed("rides", "rides:1", "ab" * 32, replicas=2, max_replicas=10, memory_mb=512)


def tool(name: str) -> str:
    """A checker that `pip install modelwright[dev]` brings."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("where", ["base", "image"])
def test_an_image_that_could_be_an_instruction_is_refused(where: str, text: str) -> None:
    given = {"base": "python:3.11-slim", "image": "rides:1", where: text}
    with pytest.raises(SpecError, match="not the name of a container image"):
        dockerfile("rides", given["base"], "x.whl", given["image"])


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_name_that_could_be_structure_is_refused_by_whatever_writes_it_as_text(name: str) -> None:
    with pytest.raises(SpecError, match="not a valid name"):
        dockerfile(name, "python:3.11-slim", "x.whl", "rides:1")
    with pytest.raises(SpecError, match="not a valid name"):
        pipelines.files(name)


@pytest.mark.parametrize(
    "text", [*SMUGGLED, "12e4567", "1e5", "no", "null", "0o7", ".5", "line\nline\n", "a: b", "# x"]
)
def test_yaml_gives_back_every_text_as_it_was(text: str) -> None:
    content = {"plain": text, text: ["x", {"y": text}]}
    assert yaml.safe_load(to_yaml(content)) == content


def test_a_text_that_yaml_1_2_reads_as_a_number_is_in_quotes() -> None:
    assert to_yaml({"version": "12345e678901"}) == 'version: "12345e678901"\n'


def test_the_dockerfile_keeps_the_rules() -> None:
    """By hadolint; and two stages, a user by number, no shell around the server, no curl, the base by ARG."""
    text = dockerfile("rides", "python:3.11-slim", "modelwright-0.1.0-py3-none-any.whl", "rides:1")
    said = subprocess.run([tool("hadolint"), "-"], input=text, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_dockerfile_builds_in_two_stages_and_runs_as_nobody() -> None:
    lines = dockerfile("rides", "python:3.11-slim", "w.whl", "rides:1").splitlines()
    assert "ARG BASE=python:3.11-slim" in lines
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    assert "USER 10001:10001" in lines
    entry = next(line for line in lines if line.startswith("ENTRYPOINT "))
    assert json.loads(entry.removeprefix("ENTRYPOINT "))[1:3] == ["-m", "modelwright.serving"]
    health = next(line for line in lines if line.strip().startswith("CMD "))
    assert "/health/ready" in json.loads(health.strip().removeprefix("CMD "))[2]
    assert "curl" not in "\n".join(lines)
    assert "environment.json" in DOCKERIGNORE


def test_the_lock_names_exactly_what_a_server_imports() -> None:
    from importlib.metadata import packages_distributions

    locked = set(serving_packages())
    program = (
        "import modelwright.serving.server, uvloop, httptools, pyarrow.parquet, sys; print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    top = {name.split(".")[0] for name in done.stdout.split()}
    owners = packages_distributions()
    strangers = {"modelwright", "setuptools"}
    strangers |= {"cloudpickle", "typing-extensions"}  # pyarrow and msgspec take them where they are, and need them not
    needed = {normal(owners[name][0]) for name in top if name in owners} - strangers
    needed = {"onnxruntime" if name.startswith("onnxruntime") else name for name in needed}
    assert needed <= locked
    assert not locked & {"pandas", "scikit-learn", "torch", "onnx", "duckdb", "pydantic", "pyyaml", "onnxruntime-gpu"}
    assert "modelwright.serving.packaging" not in done.stdout
    assert wheel() == wheel()


def test_the_table_of_hashes_is_of_the_versions_that_are_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {normal(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    known = {name: entry["version"] for name, entry in wheel_table()["packages"].items()}
    assert known == {name: pinned[name] for name in known}, "run: python scripts/serving_wheels.py"
    assert known.keys() >= {*serving_packages("cpu"), *serving_packages("cuda")}
    for name, entry in wheel_table()["packages"].items():
        assert entry["wheels"], name
        assert all(len(digest) == 64 for digest in entry["wheels"].values())


@pytest.mark.parametrize(("device", "runtime"), [("cpu", "onnxruntime"), ("cuda", "onnxruntime-gpu")])
def test_each_line_of_the_lock_has_hashes_and_one_build_of_the_runtime(
    device: Any, runtime: str, as_pinned: None
) -> None:
    lock = requirements_lock("modelwright-0.1.0-py3-none-any.whl", "ab" * 32, device)
    entries = [entry for entry in lock.text.replace("\\\n", "").splitlines() if not entry.startswith("#")]
    assert lock.hashed
    assert all("--hash=sha256:" in entry for entry in entries)
    assert [entry.split("==")[0] for entry in entries if entry.startswith("onnxruntime")] == [runtime]
    assert entries[-1] == f"./modelwright-0.1.0-py3-none-any.whl     --hash=sha256:{'ab' * 32}"


def test_a_version_without_known_hashes_leaves_the_lock_without_any_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = locking.serving_packages()
    monkeypatch.setattr(locking, "serving_packages", lambda device: {**found, "msgspec": "0.0.99"})
    lock = requirements_lock("w.whl", "ab" * 32)
    assert lock.unknown == ("msgspec",)
    assert "--hash" not in lock.text
    assert "none are known of the versions here of msgspec" in lock.text


@pytest.fixture
def as_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the versions of constraints.txt were installed, whatever is here."""
    known = {name: entry["version"] for name, entry in wheel_table()["packages"].items()}
    versions = {device: locking.serving_packages(device) for device in ("cpu", "cuda")}
    pinned = {device: {name: known[name] for name in found} for device, found in versions.items()}
    monkeypatch.setattr(locking, "serving_packages", lambda device: pinned[device])


def manifests(deployed: kubernetes.Deployed = DEPLOYED) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in kubernetes.files(deployed).items()}


@pytest.mark.parametrize("path", [path for path in kubernetes.files(DEPLOYED) if path.startswith("kubernetes/")])
def test_kubernetes_takes_the_file(path: str) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    validate.validate(manifests()[path], validate.latest_version(), strict=True)


def test_kserve_gets_pods_that_kubernetes_takes() -> None:
    validate = pytest.importorskip("kubernetes_validate")
    service = manifests()["kserve/inference-service.yaml"]
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    predictor = dict(service["spec"]["predictor"])
    assert (predictor.pop("minReplicas"), predictor.pop("maxReplicas")) == (2, 10)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": service["metadata"], "spec": predictor}
    validate.validate(pod, validate.latest_version(), strict=True)
    assert predictor["containers"][0]["name"] == "kserve-container"


def test_a_pod_may_do_nothing_but_answer() -> None:
    pod = manifests()["kubernetes/deployment.yaml"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    rights = pod["containers"][0]["securityContext"]
    assert rights["readOnlyRootFilesystem"] and rights["capabilities"] == {"drop": ["ALL"]}
    assert manifests()["kubernetes/network-policy.yaml"]["spec"]["egress"] == []


def test_all_selectors_find_the_pods_and_no_version_is_among_them() -> None:
    found = manifests()
    pods = found["kubernetes/deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["kubernetes/deployment.yaml"]["spec"]["selector"]["matchLabels"],
        found["kubernetes/service.yaml"]["spec"]["selector"],
        found["kubernetes/pod-disruption-budget.yaml"]["spec"]["selector"]["matchLabels"],
        found["kubernetes/network-policy.yaml"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= pods.items() for selector in selectors)
    assert not any("app.kubernetes.io/version" in selector for selector in selectors)


@pytest.mark.parametrize("name", ["rides", "1e5", "a.b_c", "x" * 64, "9-", "no", "a--", "0.0"])
def test_every_model_name_makes_names_that_clusters_and_registries_take(name: str) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    label = dns_label(name)
    assert label[0].isalpha() and label[-1].isalnum() and len(label) <= 40
    deployed = replace(DEPLOYED, name=name, image=image_for(name, None, "1234567e8901" + "0" * 52))
    dockerfile(name, "python:3.11-slim", "w.whl", deployed.image)
    for path, manifest in manifests(deployed).items():
        if path.startswith("kubernetes/"):
            validate.validate(manifest, validate.latest_version(), strict=True)


def test_all_pipelines_run_the_same_seven_commands() -> None:
    files = pipelines.files("rides")
    github = yaml.safe_load(files["ci/github-actions.yml"])["jobs"]["model"]["steps"]
    steps = {step["name"]: step["run"] for step in github if "run" in step}
    seven = {name: script for name, script in steps.items() if name != "install"}
    assert list(seven) == ["prepare", "train", "tune", "evaluate", "export", "serve", "monitor"]
    assert yaml.safe_load(files["ci/gitlab-ci.yml"])["model"]["script"] == list(seven.values())
    jenkins = files["ci/Jenkinsfile"].decode()
    for script in seven.values():
        for line in script.splitlines():
            assert f"          {line}\n" in jenkins
    assert jenkins.count("{") == jenkins.count("}")
    assert jenkins.count("stage('") == len(steps)


def bill(versions: dict[str, str]) -> dict[str, Any]:
    return sbom(Parts("rides", "ab" * 32, "modelwright-0.1.0-py3-none-any.whl", "cd" * 32, versions, "regression"))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_bill_of_materials_is_valid_and_complete(device: Any) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    versions = serving_packages(device)
    content = bill(versions)
    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(content)) is None
    names = {part["name"] for part in content["components"]}
    assert names == {"rides", "modelwright", *versions}
    references = {part["bom-ref"] for part in content["components"]} | {"bundle"}
    assert {entry["ref"] for entry in content["dependencies"]} == references
    assert {needed for entry in content["dependencies"] for needed in entry["dependsOn"]} <= references
    assert bill(versions) == content
    assert bill({**versions, "click": "0"})["serialNumber"] != content["serialNumber"]


def test_the_registry_still_says_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one package; scripts/serving_wheels.py --check asks for all."""
    from urllib.error import URLError

    import serving_wheels

    package = wheel_table()["packages"]["msgspec"]
    try:
        found = serving_wheels.wheels(serving_wheels.INDEX, "msgspec", package["version"])
    except (URLError, OSError) as error:
        pytest.skip(f"no registry: {error}")
    assert found == package["wheels"]


def test_the_script_writes_the_file_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    import serving_wheels

    known = wheel_table()["packages"]
    ask: Callable[..., Any] = lambda index, name, version: known[name]["wheels"]  # noqa: E731 - what the registry says
    monkeypatch.setattr(serving_wheels, "wheels", ask)
    monkeypatch.setattr(serving_wheels, "sys", SimpleNamespace(argv=["serving_wheels.py", "--check"]))
    assert serving_wheels.main() == 0
