"""Lists and fetches objects of `s3://` and the other file systems that Arrow knows by URL.

Only what a spec names is asked for. Names and entity tags stand for the data where nothing else can.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError, ResourceError
from modelwright.tables.sources.files import suffix_of

if TYPE_CHECKING:
    from pyarrow import fs

URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)/?(.*)", re.DOTALL)
MAGIC = re.compile(r"[*?\[]")
CONNECT_TIMEOUT_S = 10
REQUEST_TIMEOUT_S = 60
ATTEMPTS = 3


@dataclass(frozen=True)
class Access:
    """How a file system is reached; what is left out comes from the environment, as its own tools have it."""

    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        return f"Access(endpoint={self.endpoint!r}, region={self.region!r})"


@dataclass(frozen=True)
class Remote:
    """An object: its URL, its path within the file system, and what changes when its content does."""

    url: str
    path: str
    bytes: int
    tag: str


def is_url(path: str) -> bool:
    return URL.fullmatch(path) is not None


def find(url: str, suffixes: Sequence[str], access: Access) -> list[Remote]:
    """The objects of a URL, a glob or a folder (those ending in a suffix), sorted. DataError when there are none."""
    with _told(url):
        system, root, prefix = _file_system(url, access)
        found = sorted(_infos(system, root, suffixes), key=lambda info: str(info.path))
        if not found:
            raise DataError(f"{url}: no object matches", hint="is the bucket, the prefix and the glob right?")
        return [Remote(prefix + info.path, info.path, info.size or 0, _tag(system, info)) for info in found]


@contextmanager
def open_remote(remote: Remote, access: Access) -> Iterator[Any]:
    with _told(remote.url):
        system, _, _ = _file_system(remote.url, access)
        with system.open_input_stream(remote.path, compression=None) as stream:
            yield stream


def _file_system(url: str, access: Access) -> tuple[fs.FileSystem, str, str]:
    """The file system, the path in it, and what a URL has before such a path."""
    from pyarrow import fs

    found = URL.fullmatch(url)
    assert found is not None  # callers ask is_url first
    scheme, host, inside = found.groups()
    if scheme == "s3":
        options: dict[str, Any] = {"anonymous": access.anonymous, "region": access.region}
        if access.endpoint is not None:
            given, _, place = access.endpoint.rpartition("://")
            options |= {"endpoint_override": place, "scheme": given or "https"}
        if access.access_key is not None:
            options |= {"access_key": access.access_key, "secret_key": access.secret_key}
        options["retry_strategy"] = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
        known = {name: value for name, value in options.items() if value is not None}
        system = fs.S3FileSystem(connect_timeout=CONNECT_TIMEOUT_S, request_timeout=REQUEST_TIMEOUT_S, **known)
        return system, f"{host}/{inside}".rstrip("/"), "s3://"
    still = MAGIC.split(inside)[0].rpartition("/")[0] if MAGIC.search(inside) else inside
    system, path = fs.FileSystem.from_uri(f"{scheme}://{host}/{still}")
    before = url[: url.index(path)] if path and path in url else f"{scheme}://{host}/"
    return system, (path + inside[len(still) :]).rstrip("/"), before


def _infos(system: fs.FileSystem, path: str, suffixes: Sequence[str]) -> list[fs.FileInfo]:
    from pyarrow import fs

    if not MAGIC.search(path):
        info = system.get_file_info(path)
        if info.type == fs.FileType.File:
            return [info]
        if info.type == fs.FileType.NotFound:
            return []
        return [one for one in _files(system, path, deep=False) if suffix_of(Path(one.path)) in suffixes]
    parts = path.split("/")
    fixed = next(number for number, part in enumerate(parts) if MAGIC.search(part))
    deep = fixed < len(parts) - 1
    return [info for info in _files(system, "/".join(parts[:fixed]), deep=deep) if _fits(info.path, path)]


def _files(system: fs.FileSystem, folder: str, *, deep: bool) -> list[fs.FileInfo]:
    from pyarrow import fs

    infos = system.get_file_info(fs.FileSelector(folder, recursive=deep))
    return [info for info in infos if info.type == fs.FileType.File]


def _fits(path: str, pattern: str) -> bool:
    """As a shell has it: `*` stays within a folder, `**` does not."""
    return _parts_fit(PurePosixPath(path).parts, PurePosixPath(pattern).parts)


def _parts_fit(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts_fit(parts[skipped:], patterns[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], patterns[0]) and _parts_fit(parts[1:], patterns[1:])


def _tag(system: fs.FileSystem, info: fs.FileInfo) -> str:
    """The entity tag where there is one, else size and time of the last change."""
    with system.open_input_file(info.path) as file:
        known = {_text(name).lower(): _text(value) for name, value in (file.metadata() or {}).items()}
    return known.get("etag") or f"{info.size} bytes of {info.mtime_ns}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


@contextmanager
def _told(url: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{url}: {_first_line(error)}", hint="URLs begin with s3://, gs://, hdfs:// or abfs://"
        ) from error
    except (FileNotFoundError, PermissionError) as error:
        raise DataError(f"{url}: {_first_line(error)}") from error
    except OSError as error:
        hint = "check prepare.source.filesystem, the credentials (AWS_ACCESS_KEY_ID, …) and the network"
        raise ResourceError(f"{url}: {_first_line(error)}", hint=hint) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
