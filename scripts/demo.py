"""`make demo`: the life of a model, told in plain words, from messy data to a second champion.

It uses nothing but the public command line and HTTP, and stops with an error when a step does not go as told.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import make_rides

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("MODELWRIGHT_DEMO", ROOT / "demo" / "rides"))  # is cleared
LOG = FOLDER / "demo.log"
SPEC = "demo.yaml"
COMMAND = (sys.executable, "-m", "modelwright")
SEED = 7
NEW_WEEKS = "data/rides-2026-w1[345].csv"
ALERT = 11

DEMO_SPEC = """\
# The demo's spec: rides.yaml with less time for training and tuning, and a port that is free.
extends: rides.yaml
train:
  model: {budget_s: 10}
tune:
  trials: 8
serve:
  port: PORT
"""


class StoryError(Exception):
    """A step did not go as told."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        port = set_up()
        first_model()
        with server(port):
            quiet_week(port)
            the_bridge_closes(port)
        retrain()
        with server(port):
            quiet_again(port)
    except StoryError as error:
        print(f"\nThis did not go as told: {error}\nEverything that was printed is in {shown(LOG)}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo` starts over.", file=sys.stderr)
        return 130
    farewell(time.monotonic() - started)
    return 0


# The story, in the order in which it is told


def set_up() -> int:
    """Weeks 1 to 11 of a fleet's exports, and a spec."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(parents=True)
    port = free_port()
    chapter("A fleet takes patients to hospital. How long will a ride take?")
    tell(
        "Eleven weeks of exports lie on the table. They are simulated (docs/rides.md), and as messy as real ones:",
        "repeated rows, two date formats, `12,5 km` where a number belongs, trip sheets that come in late.",
    )
    shutil.copy(ROOT / "configs" / "rides.yaml", FOLDER)
    (FOLDER / SPEC).write_text(DEMO_SPEC.replace("PORT", str(port)), encoding="utf-8")
    write_weeks(1, 11)
    tell(f"All that follows happens in {shown(FOLDER)}, and {SPEC} there says how.")
    return port


def first_model() -> None:
    """Prepare to export, then the first promotion."""
    chapter("1  prepare: clean, check and split the data, fit the features on the learning part alone")
    rows = modelwright("prepare", SPEC)["summary"]["rows"]
    removed = ", ".join(f"{step['step']} {step['removed']:,}" for step in rows["removed"] if step["removed"])
    tell(f"{rows['read']:,} rows read, {rows['rejected']} not readable (kept in rejects.parquet), removed: {removed}.")
    shares = (f"{rows['learn']:,} to learn from", f"{rows['validation']:,} to choose by")
    tell(f"{', '.join(shares)}, {rows['test']:,}, the latest, to test on.")

    chapter("2  train: the best of several models, within ten seconds")
    trained = modelwright("train", SPEC)["summary"]
    tell(f"{trained['model']}: off by {trained['scores']['rmse']:.2f} minutes (RMSE on {trained['scored_on']}).")

    chapter("3  tune: would other settings do better?")
    tuned = modelwright("tune", SPEC)["summary"]
    best = f"{tuned['score']:.2f} at best in {tuned['trials']} trials"
    tell(f"{tuned['model']}: {tuned['first_score']:.2f} as it comes, {best}.")
    tell(f"Not worth a change here; else `modelwright train` takes {shown(FOLDER / tuned['best_spec'])}.")

    chapter("4  evaluate: score the test rows once, and decide the gates")
    evaluated = modelwright("evaluate", SPEC)["summary"]
    for name, score in evaluated["metrics"].items():
        tell(f"{name} {score['value']:.2f} ({score['low']:.2f} to {score['high']:.2f})")
    tell_gates(evaluated["gates"])

    chapter("5  export: everything that serving needs, and nothing else; a first champion is named by hand")
    exported = modelwright("export", SPEC)
    modelwright("runs", "promote", exported["run"])


def quiet_week(port: int) -> None:
    chapter("6  serve: week 12 comes, and the dispatcher's app asks the server about every ride")
    ask_about(port, 12)
    chapter("7  monitor: was week 12 like what was learnt?")
    expect_quiet(modelwright("monitor", SPEC))
    tell("QUIET: nothing has drifted, and the rides took as long as predicted.")


def the_bridge_closes(port: int) -> None:
    chapter("8  weeks 13 and 14: a bridge is closed, and it snows")
    for week in (13, 14):
        ask_about(port, week)
        report = modelwright("monitor", SPEC, expect=ALERT)["summary"]
        tell(f"ALERT for week {week} (exit code {ALERT}):")
        tell(*(f"  {reason}" for reason in report["reasons"]))
    if not report["retrain"]:
        raise StoryError(f"two alerts, and no retraining: {report['why']}")
    tell(f"One alert may be bad luck, two are not: retraining is due ({report['why']}).")


def retrain() -> None:
    chapter("9  retrain: the trip sheets of weeks 13 to 15 are in; a challenger learns the new world")
    write_weeks(15, 15)
    result = modelwright("retrain", SPEC, "--set", f"prepare.source.path={NEW_WEEKS}")
    tell_gates(result["gates"])
    if not result["challenger"]:
        raise StoryError(f"there is no challenger: {result['reason']}")
    tell("The challenger is better on rides that neither model was fitted on, and takes over:")
    modelwright("runs", "promote")


def quiet_again(port: int) -> None:
    chapter("10  week 16, with the new champion")
    ask_about(port, 16)
    expect_quiet(modelwright("monitor", SPEC))
    tell("QUIET again: snow and detours are the world that this model knows.")


def farewell(took_s: float) -> None:
    chapter(f"That was the life of a model, in {took_s:.0f} seconds. What to try next")
    tell(
        f"cd {shown(FOLDER)}, with {ROOT / '.venv' / 'bin'} on the PATH, and (`make demo` clears that folder)",
        "  modelwright runs list                    what was made, and where the aliases point",
        f"  modelwright prepare {SPEC}            all sixteen weeks; once more, and nothing is done",
        f"  modelwright plan {SPEC} --set seed=8  what another seed would do again",
        f"  modelwright serve {SPEC}              the server; look at /openapi.json and /metrics",
        "or start with your own data:",
        "  modelwright init DATA.csv --target COLUMN -o my.yaml",
    )


# What the story is told with


def chapter(title: str) -> None:
    print(f"\n── {title}\n", flush=True)


def tell(*lines: str) -> None:
    for line in lines:
        print(f"   {line}", flush=True)


def tell_gates(gates: dict[str, str]) -> None:
    tell(*(f"gate {name}: {verdict}" for name, verdict in gates.items()))


def expect_quiet(report: dict[str, Any]) -> None:
    summary = report["summary"]
    if summary["status"] != "quiet":
        raise StoryError(f"monitor says {summary['status']}: {summary['changed']} {summary['performance']}")


def shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def modelwright(*arguments: str, expect: int = 0) -> dict[str, Any]:
    """Run one command, as a user would, and return its JSON."""
    tell(f"$ modelwright {' '.join(arguments)}")
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ modelwright {' '.join(arguments)}\n")
        log.flush()
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=log, check=False
        )
        log.write(done.stdout.decode())
    if done.returncode != expect:
        end = "\n".join(LOG.read_text(encoding="utf-8").splitlines()[-15:])
        raise StoryError(f"exit code {done.returncode} where {expect} was expected\n{end}")
    answer: dict[str, Any] = json.loads(done.stdout)
    report = answer.get("summary", {}).get("report") or (answer.get("path") and f"{answer['path']}/report.html")
    if report and (FOLDER / report).is_file():
        tell(f"  → {shown(FOLDER / report)}")
    return answer


@contextmanager
def server(port: int) -> Iterator[None]:
    """A real server process, stopped with the story or with Ctrl-C."""
    tell(f"$ modelwright serve {SPEC} &")
    with LOG.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", SPEC], cwd=FOLDER, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until_ready(process, port)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=2):
                return
        except URLError:
            time.sleep(0.1)
    raise StoryError(f"the server on port {port} did not become ready (exit code {process.poll()})")


def ask_about(port: int, week: int) -> None:
    """One week of the app's requests; then the week's outcomes come in."""
    write_weeks(week, week)
    lines = (FOLDER / "data" / f"requests-2026-w{week}.jsonl").read_text(encoding="utf-8").splitlines()
    rides = [json.loads(line) for line in lines]
    before = logged_rows(port)
    times_ms = []
    for start in range(0, len(rides), 20):
        began = time.perf_counter()
        answer = predict(port, rides[start : start + 20])
        times_ms.append(1000 * (time.perf_counter() - began))
    ride, minutes = rides[-1], answer["predictions"][-1]["prediction"]
    tell(f"{len(rides)} rides in {len(times_ms)} requests, {statistics.median(times_ms):.1f} ms each.")
    tell(f"{ride['ride_id']}: {ride['mobility']}, {ride['distance_km']} km, {ride['weather']}: {minutes:.0f} minutes.")
    until = time.monotonic() + 10
    while logged_rows(port) < before + len(rides):
        if time.monotonic() > until:
            raise StoryError("the prediction log lacks rows")
        time.sleep(0.2)


def predict(port: int, rides: Sequence[dict[str, Any]]) -> Any:
    body = json.dumps({"rows": rides}).encode()
    request = Request(f"http://127.0.0.1:{port}/predict", body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=10) as response:
            return json.load(response)
    except HTTPError as error:
        raise StoryError(f"the server answered {error.code}: {error.read().decode()}") from error


def logged_rows(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return next(int(line.split()[-1]) for line in lines if line.startswith("modelwright_log_rows_written_total"))


def write_weeks(first: int, last: int) -> None:
    (FOLDER / "data").mkdir(exist_ok=True)
    for week in range(first, last + 1):
        make_rides.write_week(week, SEED, FOLDER / "data", with_requests=week > 11)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
