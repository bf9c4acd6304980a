"""Export makes a bundle of a model that passed its gates, proves it on real rows, and makes the same one every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelwright.core.errors import ArtifactError, DataError, ModelwrightError
from modelwright.core.progress import Silent
from modelwright.graph.describing import description
from modelwright.graph.running import Scorer
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import json_rows
from modelwright.serving.settings import Limits
from modelwright.stages import export
from stages.workshop import ROWS, Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.prepare_and_train()
    return made


def test_a_bundle_holds_all_that_serving_needs(workshop):
    workshop.evaluate()
    run = workshop.export()
    written = {*run.manifest.outputs, *run.manifest.unhashed}
    assert written >= {
        *("model.onnx", "signature.json", "profile.json", "openapi.json", "smoke.json", "parity.json"),
        *("latency.json", "requirements.lock", "model_card.md"),
    }
    assert "latency.json" in run.manifest.unhashed
    assert run.read_json("latency.json")["batches"].keys() == {"1", "4", "16", "64", "256", "1024"}
    bundle = open_bundle(run.path)
    assert (bundle.name, bundle.version) == ("rides", 1)


def test_the_graph_takes_a_matrix_for_each_kind_of_column_and_says_what_it_is(workshop):
    workshop.evaluate()
    run = workshop.export()
    model, train = run.read_bytes("model.onnx"), workshop.store.open("rides", "train", 1)
    scorer = Scorer(model)
    assert scorer.packed is not None
    assert scorer.packed.names == {"numbers": ("km", "speed"), "texts": ("sky",), "times": ()}
    trained = Scorer(train.read_bytes("model.onnx")).run_table(ROWS)
    assert scorer.run_table(ROWS)["prediction"].tobytes() == trained["prediction"].tobytes()
    about = description(model)
    assert (about["name"], about["task"], about["version"]) == ("rides", "regression", "train/v0001")
    assert (about["train_digest"], about["contains_rows"]) == (train.digest, "false")
    assert json.loads(about["signature"]) == run.read_json("signature.json")
    assert json.loads(about["columns"]) == {"numbers": ["km", "speed"], "texts": ["sky"], "times": []}


def test_latency_says_time_and_memory_for_each_batch(workshop):
    workshop.evaluate()
    told = workshop.export().read_json("latency.json")
    assert told["loaded_mb"] >= 0
    assert all(entry["us"] > 0 and entry["memory_mb"] >= 0 for entry in told["batches"].values())


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_less_precision_is_measured_on_the_test_rows_and_refused_beyond_the_tolerance(workshop, precision):
    workshop.evaluate()
    asked = f"export.precision={precision}"
    run = workshop.export(asked, "export.precision_tolerance=1e-3")
    change = run.read_json("parity.json")["precision"]
    assert 0 < change["largest"] < 1e-6 and change["rows"] == 40
    assert {"before", "after"} == change["metrics"]["rmse"].keys()
    assert run.read_json("signature.json")["outputs"][0]["type"] == "number"
    assert open_bundle(run.path).smoke["requests"]
    with pytest.raises(
        ArtifactError, match=rf"in {precision} predictions change by up to .*export\.tolerance allows 0"
    ):
        workshop.export(asked, "export.tolerance=0")
    with pytest.raises(ArtifactError, match=r"export\.precision_tolerance allows 1e-12"):
        workshop.export(asked, "export.precision_tolerance=1e-12")


EVIL = (
    "line\nUSER root",
    "`id`",
    "$(id)",
    "{{7*7}}",
    "${BASE}",
    'a"b: [',
    "'; DROP",
    "# x",
    "- y: z",
    "\\",
    "<script>",
)


def test_no_text_of_the_user_gets_into_files_that_are_run(tmp_path: Path) -> None:
    """S6: names of columns, whatever they hold, leave the image's, the pipelines' and the cluster's files alone."""
    plain, evil = Workshop(tmp_path / "plain"), Workshop(tmp_path / "evil", renamed={"sky": " ".join(EVIL)})
    written = []
    for workshop in (plain, evil):
        workshop.prepare_and_train()
        run = workshop.export(ungated=True)
        digest = run.manifest.outputs["model.onnx"].sha256
        names = [name for name in run.manifest.outputs if name.startswith(RUN_BY_OTHERS)]
        texts = {name: run.read_bytes(name).decode().replace(f'"{digest[:12]}"', digest[:12]) for name in names}
        written.append({name: text.replace(digest[:12], "DIGEST") for name, text in texts.items()})
    assert evil.schema.names != plain.schema.names
    assert written[0] == written[1]
    assert written[0].keys() >= {
        "Dockerfile",
        "kubernetes/deployment.yaml",
        "ci/Jenkinsfile",
        "kserve/inference-service.yaml",
    }


RUN_BY_OTHERS = ("Dockerfile", ".dockerignore", "kubernetes/", "kserve/", "ci/", "requirements.lock")


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("key", ["name", "export.container.base", "export.container.image", "export.device"])
def test_what_does_get_in_may_be_nothing_but_a_name(workshop, key, text):
    with pytest.raises(ModelwrightError) as caught:
        workshop.export(f"{key}={json.dumps(text)}", ungated=True)
    assert caught.value.exit_code == 2


def test_without_a_container_there_is_none(workshop):
    workshop.evaluate()
    names = set(workshop.export("export.container=null").manifest.outputs)
    assert not any(name.startswith(("Dockerfile", "kubernetes", "kserve")) for name in names)
    assert {"requirements.lock", "sbom.json", "ci/github-actions.yml"} <= names


def test_the_signature_says_what_is_scored_logged_and_refused(workshop):
    workshop.evaluate()
    signature = open_bundle(workshop.export().path).signature
    assert [(field.name, field.nullable) for field in signature.inputs] == [
        ("km", False),  # learn had no missing values
        ("speed", True),  # an impute step covers it
        ("sky", True),  # learn had missing values
    ]
    assert [field.name for field in signature.context] == ["ride", "at", "unused"]
    assert signature.refused == {"minutes": "target"}
    assert signature.id_field == "ride"
    assert not signature.ungated


def test_golden_requests_are_real_rows_and_one_with_all_missing_that_may_be(workshop):
    workshop.evaluate()
    requests = workshop.export().read_json("smoke.json")["requests"]
    assert len(requests) == export.GOLDEN_ROWS + 1
    assert requests[0]["row"] == {"km": 0.1, "speed": 20.0, "sky": "clear"}
    assert requests[-1]["row"] == {"km": 0.1, "speed": None, "sky": None}
    assert requests[0]["answer"] == {"prediction": 60 * 0.1 / 20.0}


def test_parity_is_exact_and_says_against_what(workshop):
    workshop.evaluate()
    parity = workshop.export().read_json("parity.json")
    assert {key: parity[key] for key in ("native", "evaluate", "requests", "largest")} == {
        "native": 0.0, "evaluate": 0.0, "requests": 0.0, "largest": 0.0,
    }  # fmt: skip
    assert parity["rows"] == 40


def test_a_graph_that_differs_is_not_exported(workshop):
    workshop.evaluate(change=0.5)
    with pytest.raises(ArtifactError, match=r"differs by .* \(evaluate\)"):
        workshop.export()
    assert workshop.store.versions("rides", "export") == []
    assert workshop.export("export.tolerance=0.1").version == 1


def test_a_train_run_beyond_tolerance_is_not_exported(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.prepare_and_train(difference=1e4)
    workshop.evaluate()
    with pytest.raises(ArtifactError, match=r"\(native\)"):
        workshop.export()


def test_without_an_evaluate_there_is_no_export(workshop):
    with pytest.raises(ArtifactError, match="no evaluate run") as caught:
        workshop.export()
    assert "modelwright evaluate" in caught.value.problems[0].hint


def test_failed_gates_stop_export_unless_ungated_which_is_recorded(workshop):
    workshop.evaluate(passed=False)
    with pytest.raises(ArtifactError, match="rmse is 7, at most 6"):
        workshop.export()
    run = workshop.export(ungated=True)
    assert run.read_json("signature.json")["ungated"] is True


def test_an_evaluate_of_other_gates_or_other_data_does_not_count(workshop):
    workshop.evaluate("evaluate.confidence=0.9")
    workshop.evaluate(role="data")
    with pytest.raises(ArtifactError, match="no evaluate run"):
        workshop.export()


def test_the_newest_evaluate_decides(workshop):
    workshop.evaluate(passed=True)
    workshop.evaluate(passed=False)
    with pytest.raises(ArtifactError, match="did not pass"):
        workshop.export()


def test_exporting_again_is_a_cached_no_op_with_the_same_summary(workshop):
    workshop.evaluate()
    done = export.run(export.plan(workshop.job()), Silent())
    again = export.plan(workshop.job())
    assert again.cached is not None
    assert again.cached.label == done.run.label
    assert export.result(again.cached, cached=True).summary == done.summary


def test_the_same_model_gives_the_same_bytes_in_another_folder(workshop, tmp_path):
    workshop.evaluate()
    other = Workshop(tmp_path / "other")
    other.prepare_and_train()
    other.evaluate()
    overrides = ("export.container={base: 'python:3.11-slim'}",)
    assert workshop.export(*overrides).digest == other.export(*overrides).digest


def test_a_bundle_beyond_max_mb_is_refused_and_nothing_is_left(workshop):
    workshop.evaluate()
    with pytest.raises(ArtifactError, match=r"export\.max_mb allows 0\.001 MB"):
        workshop.export("export.max_mb=0.001")
    assert [path.name for path in workshop.store.folder("rides", "export").iterdir()] == [".lock"]


def test_rows_that_no_server_would_take_are_an_error(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.prepare_and_train(ROWS.slice(39, 1))
    with pytest.raises(DataError, match="no row"):
        workshop.export(ungated=True)


def test_every_test_row_asked_alone_gives_what_the_table_gives(workshop):
    workshop.evaluate()
    bundle = open_bundle(workshop.export().path)
    model = ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())
    whole = model.score_table(ROWS)["prediction"]
    for number, row in enumerate(json_rows(ROWS, bundle.signature.inputs)[:39]):
        body = json.dumps({"rows": [row]}).encode()
        answer = json.loads(json.dumps(model.predictions(model.score(model.decoder.decode(body)))))
        assert answer == [{"prediction": whole[number]}]
