"""The Open Inference Protocol over gRPC, beside HTTP: the same routes, limits, token, counters and log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from modelwright.core.errors import ResourceError
from modelwright.serving.app import Application
from modelwright.serving.http import REQUEST_ID, Answer, Call
from modelwright.serving.model import Scored
from modelwright.serving.protocols import binary_tensors
from modelwright.serving.protocols import protocol_pages as pages
from modelwright.serving.protocols.grpc_messages import SERVICE, messages, missing_extra
from modelwright.serving.protocols.inference_protocol import (
    Inference,
    InferRequest,
    RequestedOutput,
    Tensor,
    datatype_of,
)
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import ServerSettings, TlsSettings
from modelwright.serving.traffic.routes import Route

logger = logging.getLogger(__name__)

CONTENTS = ("bool", "int", "int64", "uint", "uint64", "fp32", "fp64")
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
OPEN = ("ServerLive", "ServerReady")


async def start_grpc(app: Application, settings: ServerSettings) -> Any:
    """A server that answers already. ResourceError when the extra is missing or the port is taken."""
    assert settings.grpc_port is not None
    try:
        import grpc
    except ImportError as error:
        raise missing_extra() from error
    limit = settings.limits.body_bytes
    sizes = (("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", -1))
    shared = ("grpc.so_reuseport", int(settings.worker_folder is not None))
    server = grpc.aio.server(options=[*sizes, shared, ("grpc.max_metadata_size", settings.limits.header_bytes)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, Service(app).handlers()),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port}"
    try:
        port = _add_port(server, address, settings.tls)
    except RuntimeError:
        port = 0
    if not port:
        hint = "another process listens there; choose another with --set serve.grpc.port=…"
        raise ResourceError(f"can't listen on {address} for gRPC", hint=hint)
    await server.start()
    return server


class Service:
    """Each method takes and gives messages; what HTTP refuses with a status is refused here with its like."""

    def __init__(self, app: Application) -> None:
        self._app, self._made = app, messages()

    def handlers(self) -> dict[str, Any]:
        import grpc

        methods: dict[str, tuple[Callable[[Any, Call], Awaitable[Any]], str]] = {
            "ServerLive": (self._live, "ServerLive"),
            "ServerReady": (self._ready, "ServerReady"),
            "ModelReady": (self._model_ready, "ModelReady"),
            "ServerMetadata": (self._server_metadata, "ServerMetadata"),
            "ModelMetadata": (self._model_metadata, "ModelMetadata"),
            "ModelInfer": (self._infer, "ModelInfer"),
            "ModelStatistics": (self._statistics, "ModelStatistics"),
            "RepositoryIndex": (self._index, "RepositoryIndex"),
        }
        found = {
            name: grpc.unary_unary_rpc_method_handler(
                self._guarded(name, method),
                request_deserializer=self._made[f"{stem}Request"].FromString,
                response_serializer=self._made[f"{stem}Response"].SerializeToString,
            )
            for name, (method, stem) in methods.items()
        }
        found["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=self._made["ModelInferRequest"].FromString,
            response_serializer=self._made["ModelStreamInferResponse"].SerializeToString,
        )
        return found

    def _guarded(self, name: str, method: Callable[[Any, Call], Awaitable[Any]]) -> Callable[[Any, Any], Any]:
        async def answer(request: Any, context: Any) -> Any:
            import grpc

            call = _call(context, name)
            try:
                client = None if name in OPEN else _client(context)
                return await self._counted(call, method, request, client)
            except RequestError as refusal:
                code = getattr(grpc.StatusCode, STATUSES.get(refusal.status, "INTERNAL"))
                await context.abort(code, refusal.message)

        return answer

    async def _counted(
        self, call: Call, method: Callable[[Any, Call], Awaitable[Any]], request: Any, client: str | None
    ) -> Any:
        """RequestError for all that goes wrong; 500 tells nothing of a bug. No client: open to all."""
        app, status = self._app, 200
        app.metrics.in_flight += 1
        try:
            if client is not None:
                app.admit(call, client)
            return await method(request, call)
        except RequestError as refusal:
            status = refusal.status
            raise
        except Exception as error:
            logger.exception("request %s failed", call.request_id)
            status = 500
            raise RequestError(500, "internal error") from error
        finally:
            app.metrics.in_flight -= 1
            app.note(call, status)

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        response = self._made["ModelStreamInferResponse"]
        async for request in requests:
            call = _call(context, "ModelStreamInfer")
            try:
                yield response(infer_response=await self._counted(call, self._infer, request, _client(context)))
            except RequestError as refusal:
                yield response(error_message=refusal.message)

    async def _live(self, request: Any, call: Call) -> Any:
        return self._made["ServerLiveResponse"](live=True)

    async def _ready(self, request: Any, call: Call) -> Any:
        return self._made["ServerReadyResponse"](ready=not self._app.draining)

    async def _model_ready(self, request: Any, call: Call) -> Any:
        self._route(request.name, request.version)
        return self._made["ModelReadyResponse"](ready=not self._app.draining)

    async def _server_metadata(self, request: Any, call: Call) -> Any:
        return self._made["ServerMetadataResponse"](**pages.server())

    async def _model_metadata(self, request: Any, call: Call) -> Any:
        route = self._route(request.name, request.version) or self._app.router.first
        return self._made["ModelMetadataResponse"](
            **pages.model(route.model.signature, sorted(self._app.router.by_version))
        )

    async def _statistics(self, request: Any, call: Call) -> Any:
        route = self._route(request.name, request.version) if request.name else None
        found = pages.statistics(self._app.router, self._app.metrics, route)
        return self._made["ModelStatisticsResponse"](**found)

    async def _index(self, request: Any, call: Call) -> Any:
        found = pages.index(self._app.router, not self._app.draining)
        return self._made["RepositoryIndexResponse"](models=found)

    async def _infer(self, request: Any, call: Call) -> Any:
        forced = self._route(request.model_name, request.model_version)
        inference = _inference(request)
        if inference.id and REQUEST_ID.fullmatch(inference.id):
            call.request_id = inference.id
        made: list[Any] = []

        def render(route: Route, scored: Scored) -> Answer:
            made.append(self._response(inference, route, scored))
            return Answer(b"")

        await self._app.answering.answer(call, lambda route: inference.rows(route.model), render, forced)
        return made[-1]

    def _response(self, inference: Inference, route: Route, scored: Scored) -> Any:
        outputs, raw = [], []
        for output, values in inference.outputs(route.model, scored):
            outputs.append({"name": output.name, "datatype": datatype_of(output), "shape": list(values.shape)})
            raw.append(binary_tensors.raw_of(datatype_of(output), values))
        model, version = route.model.name, str(route.model.version)
        return self._made["ModelInferResponse"](
            model_name=model, model_version=version, id=inference.id or "", outputs=outputs, raw_output_contents=raw
        )

    def _route(self, name: str, version: str) -> Route | None:
        if name != self._app.name:
            raise RequestError(404, f"there is no model {name[:80]!r}; this server has {self._app.name!r}")
        return self._app.answering.of_version(version) if version else None


def _inference(request: Any) -> Inference:
    """Values come either all raw, or all typed."""
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise RequestError(422, f"raw_input_contents has {len(raw)} entries for {len(request.inputs)} inputs")
    tensors = []
    for given in request.inputs:
        if any("memory" in name for name in given.parameters):
            raise RequestError(422, f"{given.name[:80]}: shared memory is not supported", field=given.name)
        tensor = Tensor(given.name, list(given.shape), given.datatype)
        if not raw:
            tensor.data = _values(given)
        tensors.append(tensor)
    outputs = [RequestedOutput(output.name, dict.fromkeys(output.parameters, True)) for output in request.outputs]
    known = InferRequest(tensors, id=request.id, outputs=outputs)
    return Inference(known, dict(enumerate(raw)))


def _values(given: Any) -> list[Any]:
    if given.datatype == "BYTES":
        try:
            return [value.decode() for value in given.contents.bytes_contents]
        except UnicodeDecodeError as error:
            raise RequestError(422, f"{given.name[:80]}: is not UTF-8", field=given.name) from error
    found = [value for kind in CONTENTS for value in getattr(given.contents, f"{kind}_contents")]
    return [None if isinstance(value, float) and value != value else value for value in found]


def _call(context: Any, name: str) -> Call:
    async def nothing() -> dict[str, Any]:
        raise AssertionError("a call over gRPC has its body")

    pairs = ((key, value) for key, value in context.invocation_metadata() if isinstance(value, str))
    headers = {key.encode(): value.encode() for key, value in pairs}
    call = Call.of({"method": "POST", "headers": list(headers.items())}, nothing)
    call.path = f"grpc/{name}"
    return call


def _client(context: Any) -> str:
    """The address of `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`."""
    peer = str(context.peer()).partition(":")[2].rpartition(":")[0]
    return peer.removeprefix("%5B").removesuffix("%5D").strip("[]")


def _add_port(server: Any, address: str, tls: TlsSettings | None) -> int:
    if tls is None:
        return int(server.add_insecure_port(address))
    import grpc

    pair = (Path(tls.key).read_bytes(), Path(tls.cert).read_bytes())
    return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))
