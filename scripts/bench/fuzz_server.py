"""Throws generated requests at a real server, by its own OpenAPI document: no 5xx, and memory stays flat.

    python scripts/bench/fuzz_server.py runs/rides/export/v0001 --cases 5000

Needs schemathesis (in the extra `dev`). Prints one JSON object; exit code 1 when a check failed, or fewer cases ran.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# What a schema can't say (a shape that fits its data, CSV inside a string) is refused though it is valid JSON.
LEFT_OUT = "positive_data_acceptance"
MOST_GROWTH_MB = 30.0
WARM_UP_EXAMPLES = 1
COUNTED = re.compile(r"Test cases:\s+([\d,]+) generated")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = fuzz(given.bundle, given.cases, given.seed)
    print(json.dumps(found))
    return 0 if found["passed"] else 1


def fuzz(bundle: Path, cases: int, seed: int) -> dict[str, object]:
    """Runs of schemathesis, each with another seed, until there were enough cases; the first one warms up."""
    command = [sys.executable, "-m", "modelwright.serving", "--bundle", str(bundle), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        url = server.stderr.readline().split()[-1]
        count, failures = run(url, WARM_UP_EXAMPLES, seed)
        before, total = memory_mb(server.pid), count
        while total < cases and not failures:
            seed += 1
            count, failures = run(url, 60, seed)
            total += count
        after, alive = memory_mb(server.pid), server.poll() is None
    finally:
        server.terminate()
        _, said = server.communicate()
    passed = not failures and alive and total >= cases and after - before < MOST_GROWTH_MB and "Traceback" not in said
    print(failures or said, file=sys.stderr)
    memory = {"memory_mb": [before, after]}
    return {"passed": passed, "cases": total, **memory, "failed_checks": bool(failures), "exit_code": server.returncode}


def run(url: str, examples: int, seed: int) -> tuple[int, str]:
    """How many cases one run made, and its report when a check failed."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--seed", str(seed)]
    options = ["--max-examples", str(examples), "--continue-on-failure", "--exclude-checks", LEFT_OUT]
    phases = ["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"]
    with tempfile.TemporaryDirectory() as folder:  # it leaves its own files where it runs
        done = subprocess.run([*command, *options, *phases], capture_output=True, text=True, cwd=folder, check=False)
    counted = COUNTED.search(done.stdout)
    if counted is None:
        return 0, done.stdout + done.stderr
    return int(counted[1].replace(",", "")), done.stdout if done.returncode else ""


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident
    return int(resident[1]) / 1000


if __name__ == "__main__":
    sys.exit(main())
