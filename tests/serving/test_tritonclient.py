"""NVIDIA's own client, as people use it: every call that it makes, against a real server, in its default mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

VALUES = {
    "age": np.array([41.5, np.nan, 18.0]),
    "income.$ [k]": np.array([12.25, 3.0, 0.5]),
    "visits": np.array([3, 0, 9], np.int64),
    "smoker": np.array([True, False, True]),
    "city": np.array(["Kyiv", "", "Львів"], object),
    "joined": np.array(["2026-01-01T08:00:00Z"] * 3, object),
    "note": np.array([b"knee", b"arm", "Ünï".encode()], object),
}
DATATYPES = {"visits": "INT64", "smoker": "BOOL", "city": "BYTES", "joined": "BYTES", "note": "BYTES"}


@pytest.fixture(scope="module")
def server(start_for_module: Any) -> Any:
    return start_for_module()


@pytest.fixture
def client(server: Any) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as opened:
        yield opened


def inputs(values: dict[str, Any] = VALUES, *, binary: bool = True, column: bool = False) -> list[Any]:
    tensors = []
    for name, array in values.items():
        given = array.reshape(-1, 1) if column else array
        tensor = triton.InferInput(name, list(given.shape), DATATYPES.get(name, "FP64"))
        tensors.append(tensor.set_data_from_numpy(given, binary_data=binary))
    return tensors


@pytest.fixture(scope="module")
def expected(model: Any) -> Any:
    rows = [
        {name: value.decode() if isinstance(value, bytes) else value for name, value in zip(VALUES, row, strict=True)}
        for row in zip(*(array.tolist() for array in VALUES.values()), strict=True)
    ]
    rows[1] |= {"age": None, "city": None}
    return model.score(model.decoder.convert(rows)).answers


def test_the_default_call_is_answered_bit_for_bit(client, expected):
    """Binary tensors in, binary tensors out."""
    result = client.infer("clinic", inputs(), request_id="mine")
    assert result.get_response()["id"] == "mine"
    assert result.get_output("probability")["parameters"]["binary_data_size"] == 3 * 2 * 8
    assert result.as_numpy("probability").tolist() == expected["probability"].tolist()
    assert [text.decode() for text in result.as_numpy("prediction")] == expected["prediction"].tolist()


@pytest.mark.parametrize("pack", [None, "gzip", "deflate"])
@pytest.mark.parametrize("unpack", [None, "gzip", "deflate"])
def test_bodies_may_be_compressed_either_way(client, expected, pack, unpack):
    many = {name: np.tile(array, 100) for name, array in VALUES.items()}
    result = client.infer(
        "clinic", inputs(many), request_compression_algorithm=pack, response_compression_algorithm=unpack
    )
    assert result.as_numpy("probability").tolist() == np.tile(expected["probability"], (100, 1)).tolist()


def test_json_and_binary_may_be_mixed(client, expected):
    # NaN is no JSON, so the first column stays binary
    tensors = inputs({"age": VALUES["age"]}) + inputs(
        {name: array for name, array in VALUES.items() if name != "age"}, binary=False
    )
    outputs = [triton.InferRequestedOutput("probability", binary_data=False), triton.InferRequestedOutput("prediction")]
    result = client.infer("clinic", tensors, outputs=outputs)
    assert "data" in result.get_output("probability")
    assert "data" not in result.get_output("prediction")
    assert result.as_numpy("probability").tolist() == expected["probability"].tolist()


def test_columns_of_shape_n_by_1_a_version_and_any_number_type(client, expected):
    for kind in (np.float16, np.float32, np.int8, np.uint16, np.uint64):
        values = VALUES | {"visits": VALUES["visits"].astype(kind)}
        tensors = inputs({name: array for name, array in values.items() if name != "visits"}, column=True)
        visits = triton.InferInput("visits", [3, 1], triton_type(kind))
        tensors.append(visits.set_data_from_numpy(values["visits"].reshape(-1, 1)))
        result = client.infer("clinic", tensors, model_version="1")
        assert result.as_numpy("probability").tolist() == expected["probability"].tolist()


def triton_type(kind: Any) -> str:
    from tritonclient.utils import np_to_triton_dtype

    return str(np_to_triton_dtype(kind))


def test_asynchronous_calls(client, expected):
    waiting = [client.async_infer("clinic", inputs()) for _ in range(5)]
    for one in waiting:
        assert one.get_result().as_numpy("probability").tolist() == expected["probability"].tolist()


def test_server_and_model_are_described(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("clinic")
    assert client.is_model_ready("clinic", "1")
    assert not client.is_model_ready("clinic", "7")
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("clinic", "1")
    assert {tensor["name"] for tensor in metadata["inputs"]} == set(VALUES)
    config = client.get_model_config("clinic")
    assert {one["name"]: one["data_type"] for one in config["output"]} == {
        "prediction": "TYPE_STRING",
        "probability": "TYPE_FP64",
    }
    assert client.get_model_repository_index() == [{"name": "clinic", "version": "1", "state": "READY"}]


def test_statistics_count_what_was_answered(client):
    def counted() -> int:
        return int(client.get_inference_statistics("clinic", "1")["model_stats"][0]["inference_count"])

    before = counted()
    client.infer("clinic", inputs())
    assert counted() == before + 3
    assert client.get_inference_statistics()["model_stats"][0]["name"] == "clinic"


def test_what_would_change_the_server_is_refused_and_what_would_not_is_granted(client):
    client.load_model("clinic")
    assert client.get_trace_settings()["trace_level"] == ["OFF"]
    assert client.get_trace_settings("clinic")["trace_level"] == ["OFF"]
    assert client.get_log_settings()["log_error"] is True
    assert client.get_system_shared_memory_status() == []
    assert client.get_cuda_shared_memory_status() == []
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory()
    for call in (
        lambda: client.load_model("other"),
        lambda: client.load_model("clinic", config='{"backend": "python"}'),
        lambda: client.unload_model("clinic"),
        lambda: client.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"], "trace_file": "/tmp/x"}),
        lambda: client.update_log_settings({"log_file": "/tmp/x"}),
        lambda: client.register_system_shared_memory("x", "/x", 8),
        lambda: client.register_cuda_shared_memory("x", b"x", 0, 8),
        lambda: client.infer("clinic", [triton.InferInput("age", [1], "FP64").set_shared_memory("x", 8)]),
        lambda: client.infer("clinic", inputs(), outputs=[triton.InferRequestedOutput("prediction", class_count=2)]),
    ):
        with pytest.raises(InferenceServerException) as refused:
            call()
        assert refused.value.status().startswith("4"), refused.value


def test_a_refusal_reaches_the_client_with_the_fields_name(client):
    with pytest.raises(InferenceServerException, match=r"rows\[0\].visits: a value is required"):
        client.infer("clinic", inputs_with("visits", np.array([np.nan]), "FP64"))
    with pytest.raises(InferenceServerException, match="smoker: datatype 'FP64', expected BOOL"):
        client.infer("clinic", inputs_with("smoker", np.array([1.0]), "FP64"))
    with pytest.raises(InferenceServerException, match=r"rows\[0\].age: expected a number, got infinity"):
        client.infer("clinic", inputs_with("age", np.array([np.inf]), "FP64"))
    with pytest.raises(InferenceServerException, match="there is no model 'other'"):
        client.infer("other", inputs())


def inputs_with(name: str, values: Any, datatype: str) -> list[Any]:
    tensors = inputs({other: array[:1] for other, array in VALUES.items() if other != name})
    return [*tensors, triton.InferInput(name, list(values.shape), datatype).set_data_from_numpy(values)]
