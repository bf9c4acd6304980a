"""From messages to a spam filter: `features: auto` makes columns of words, and the bundle alone scores a message."""

from __future__ import annotations

import csv
import json

import pytest

from stories.story import DATA
from stories.terminal import Terminal

SMS = DATA / "sms_spam" / "sms.tsv"
SPEC = """\
name: small
task: {{kind: binary, target: label, positive: spam}}
seed: 3
prepare:
  source: {{kind: csv, path: {path}, delimiter: "\\t", quote: none, header_line: false, names: [label, message]}}
  split: {{kind: stratified, validation: 0.1, test: 0.2}}
  features: auto
train: {{model: {{kind: logistic}}}}
evaluate: {{metrics: [accuracy, roc_auc]}}
"""


def test_messages_become_a_spam_filter(terminal: Terminal) -> None:
    if not SMS.is_file():
        pytest.skip("shared/data/sms_spam is not here")
    terminal.write("spec.yaml", SPEC.format(path=json.dumps(str(SMS))))
    for command in ("check", "prepare", "train", "evaluate", "export"):
        terminal.done(command, "spec.yaml")
    rows = terminal.json("runs/small/prepare/v0001/rows.json")["rows"]
    assert rows["read"] == 5574 and rows["rejected"] == 0
    metrics = terminal.json("runs/small/evaluate/v0001/metrics.json")["metrics"]
    assert metrics["accuracy"]["value"] >= 0.97

    messages = ["FREE entry! Call 09061701461 now to claim your prize", "ok see you at home, mum", "?", "\U0001f600 é"]
    terminal.write("new.jsonl", "".join(json.dumps({"message": text}) + "\n" for text in messages))
    terminal.done("predict", "runs/small/export/v0001", "new.jsonl", "-o", "scored.csv")
    with (terminal.folder / "scored.csv").open() as file:
        assert [row["prediction"] for row in csv.DictReader(file)][:2] == ["spam", "ham"]
