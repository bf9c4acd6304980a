"""Reads gzip and zstd files as what is in them, and stops at those that would fill the disk.

What a file is, its first bytes say, not its name.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, cast

from modelwright.core.errors import DataError, ResourceError
from modelwright.core.units import format_bytes

MAGIC: tuple[tuple[bytes, Literal["gzip", "zstd"]], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
CHUNK = 1 << 20
MOST_TIMES_LARGER = 500  # tables rarely reach 50; gzip can go to 1,000, zstd far beyond
ALWAYS_FINE = 256_000_000
LEFT_FREE = 500_000_000  # bytes of disk that unpacking leaves


def packing_of(start: bytes) -> Literal["gzip", "zstd"] | None:
    """How a file that begins with these bytes is compressed."""
    return next((packing for magic, packing in MAGIC if start.startswith(magic)), None)


def packing(path: Path) -> Literal["gzip", "zstd"] | None:
    with path.open("rb") as file:
        return packing_of(file.read(4))


@contextmanager
def opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """The file's content, unpacked on the way. DataError when it is damaged or ends early."""
    with path.open("rb") as file, unpacked(file, packing(path), name) as content:
        yield content


@contextmanager
def unpacked(file: IO[bytes], packed: Literal["gzip", "zstd"] | None, name: str) -> Iterator[BinaryIO]:
    try:
        if packed == "zstd":
            import pyarrow as pa  # the standard library learns zstd with Python 3.14

            with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as content:
                yield cast("BinaryIO", content)
        elif packed == "gzip":
            with gzip.GzipFile(fileobj=file) as content:
                yield cast("BinaryIO", content)
        else:
            yield cast("BinaryIO", file)
    except EOFError as error:
        raise DataError(f"the {packed} file ends early", where=name, hint="get the whole file") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"the gzip file is damaged: {error}", where=name, hint="get it again") from error
    except OSError as error:
        if packed == "zstd" and error.errno is None:
            raise DataError(f"the zstd file is damaged: {error}", where=name, hint="get it again") from error
        raise


def unpack(path: Path, target: Path, name: str) -> None:
    """Write the file's content to `target`."""
    with opened(path, name) as content:
        copy_capped(content, target, path.stat().st_size, name)


def copy_capped(content: BinaryIO, target: Path, packed_bytes: int, name: str) -> None:
    """Copy a stream to a file. DataError for a decompression bomb, ResourceError before the disk is full."""
    most = max(MOST_TIMES_LARGER * packed_bytes, ALWAYS_FINE)
    written = 0
    with target.open("wb") as file:
        while chunk := content.read(CHUNK):
            written += len(chunk)
            if written > most:
                raise DataError(
                    f"{format_bytes(packed_bytes)} unpack to more than {format_bytes(most)}: a decompression bomb?",
                    where=name,
                    hint="if it is meant, unpack it and name the unpacked file",
                )
            if written % (64 * CHUNK) < len(chunk) and shutil.disk_usage(target.parent).free < LEFT_FREE:
                raise ResourceError("no disk space to unpack it", where=name, hint="free space, or pass --runs DIR")
            file.write(chunk)
