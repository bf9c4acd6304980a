"""The messages of the Open Inference Protocol over gRPC, made while running from the tables below.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto and those
of Triton's extensions that its clients ask for. So there is no generated code, and no generator to keep in step.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from modelwright.core.errors import ResourceError

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
# message: its fields as `number name type`; `[]` after a type: repeated; `{}`: a map from strings to it
MESSAGES: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("1 live bool",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("1 ready bool",),
    "ModelReadyRequest": ("1 name string", "2 version string"),
    "ModelReadyResponse": ("1 ready bool",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("1 name string", "2 version string", "3 extensions string[]"),
    "ModelMetadataRequest": ("1 name string", "2 version string"),
    "TensorMetadata": ("1 name string", "2 datatype string", "3 shape int64[]"),
    "ModelMetadataResponse": (
        "1 name string",
        "2 versions string[]",
        "3 platform string",
        "4 inputs TensorMetadata[]",
        "5 outputs TensorMetadata[]",
    ),
    "InferParameter": ("1 bool_param bool", "2 int64_param int64", "3 string_param string"),
    "InferTensorContents": (
        "1 bool_contents bool[]",
        "2 int_contents int32[]",
        "3 int64_contents int64[]",
        "4 uint_contents uint32[]",
        "5 uint64_contents uint64[]",
        "6 fp32_contents float[]",
        "7 fp64_contents double[]",
        "8 bytes_contents bytes[]",
    ),
    "InferTensor": (
        "1 name string",
        "2 datatype string",
        "3 shape int64[]",
        "4 parameters InferParameter{}",
        "5 contents InferTensorContents",
    ),
    "InferRequestedOutputTensor": ("1 name string", "2 parameters InferParameter{}"),
    "ModelInferRequest": (
        "1 model_name string",
        "2 model_version string",
        "3 id string",
        "4 parameters InferParameter{}",
        "5 inputs InferTensor[]",
        "6 outputs InferRequestedOutputTensor[]",
        "7 raw_input_contents bytes[]",
    ),
    "ModelInferResponse": (
        "1 model_name string",
        "2 model_version string",
        "3 id string",
        "4 parameters InferParameter{}",
        "5 outputs InferTensor[]",
        "6 raw_output_contents bytes[]",
    ),
    "ModelStreamInferResponse": ("1 error_message string", "2 infer_response ModelInferResponse"),
    "ModelStatisticsRequest": ("1 name string", "2 version string"),
    "ModelStatistics": (
        "1 name string",
        "2 version string",
        "4 inference_count uint64",
        "5 execution_count uint64",
    ),
    "ModelStatisticsResponse": ("1 model_stats ModelStatistics[]",),
    "RepositoryIndexRequest": ("1 repository_name string", "2 ready bool"),
    "ModelIndex": ("1 name string", "2 version string", "3 state string", "4 reason string"),
    "RepositoryIndexResponse": ("1 models ModelIndex[]",),
}
SCALARS = {
    "double": 1,
    "float": 2,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "bool": 8,
    "string": 9,
    "bytes": 12,
    "uint32": 13,
}
MESSAGE, ONE, MANY = 11, 1, 3


@cache
def messages() -> dict[str, Any]:
    """The class of each message, in a pool of their own. ResourceError without the extra."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise missing_extra() from error
    file = descriptor_pb2.FileDescriptorProto(name="modelwright/inference.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for line in fields:
            _add_field(message, line)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def missing_extra() -> ResourceError:
    return ResourceError("serve.grpc: grpcio is not installed", hint="pip install 'modelwright[grpc]'")


def _add_field(message: Any, line: str) -> None:
    number, name, kind = line.split()
    if kind.endswith("{}"):
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "1 key string")
        _add_field(entry, f"2 value {kind[:-2]}")
        kind = f"{message.name}.{entry.name}[]"
    one = kind.removesuffix("[]")
    field = message.field.add(name=name, number=int(number), label=MANY if kind.endswith("[]") else ONE)
    field.type = SCALARS.get(one, MESSAGE)
    if one not in SCALARS:
        field.type_name = f".{PACKAGE}.{one}"
