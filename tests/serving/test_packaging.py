"""What a bundle carries to run elsewhere installs, and says nothing that a user could have smuggled in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.core.errors import SpecError
from modelwright.serving.packaging import dockerfile, requirements_lock, wheel


@pytest.mark.parametrize(
    "base", ["python\nRUN rm -rf /", "python`id`", "python $(id)", "{{7*7}}", "", "Python", "a b", "-x"]
)
def test_a_base_that_could_be_an_instruction_is_refused(base):
    with pytest.raises(SpecError, match="not the name of a container image"):
        dockerfile("rides", base, "x.whl")


def test_the_lock_names_exactly_what_a_server_imports():
    from importlib.metadata import packages_distributions

    locked = {line.split("==")[0] for line in requirements_lock().splitlines()}
    program = (
        "import modelwright.serving.server, uvloop, httptools, pyarrow.parquet, sys; print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    top = {name.split(".")[0] for name in done.stdout.split()}
    owners = packages_distributions()
    strangers = {
        "modelwright",
        "setuptools",
        "cloudpickle",
    }  # pyarrow takes cloudpickle where it is there, and needs it not
    needed = {owners[name][0].lower().replace("_", "-") for name in top if name in owners} - strangers
    needed = {"onnxruntime" if name.startswith("onnxruntime") else name for name in needed}
    assert needed <= locked
    assert not locked & {"pandas", "scikit-learn", "torch", "onnx", "duckdb", "pydantic", "onnxruntime-gpu"}
    assert wheel() == wheel()
