"""Format and size of an image from its bytes, without decoding it. Standard library only.

Formats: PNG (ISO 15948), JPEG (ITU T.81), GIF89a, BMP, WebP (RFC 9649).
"""

from __future__ import annotations

import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG markers that carry the size
ALONE = {0x01, *range(0xD0, 0xD8)}  # JPEG markers without a length


def describe_image(content: bytes) -> dict[str, str | int]:
    """`format`, `width`, `height`. ValueError, with the reason, for what is no whole image."""
    for magic, name, size in (
        (PNG, "png", _png),
        (JPEG, "jpeg", _jpeg),
        (b"GIF8", "gif", _gif),
        (b"BM", "bmp", _bmp),
        (b"RIFF", "webp", _webp),
    ):
        if content.startswith(magic):
            try:
                width, height = size(content)
            except (struct.error, IndexError):
                raise ValueError(f"the {name} image ends early") from None
            if not (0 < width <= 1 << 20 and 0 < height <= 1 << 20):
                raise ValueError(f"the {name} image says that it is {width} x {height} pixels")
            return {"format": name, "width": width, "height": height}
    raise ValueError("is empty" if not content else "is not an image of a known format")


def _png(content: bytes) -> tuple[int, int]:
    """Each chunk has a checksum, so damage is seen."""
    at = len(PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        data = content[at + 4 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, at + 8 + length)
        if zlib.crc32(data) != checksum:
            raise ValueError("the png image is damaged")
        if kind == b"IEND":
            break
        at += 12 + length
    return struct.unpack_from(">II", content, len(PNG) + 8)


def _jpeg(content: bytes) -> tuple[int, int]:
    if b"\xff\xd9" not in content[-1024:]:
        raise ValueError("the jpeg image ends early")
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("the jpeg image is damaged")
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if marker in (0xD9, 0xDA):
            raise ValueError("the jpeg image has no size")
        at += 2 if marker in ALONE else 2 + struct.unpack_from(">H", content, at + 2)[0]


def _gif(content: bytes) -> tuple[int, int]:
    if not content.rstrip(b"\0").endswith(b";"):
        raise ValueError("the gif image ends early")
    return struct.unpack_from("<HH", content, 6)


def _bmp(content: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", content, 2)[0] > len(content):
        raise ValueError("the bmp image ends early")
    width, height = struct.unpack_from("<ii", content, 18)
    return width, abs(height)


def _webp(content: bytes) -> tuple[int, int]:
    length, form, kind = struct.unpack_from("<I4s4s", content, 4)
    if form != b"WEBP":
        raise ValueError("is not an image of a known format")
    if length + 8 > len(content):
        raise ValueError("the webp image ends early")
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", content, 26))
    return width, height
