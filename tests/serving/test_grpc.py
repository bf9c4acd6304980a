"""NVIDIA's client over gRPC against a real server: the answers of HTTP, its refusals, its token."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from modelwright.serving.protocols.grpc_messages import MESSAGES, messages
from modelwright.serving.settings import AccessSettings
from serving.test_tls import pair

VALUES: dict[str, tuple[str, Any]] = {
    "age": ("FP64", np.array([41.5, np.nan])),
    "income.$ [k]": ("FP32", np.array([12.25, 3.0], np.float32)),
    "visits": ("INT64", np.array([3, 0])),
    "smoker": ("BOOL", np.array([True, False])),
    "city": ("BYTES", np.array(["Kyiv", ""], object)),
    "joined": ("BYTES", np.array(["2026-01-01T08:00:00Z"] * 2, object)),
    "note": ("BYTES", np.array(["knee", "Ünï"], object)),
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def inputs(**changes: tuple[str, Any]) -> list[Any]:
    tensors = []
    for name, (kind, array) in {**VALUES, **changes}.items():
        tensors.append(triton.InferInput(name, list(array.shape), kind).set_data_from_numpy(array))
    return tensors


@pytest.fixture(scope="module")
def port(start_for_module: Any) -> int:
    chosen = free_port()
    start_for_module(grpc_port=chosen)
    return chosen


@pytest.fixture
def client(port: int) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(model: Any) -> Any:
    rows = [
        dict(zip(VALUES, row, strict=True))
        for row in zip(*(array.tolist() for _, array in VALUES.values()), strict=True)
    ]
    rows[1] |= {"age": None, "city": None}
    return model.score(model.decoder.convert(rows)).answers


def test_the_default_call_is_answered_bit_for_bit(client, expected):
    result = client.infer("clinic", inputs(), request_id="mine")
    assert result.get_response().id == "mine"
    assert result.get_response().model_version == "1"
    assert result.as_numpy("probability").tolist() == expected["probability"].tolist()
    assert [text.decode() for text in result.as_numpy("prediction")] == expected["prediction"].tolist()


def test_with_a_certificate_it_is_grpcs_alone(start, expected, tmp_path):
    files, chosen = pair(tmp_path), free_port()
    (tmp_path / "stranger").mkdir()
    start(grpc_port=chosen, tls=files, access=AccessSettings(predict="secret"))
    address, token = f"localhost:{chosen}", {"authorization": "Bearer secret"}
    with triton.InferenceServerClient(address, ssl=True, root_certificates=files.cert) as trusting:
        result = trusting.infer("clinic", inputs(), headers=token)
        assert result.as_numpy("probability").tolist() == expected["probability"].tolist()
        with pytest.raises(InferenceServerException, match="UNAUTHENTICATED"):
            trusting.infer("clinic", inputs())
    with (
        triton.InferenceServerClient(address) as plain,
        pytest.raises(InferenceServerException, match="UNAVAILABLE"),
    ):
        plain.infer("clinic", inputs(), headers=token, client_timeout=20)
    other = pair(tmp_path / "stranger").cert
    with (
        triton.InferenceServerClient(address, ssl=True, root_certificates=other) as doubting,
        pytest.raises(InferenceServerException, match="UNAVAILABLE"),
    ):
        doubting.infer("clinic", inputs(), headers=token, client_timeout=20)


def test_typed_contents_are_taken_too(port, expected):
    """What clients of KServe that know no raw contents send."""
    import grpc

    made = messages()
    fields = {"FP64": "fp64", "FP32": "fp32", "INT64": "int64", "BOOL": "bool", "BYTES": "bytes"}
    tensors = []
    for name, (kind, array) in VALUES.items():
        values = [value.encode() if isinstance(value, str) else value for value in array.tolist()]
        contents = {f"{fields[kind]}_contents": values}
        tensors.append({"name": name, "datatype": kind, "shape": [2], "contents": contents})
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        infer = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=made["ModelInferRequest"].SerializeToString,
            response_deserializer=made["ModelInferResponse"].FromString,
        )
        answer = infer(made["ModelInferRequest"](model_name="clinic", inputs=tensors))
    assert np.frombuffer(answer.raw_output_contents[1]).reshape(2, 2).tolist() == expected["probability"].tolist()


def test_chosen_outputs_versions_and_compression(client, expected):
    result = client.infer(
        "clinic",
        inputs(),
        model_version="1",
        outputs=[triton.InferRequestedOutput("probability")],
        compression_algorithm="gzip",
    )
    assert result.as_numpy("prediction") is None
    assert result.as_numpy("probability").tolist() == expected["probability"].tolist()


def test_a_stream_answers_and_goes_on_after_a_refusal(client, expected):
    got: list[tuple[Any, Any]] = []
    client.start_stream(lambda result, error: got.append((result, error)))
    client.async_stream_infer("clinic", inputs(visits=("FP64", np.array([0.5, 1.0]))))
    client.async_stream_infer("clinic", inputs())
    client.stop_stream()
    assert "visits: expected a whole number" in str(got[0][1])
    assert got[1][0].as_numpy("probability").tolist() == expected["probability"].tolist()


def test_server_and_model_are_described(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("clinic", "1")
    assert client.get_server_metadata().name == "modelwright"
    metadata = client.get_model_metadata("clinic")
    assert [tensor.name for tensor in metadata.inputs] == list(VALUES)
    assert list(metadata.outputs[1].shape) == [-1, 2]
    assert client.get_model_repository_index().models[0].state == "READY"
    before = client.get_inference_statistics("clinic").model_stats[0].inference_count
    client.infer("clinic", inputs())
    assert client.get_inference_statistics("clinic").model_stats[0].inference_count == before + 2


REFUSED: dict[str, tuple[Any, str, str]] = {
    "wrong datatype": (inputs(smoker=("FP64", np.array([1.0, 0.0]))), "INVALID_ARGUMENT", "smoker: datatype"),
    "missing": (inputs(visits=("FP32", np.array([np.nan, 1], np.float32))), "INVALID_ARGUMENT", r"rows\[0\].visits"),
    "infinity": (inputs(age=("FP64", np.array([1.0, np.inf]))), "INVALID_ARGUMENT", r"rows\[1\].age"),
    "unknown input": (inputs(agee=("FP64", np.array([1.0, 2.0]))), "INVALID_ARGUMENT", 'did you mean "age"'),
    "rows disagree": (inputs(age=("FP64", np.array([1.0]))), "INVALID_ARGUMENT", "number of rows"),
    "shared memory": (
        [triton.InferInput("age", [1], "FP64").set_shared_memory("x", 8)],
        "INVALID_ARGUMENT",
        "shared memory",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_by_name(client, case):
    tensors, status, words = REFUSED[case]
    with pytest.raises(InferenceServerException, match=words) as refused:
        client.infer("clinic", tensors)
    assert status in refused.value.status()


def test_unknown_models_and_versions_are_not_found(client):
    for name, version in (("other", ""), ("clinic", "7")):
        with pytest.raises(InferenceServerException, match="there is no") as refused:
            client.infer(name, inputs(), model_version=version)
        assert "NOT_FOUND" in refused.value.status()


def test_the_token_guards_grpc_too_and_what_is_answered_is_counted_and_logged(start_for_module, tmp_path):
    from modelwright.serving.log.reading_log import read_log

    chosen = free_port()
    server = start_for_module(
        grpc_port=chosen, access=AccessSettings(predict="sesame"), log_folder=str(tmp_path), drain_s=0.0
    )
    with triton.InferenceServerClient(f"127.0.0.1:{chosen}") as client:
        assert client.is_server_live()
        with pytest.raises(InferenceServerException, match="token is required"):
            client.infer("clinic", inputs())
        with pytest.raises(InferenceServerException, match="not valid"):
            client.infer("clinic", inputs(), headers={"authorization": "Bearer wrong"})
        client.infer("clinic", inputs(), headers={"authorization": "Bearer sesame"}, request_id="r-7")
    server.process.terminate()
    assert server.line()["stopped"]["rows"] == 2
    assert server.wait() == 0
    table = read_log(tmp_path)
    assert table is not None
    assert table["request_id"].to_pylist() == ["r-7", "r-7"]


def test_a_port_in_use_is_exit_5(start_for_module):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        failure = start_for_module(grpc_port=taken.getsockname()[1]).failure
    assert failure["exit_code"] == 5
    assert "gRPC" in failure["problems"][0][0]


def test_without_the_extra_the_hint_says_what_to_install(bundle):
    program = f"""
import sys
sys.modules["grpc"] = None
from modelwright.core.errors import ResourceError
from modelwright.serving.server import serve
from modelwright.serving.settings import RouteSettings, ServerSettings
settings = ServerSettings(routes=(RouteSettings("champion", 1.0, {str(bundle.folder)!r}),), port=0, grpc_port=0)
try:
    serve(settings, print)
except ResourceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'modelwright[grpc]'" in done.stdout
    assert "http" not in done.stdout


def test_the_messages_are_on_the_wire_what_the_protocol_says():
    """Field by field against the stubs that NVIDIA generated."""
    from tritonclient.grpc import service_pb2

    nested = {
        "TensorMetadata": service_pb2.ModelMetadataResponse.TensorMetadata,
        "InferTensor": service_pb2.ModelInferRequest.InferInputTensor,
        "InferRequestedOutputTensor": service_pb2.ModelInferRequest.InferRequestedOutputTensor,
        "ModelIndex": service_pb2.RepositoryIndexResponse.ModelIndex,
    }
    made = messages()
    for name in MESSAGES:
        theirs = (nested.get(name) or getattr(service_pb2, name)).DESCRIPTOR.fields_by_name
        for field in made[name].DESCRIPTOR.fields:
            other = theirs[field.name]
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated), name
