"""Tells from its bytes whether an ONNX model would read other files: ONNX Runtime follows such paths."""

from collections.abc import Iterator

# Field numbers of messages in onnx.proto that lead to tensors: message -> field -> message.
PATHS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14


def has_external_data(model: bytes) -> bool:
    """True when any tensor says that its data is elsewhere, or the bytes can't be followed."""
    if b"location" not in model:  # the key that every reference to another file has; spares walking large forests
        return False
    try:
        return _follows(memoryview(model), "model")
    except (IndexError, ValueError):
        return True


def _follows(message: memoryview, kind: str) -> bool:
    for field, content in _fields(message):
        if kind == "tensor":
            if field in (EXTERNAL_DATA, DATA_LOCATION) and len(content):
                return True
        elif field in PATHS[kind] and _follows(content, PATHS[kind][field]):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Field numbers and raw contents of a protobuf message; a zero varint is given as empty."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, end = _varint(message, at)
            start = at if value else end
        elif wire == 2:
            size, start = _varint(message, at)
            end = start + size
        elif wire in (1, 5):
            start, end = at, at + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"wire type {wire}")
        if end > len(message):
            raise ValueError("cut short")
        yield field, message[start:end]
        at = end


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("varint too long")
