"""Objects of S3 are read like files: a server of moto on this machine stands for it."""

from __future__ import annotations

import gzip
import importlib.util
import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from modelwright.chains.run import run_stage
from modelwright.core.errors import DataError, ResourceError
from modelwright.core.progress import Silent
from modelwright.parts import catalog
from modelwright.parts.readers.csv import Csv
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages.job import Job
from modelwright.tables.engine import Engine
from modelwright.tables.reading import clear

needs_moto = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("moto", "flask_cors")), reason="moto[s3] and flask are not here"
)
pytestmark = needs_moto
START_S = 60


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("w")
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None and time.monotonic() < deadline, "the server of moto did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> fs.FileSystem:
    """An empty bucket of the test's own; credentials come from the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    host = endpoint.removeprefix("http://")
    system = fs.S3FileSystem(endpoint_override=host, scheme="http", region="us-east-1", allow_bucket_creation=True)
    name = f"b{abs(hash(request.node.name)) % 10**12}"
    system.create_dir(name)
    return fs.SubTreeFileSystem(name, system)


def url(bucket: fs.FileSystem, path: str) -> str:
    return f"s3://{bucket.base_path.strip('/')}/{path}"


def put(bucket: fs.FileSystem, path: str, content: bytes) -> None:
    with bucket.open_output_stream(path, compression=None) as file:
        file.write(content)


def of(endpoint: str) -> dict[str, object]:
    return {"filesystem": {"endpoint": endpoint, "region": "us-east-1"}}


def rows(engine: Engine) -> list[tuple[object, ...]]:
    return engine.rows('SELECT * EXCLUDE ("__file__") FROM raw')


def test_globs_and_folders_of_csv_objects_packed_or_not(
    engine: Engine, tmp_path: Path, endpoint: str, bucket: fs.FileSystem
) -> None:
    put(bucket, "rides/1.csv", b"a,b\n1,2\n3\n")
    put(bucket, "rides/2.csv.gz", gzip.compress(b"b,a\n5,4\n"))
    put(bucket, "rides/readme.md", b"# rides")
    put(bucket, "rides/old/0.csv", b"a,b\n0,0\n")
    reader = Csv.model_validate({"path": url(bucket, "rides/"), **of(endpoint)})
    assert reader.inputs(tmp_path) == [] and reader.header(tmp_path) is None
    reading = reader.read(engine, tmp_path)
    assert rows(engine) == [("1", "2"), ("4", "5")]
    assert engine.rows("SELECT file, line FROM rejects") == [(url(bucket, "rides/1.csv"), 3)]
    assert reading.places([1])[1] == (url(bucket, "rides/2.csv.gz"), 2)
    deep = Csv.model_validate({"path": url(bucket, "rides/**/*.csv"), **of(endpoint)}).fingerprint(tmp_path)
    assert sorted(deep or ()) == [url(bucket, "rides/1.csv"), url(bucket, "rides/old/0.csv")]


def test_parquet_arrow_and_json_objects(engine: Engine, tmp_path: Path, endpoint: str, bucket: fs.FileSystem) -> None:
    table = pa.table({"x": [1, 2], "s": ["a", None]})
    for kind, write in (("parquet", pq.write_table), ("arrow", feather.write_feather)):
        buffer = io.BytesIO()
        write(table, buffer)
        put(bucket, f"t.{kind}", buffer.getvalue())
    put(bucket, "t.jsonl", b'{"x": 1, "s": "a"}\n{"x": 2}\n')
    for kind in ("parquet", "arrow", "jsonl"):
        reader = catalog.load("readers", kind).model_validate({"path": url(bucket, f"t.{kind}"), **of(endpoint)})
        reader.read(engine, tmp_path)  # type: ignore[attr-defined]
        assert [(int(str(x)), s) for x, s in rows(engine)] == [(1, "a"), (2, None)]
        clear(engine)


def test_entity_tags_stand_for_the_data(tmp_path: Path, endpoint: str, bucket: fs.FileSystem) -> None:
    reader = Csv.model_validate({"path": url(bucket, "*.csv"), **of(endpoint)})
    put(bucket, "a.csv", b"a,b\n1,2\n")
    before = reader.fingerprint(tmp_path)
    assert reader.fingerprint(tmp_path) == before and list(before or ()) == [url(bucket, "a.csv")]
    put(bucket, "a.csv", b"a,b\n1,3\n")
    assert reader.fingerprint(tmp_path) != before


SPEC = """\
name: far
task: {{kind: regression, target: y}}
prepare:
  source:
    kind: csv
    path: {url}
    incremental: {incremental}
    filesystem: {{endpoint: "{endpoint}", region: us-east-1, access_key: "${{env:AWS_ACCESS_KEY_ID}}",
                  secret_key: "${{env:AWS_SECRET_ACCESS_KEY}}"}}
"""


@pytest.mark.parametrize("incremental", ["true", "false"])
def test_what_is_unchanged_there_is_not_prepared_again(
    tmp_path: Path, endpoint: str, bucket: fs.FileSystem, incremental: str
) -> None:
    def prepared() -> tuple[bool, int]:
        loaded = load(tmp_path / "far.yaml")
        result = run_stage(
            "prepare", Job(loaded.spec, loaded.base, Store(tmp_path / "runs"), spec_text=loaded.text), Silent()
        )
        return result.cached, result.summary["rows"]["read"]

    text = SPEC.format(url=url(bucket, "week-*.csv"), endpoint=endpoint, incremental=incremental)
    (tmp_path / "far.yaml").write_text(text)
    put(bucket, "week-1.csv", ("x,y\n" + "".join(f"{n},{n * 2}\n" for n in range(200))).encode())
    assert prepared() == (False, 200)
    assert prepared() == (True, 200)
    put(bucket, "week-2.csv", ("x,y\n" + "".join(f"{n},{n * 2}\n" for n in range(100))).encode())
    assert prepared() == (False, 300)
    written = b"".join(path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())
    assert b"canary-secret" not in written


def test_what_is_not_there_or_not_allowed_says_so_in_a_line(
    tmp_path: Path, endpoint: str, bucket: fs.FileSystem
) -> None:
    for path in (url(bucket, "no-*.csv"), url(bucket, "none.csv")):
        with pytest.raises(DataError, match="no object matches"):
            Csv.model_validate({"path": path, **of(endpoint)}).fingerprint(tmp_path)
    with pytest.raises((DataError, ResourceError)):
        Csv.model_validate({"path": "s3://no-such-bucket/x/*.csv", **of(endpoint)}).fingerprint(tmp_path)
    with pytest.raises(DataError, match="URLs begin with s3://"):
        Csv.model_validate({"path": "ftp://host/a.csv"}).fingerprint(tmp_path)


def test_a_server_that_is_not_there_is_an_error_of_the_environment(tmp_path: Path, bucket: fs.FileSystem) -> None:
    with pytest.raises(ResourceError) as caught:
        Csv.model_validate({"path": "s3://a/b.csv", **of("http://127.0.0.1:9")}).fingerprint(tmp_path)
    assert "credentials" in caught.value.problems[0].hint


def test_other_file_systems_of_arrow_go_by_url(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a-1.csv").write_text("a,b\n1,2\n")
    reader = Csv(path=f"file://{tmp_path}/a-*.csv")
    assert list(reader.fingerprint(tmp_path) or ()) == [f"file://{tmp_path}/a-1.csv"]
    reader.read(engine, tmp_path)
    assert rows(engine) == [("1", "2")]
