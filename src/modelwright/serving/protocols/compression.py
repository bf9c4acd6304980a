"""Compressed bodies: gzip and deflate, as `Content-Encoding` says, unpacked no further than the limit for a body."""

from __future__ import annotations

import gzip
import zlib

from modelwright.serving.refusals import RequestError

SMALLEST = 1_000  # bytes; below it compressing costs more than it saves
FASTEST = 1
WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}  # deflate is zlib's own format, RFC 9110


def supported(encoding: bytes) -> bool:
    return encoding in WINDOWS


def unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """RequestError 400 when it is damaged or goes on after its end, 413 when it would be larger than the limit."""
    name = encoding.decode()
    unpacker = zlib.decompressobj(WINDOWS[encoding])
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise RequestError(400, f"the body is not valid {name}: {error}") from error
    if len(content) > limit:
        raise RequestError(413, f"the unpacked body is larger than {limit} bytes")
    if not unpacker.eof:
        raise RequestError(400, f"the body is not valid {name}: it ends too early")
    if unpacker.unused_data:
        raise RequestError(400, f"the body is not valid {name}: something follows its end")
    return content


def packed(body: bytes, accepted: bytes) -> tuple[bytes, bytes | None]:
    """The body in an encoding that the caller accepts, and its name; as it was when it is small."""
    if len(body) < SMALLEST or not accepted:
        return body, None
    if _accepts(accepted, b"gzip"):
        return gzip.compress(body, FASTEST, mtime=0), b"gzip"
    if _accepts(accepted, b"deflate"):
        return zlib.compress(body, FASTEST), b"deflate"
    return body, None


def _accepts(accepted: bytes, encoding: bytes) -> bool:
    """Whether `Accept-Encoding` names it, with a weight above 0."""
    for part in accepted.lower().replace(b" ", b"").split(b","):
        name, _, weight = part.partition(b";q=")
        if name == encoding:
            return weight.rstrip(b"0.") != b"" or weight == b""
    return False
