"""Files that run a bundle's image in a cluster: `kubernetes/` by itself, `kserve/` where KServe is installed.

Built from dicts and written as YAML by a library, so that no name can become structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.serving.packaging.container import PORT, TOKEN, USER, checked_image, dns_label
from modelwright.serving.packaging.yaml_text import to_yaml

Manifest = dict[str, Any]

STOP_S = 45  # readiness turns 503, requests in flight are answered, the log is written
CPU_TARGET = 70  # percent of the CPU requested at which more replicas are started


@dataclass(frozen=True)
class Deployed:
    """What runs, and how much of it."""

    name: str
    image: str
    digest: str
    replicas: int
    max_replicas: int
    memory_mb: int


def files(deployed: Deployed) -> dict[str, bytes]:
    """Relative path to content."""
    checked_image("export.container.image", deployed.image)
    made = {
        "kubernetes/deployment.yaml": _deployment(deployed),
        "kubernetes/service.yaml": _service(deployed),
        "kubernetes/pod-disruption-budget.yaml": _disruption_budget(deployed),
        "kubernetes/network-policy.yaml": _network_policy(deployed),
        "kubernetes/horizontal-pod-autoscaler.yaml": _autoscaler(deployed),
        "kserve/inference-service.yaml": _inference_service(deployed),
    }
    return {path: to_yaml(manifest).encode() for path, manifest in made.items()}


def _deployment(deployed: Deployed) -> Manifest:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": _selector(deployed),
    }
    pod = {**_pod("server", deployed), "topologySpreadConstraints": [spread]}
    return {
        **_head("apps/v1", "Deployment", deployed),
        "spec": {
            "replicas": deployed.replicas,
            "strategy": rolling,
            "selector": _selector(deployed),
            "template": {"metadata": {"labels": _labels(deployed)}, "spec": pod},
        },
    }


def _pod(container: str, deployed: Deployed) -> Manifest:
    """One container that may do nothing but answer: no root, no writing, no rights, no account of the cluster."""
    nothing = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    memory = f"{deployed.memory_mb}Mi"
    server = {
        "name": container,
        "image": deployed.image,
        "ports": [{"name": "http1", "containerPort": PORT, "protocol": "TCP"}],
        "env": [{"name": TOKEN, "valueFrom": {"secretKeyRef": {"name": _token_secret(deployed), "key": "token"}}}],
        "resources": {"requests": {"cpu": "1", "memory": memory}, "limits": {"memory": memory}},
        "startupProbe": _probe("ready", period=1, failures=60),
        "readinessProbe": _probe("ready", period=5, failures=2),
        "livenessProbe": _probe("live", period=10, failures=3),
        "securityContext": nothing,
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": user,
        "terminationGracePeriodSeconds": STOP_S,
        "containers": [server],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _probe(what: str, *, period: int, failures: int) -> Manifest:
    request = {"path": f"/health/{what}", "port": "http1"}
    return {"httpGet": request, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


def _service(deployed: Deployed) -> Manifest:
    port = {"name": "http", "port": 80, "targetPort": "http1", "protocol": "TCP"}
    spec = {"type": "ClusterIP", "selector": _own(deployed), "ports": [port]}
    return {**_head("v1", "Service", deployed), "spec": spec}


def _disruption_budget(deployed: Deployed) -> Manifest:
    spec = {"maxUnavailable": 1, "selector": _selector(deployed)}
    return {**_head("policy/v1", "PodDisruptionBudget", deployed), "spec": spec}


def _network_policy(deployed: Deployed) -> Manifest:
    """Requests from the same namespace come in; nothing goes out, for the server asks nobody."""
    allowed = {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": PORT}]}
    spec = {
        "podSelector": _selector(deployed),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [allowed],
        "egress": [],
    }
    return {**_head("networking.k8s.io/v1", "NetworkPolicy", deployed), "spec": spec}


def _autoscaler(deployed: Deployed) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": CPU_TARGET}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": dns_label(deployed.name)},
        "minReplicas": deployed.replicas,
        "maxReplicas": deployed.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return {**_head("autoscaling/v2", "HorizontalPodAutoscaler", deployed), "spec": spec}


def _inference_service(deployed: Deployed) -> Manifest:
    predictor = {
        "minReplicas": deployed.replicas,
        "maxReplicas": deployed.max_replicas,
        **_pod("kserve-container", deployed),
    }
    return {
        **_head("serving.kserve.io/v1beta1", "InferenceService", deployed),
        "spec": {"predictor": predictor},
    }


def _head(version: str, kind: str, deployed: Deployed) -> Manifest:
    metadata = {"name": dns_label(deployed.name), "labels": _labels(deployed)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _labels(deployed: Deployed) -> Mapping[str, str]:
    return {
        **_own(deployed),
        "app.kubernetes.io/version": deployed.digest[:12],
        "app.kubernetes.io/managed-by": "modelwright",
    }


def _own(deployed: Deployed) -> dict[str, str]:
    """What a selector goes by: it may not change from version to version."""
    return {"app.kubernetes.io/name": dns_label(deployed.name)}


def _selector(deployed: Deployed) -> Manifest:
    return {"matchLabels": _own(deployed)}


def _token_secret(deployed: Deployed) -> str:
    return f"{dns_label(deployed.name)}-token"
