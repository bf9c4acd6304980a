"""Prepare reads what it was planned for, or says that it changed; the matrices are those that the graph gives."""

import os
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting.features import FittedFeatures
from modelwright.parts.samples import Feature
from modelwright.runs.store import Store
from modelwright.stages import prepare, prepare_features
from modelwright.tables import split_files
from stages.test_prepare import job, run, with_prepare

STEPS = "features: [{kind: impute}, {kind: one_hot, columns: [kind]}]"


def matrix(done, name):
    table = pq.read_table(done.file(f"{name}_features.parquet"))
    return table.column_names, np.column_stack([column.to_numpy() for column in table.columns])


def test_matrices_of_all_splits_are_what_the_graph_makes_of_the_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(split_files, "MOST_ROWS", 25)  # batches of texts end where row groups do
    monkeypatch.setattr(prepare_features, "MOST_ROWS", 16)
    monkeypatch.setattr(prepare_features, "GRAPH_ROWS", 7)
    monkeypatch.setattr(prepare_features, "GROUP_CELLS", 200)
    done = run(tmp_path, with_prepare(STEPS, "matrix: true")).run
    features = FittedFeatures.from_dict(done.read_bytes("features.onnx"), done.read_json("features.json"))
    for split in prepare.SPLITS:
        names, found = matrix(done, split)
        expected = features.transform(pq.read_table(done.file(f"{split}.parquet")))
        assert names == [feature.name for feature in features.features]
        assert np.array_equal(found, expected, equal_nan=True)
    assert pq.read_metadata(done.file("learn_features.parquet")).num_row_groups > 1


def test_columns_of_a_matrix_are_packed_where_their_values_repeat(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_features, "GROUP_CELLS", 200)
    path, features = tmp_path / "matrix.parquet", SimpleNamespace(features=[Feature("flag"), Feature("size")])
    flag, size = np.tile([0.0, 1.0, np.nan], 50), np.arange(150.0)
    prepare_features._write_matrix(path, features, [np.column_stack([flag, size])])
    group, table = pq.read_metadata(path).row_group(0), pq.read_table(path)
    assert [group.column(place).compression for place in range(2)] == ["LZ4", "UNCOMPRESSED"]
    assert [column.null_count for column in table.columns] == [50, 0], "NaN is missing"
    assert np.array_equal(table["flag"].to_numpy(), flag, equal_nan=True)
    assert np.array_equal(table["size"].to_numpy(), size)


def test_matrix_of_learn_has_the_values_that_a_model_may_learn_from(tmp_path):
    steps = "features: [{kind: drop, columns: [ripe]}, {kind: target, columns: [kind]}]"
    done = run(tmp_path, with_prepare(steps, "matrix: true")).run
    features = FittedFeatures.from_dict(done.read_bytes("features.onnx"), done.read_json("features.json"))
    served = features.transform(pq.read_table(done.file("learn.parquet")))
    names, learn = matrix(done, "learn")
    place = names.index("kind")
    assert len(np.unique(served[:, place])) < len(np.unique(learn[:, place])), "each fold has values of its own"


def test_no_matrices_unless_asked_for(tmp_path):
    assert not [name for name in run(tmp_path).run.manifest.outputs if name.endswith("_features.parquet")]


class Meddling(Silent):
    """Appends a row to the file as soon as prepare says that it was read."""

    def __init__(self, path):
        self.path = path

    def say(self, text):
        if text.startswith("read "):
            with self.path.open("a") as file:
                file.write("F9999,pear,3,true,,7\n")


def test_file_that_changes_while_it_is_read_is_an_error_that_names_it(tmp_path):
    planned = prepare.plan(job(tmp_path))
    with pytest.raises(DataError, match=r"fruit\.csv: the file changed while it was read") as caught:
        prepare.run(planned, Meddling(tmp_path / "fruit.csv"))
    assert caught.value.exit_code == 3
    assert Store(tmp_path / "runs").versions("fruit", "prepare") == []


def test_file_that_vanishes_while_it_is_read_is_named_too(tmp_path):
    planned = prepare.plan(job(tmp_path))

    class Removing(Silent):
        def say(self, text):
            if text.startswith("read "):
                os.remove(tmp_path / "fruit.csv")  # noqa: PTH107

    with pytest.raises(DataError, match=r"fruit\.csv: the file changed while it was read"):
        prepare.run(planned, Removing())


def test_file_that_changed_between_plan_and_run_is_an_error(tmp_path):
    planned = prepare.plan(job(tmp_path))
    path = tmp_path / "fruit.csv"
    path.write_text(path.read_text().replace("apple", "peach"))
    with pytest.raises(DataError, match=r"fruit\.csv: the file changed before it was read"):
        prepare.run(planned, Silent())
