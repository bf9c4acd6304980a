"""`ci/`: pipelines that take a spec from data to a monitored server, for GitHub Actions, GitLab and Jenkins.

All run the same seven commands. They are templates: copy one into the repository of the spec and change the top of it.
"""

from __future__ import annotations

from typing import Any

import modelwright
from modelwright.core.names import checked_name
from modelwright.serving.packaging.yaml_text import to_yaml

SERVE = """\
modelwright serve "$SPEC" --port 8080 & server=$!
until python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health/ready')" 2>/dev/null
do kill -0 $server; sleep 1; done
kill $server; wait $server
"""  # ready means: the golden requests were answered as at export
COMMANDS = {
    "prepare": 'modelwright prepare "$SPEC"',
    "train": 'modelwright train "$SPEC"',
    "tune": 'modelwright tune "$SPEC"',
    "evaluate": 'modelwright evaluate "$SPEC"',
    "export": 'modelwright export "$SPEC"',
    "serve": SERVE,
    "monitor": 'modelwright monitor "$SPEC" --data "$CURRENT"',
}
INSTALL = f"python -m pip install modelwright=={modelwright.__version__}"
IMAGE = "python:3.11-slim"
HEAD = """\
# From data to a monitored server, with the seven commands of modelwright. A gate that fails (exit code 10) and an
# alert (11) stop it. SPEC is the spec's path; CURRENT a file of new rows, which the last step compares with learn's.
"""

JENKINSFILE = """\
// From data to a monitored server, with the seven commands of modelwright. A gate that fails (exit code 10) and an
// alert (11) stop it. SPEC is the spec's path; CURRENT a file of new rows, which the last step compares with learn's.
pipeline {{
  agent {{ docker {{ image '{image}' }} }}
  environment {{
    SPEC = '{name}.yaml'
    CURRENT = 'current.parquet'
  }}
  stages {{
{stages}
  }}
  post {{ always {{ archiveArtifacts artifacts: 'runs/**', allowEmptyArchive: true }} }}
}}
"""
STAGE = """\
    stage('{title}') {{
      steps {{
        sh '''
{script}
        '''
      }}
    }}"""


def files(name: str) -> dict[str, bytes]:
    """Relative path to content."""
    checked_name(name)
    return {
        "ci/github-actions.yml": (HEAD + to_yaml(_github(name))).encode(),
        "ci/gitlab-ci.yml": (HEAD + to_yaml(_gitlab(name))).encode(),
        "ci/Jenkinsfile": _jenkins(name).encode(),
    }


def _github(name: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"uses": "actions/checkout@v4"},
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.11"}},
        {"name": "install", "run": INSTALL},
        *({"name": title, "run": script} for title, script in COMMANDS.items()),
        {
            "uses": "actions/upload-artifact@v4",
            "if": "always()",
            "with": {"name": "runs", "path": "runs/"},
        },
    ]
    job = {"runs-on": "ubuntu-latest", "timeout-minutes": 60, "env": _variables(name), "steps": steps}
    return {
        "name": name,
        "on": {"push": {"branches": ["main"]}, "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "jobs": {"model": job},
    }


def _gitlab(name: str) -> dict[str, Any]:
    job = {
        "image": IMAGE,
        "variables": _variables(name),
        "before_script": [INSTALL],
        "script": list(COMMANDS.values()),
        "artifacts": {"when": "always", "paths": ["runs/"]},
    }
    return {"model": job}


def _jenkins(name: str) -> str:
    scripts = {"install": f"python -m venv .venv && . .venv/bin/activate && {INSTALL}"}
    scripts |= {title: f". .venv/bin/activate\n{script.rstrip()}" for title, script in COMMANDS.items()}
    stages = [
        STAGE.format(title=title, script="\n".join(f"          {line}" for line in script.splitlines()))
        for title, script in scripts.items()
    ]
    return JENKINSFILE.format(image=IMAGE, name=name, stages="\n".join(stages))


def _variables(name: str) -> dict[str, str]:
    return {"SPEC": f"{name}.yaml", "CURRENT": "current.parquet"}
