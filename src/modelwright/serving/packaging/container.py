"""The Dockerfile of a bundle and what stays out of its image.

Nothing of the user's gets in but the base image and the model's name, and both only if they look like what they are.
"""

from __future__ import annotations

import re

from modelwright.core.errors import SpecError
from modelwright.core.names import checked_name

IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:@-]{0,254}")  # nothing that a shell or Docker would read otherwise
PORT = 8080
USER = 10001  # a number, so that an orchestrator can see that it is not root
TOKEN = "MODELWRIGHT_TOKEN"  # the variable of the environment that the server reads its token from
PYTHON = "/opt/server/bin/python"
READY = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{PORT}/health/ready', timeout=2)"

DOCKERFILE = """\
# docker build -t {image} . && docker run -p {port}:{port} -e {token}=secret {image}
ARG BASE={base}

FROM ${{BASE}} AS build
WORKDIR /bundle
COPY requirements.lock {wheel} ./
RUN python -m venv --without-pip /opt/server \\
    && python -m pip --python {python} install --no-cache-dir --no-deps -r requirements.lock
COPY . ./
RUN chmod -R a+rX,go-w .

FROM ${{BASE}}
COPY --from=build /opt/server /opt/server
COPY --from=build /bundle /bundle
WORKDIR /bundle
ENV PYTHONUNBUFFERED=1
USER {user}:{user}
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \\
    CMD ["{python}", "-c", "{ready}"]
ENTRYPOINT ["{python}", "-m", "modelwright.serving", "--bundle", "/bundle", "--host", "0.0.0.0", "--port", "{port}"]
"""

# What a server verifies must be there; only what differs from export to export, or was put here later, stays out.
DOCKERIGNORE = """\
.git
**/__pycache__
*.log
environment.json
latency.json
logs
"""


def dockerfile(name: str, base: str, wheel_name: str, image: str) -> str:
    """A container that serves the bundle. SpecError when the base is no image name (it would become an instruction)."""
    checked_name(name)
    return DOCKERFILE.format(
        image=checked_image("export.container.image", image),
        base=checked_image("export.container.base", base),
        wheel=wheel_name,
        token=TOKEN,
        python=PYTHON,
        port=PORT,
        user=USER,
        ready=READY,
    )


def checked_image(where: str, image: str) -> str:
    """The name of a container image, or SpecError."""
    if not IMAGE.fullmatch(image):
        raise SpecError(
            f"{where}: {image!r} is not the name of a container image",
            hint="write for example python:3.11-slim or registry.example.com/team/python@sha256:…",
        )
    return image


def image_for(name: str, image: str | None, model_digest: str) -> str:
    """The image that the cluster runs: the spec's, or one named after the model and its content."""
    return image or f"{dns_label(name)}:{model_digest[:12]}"


def dns_label(name: str) -> str:
    """A model's name as clusters and registries take it: letters, digits and dashes, a letter first."""
    label = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    label = label if label[:1].isalpha() else f"model-{label}".rstrip("-")
    return label[:40].rstrip("-")  # leaves room for what clusters append to it
