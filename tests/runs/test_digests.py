"""A digest from the cache is the digest of the file as it is now."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from modelwright.core.errors import DataError
from modelwright.runs import digests
from modelwright.runs.digests import CACHE, file_digest, file_digests


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rides.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that also remembers files which were written this moment."""
    monkeypatch.setattr(digests, "SETTLED_NS", -1)
    return tmp_path / "runs"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are really read."""
    seen: list[Path] = []
    original = digests._hash

    def counting(path: Path) -> str:
        seen.append(path)
        return original(path)

    monkeypatch.setattr(digests, "_hash", counting)
    return seen


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_unchanged_file_is_read_once(data: Path, cache: Path, reads: list[Path]) -> None:
    assert [file_digest(data, cache) for _ in range(3)] == [sha256(data)] * 3
    assert reads == [data]


def test_without_a_cache_folder_nothing_is_remembered(data: Path, reads: list[Path]) -> None:
    assert file_digest(data, None) == file_digest(data, None) == sha256(data)
    assert len(reads) == 2


def test_same_size_and_same_time_but_other_content_is_noticed(data: Path, cache: Path) -> None:
    file_digest(data, cache)
    times = data.stat()
    data.write_bytes(b"a,b\n1,3\n")
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_digest(data, cache) == sha256(data)


def test_a_file_swapped_for_one_of_equal_size_and_time_is_noticed(data: Path, cache: Path, tmp_path: Path) -> None:
    file_digest(data, cache)
    times = data.stat()
    other = tmp_path / "other"
    other.write_bytes(b"a,b\n9,9\n")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(data)
    assert file_digest(data, cache) == sha256(data)


def test_a_file_changed_just_now_is_not_remembered(data: Path, tmp_path: Path, reads: list[Path]) -> None:
    for _ in range(2):
        file_digest(data, tmp_path / "runs")
    assert len(reads) == 2, "within the clock's tick a second change would go unnoticed"


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = digests._hash

    def slow(path: Path) -> str:
        found = original(path)
        path.write_bytes(b"a,b\n1,2\n3,4\n")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(digests, "_hash", slow)
        file_digest(data, cache)
    assert file_digest(data, cache) == sha256(data)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"x": 1}', b'{"x": [1, 2]}', b'{"x": [1]}', b"[" * 100_000]
)
def test_a_damaged_cache_is_rebuilt_without_a_word(data: Path, cache: Path, reads: list[Path], content: bytes) -> None:
    file_digest(data, cache)
    (cache / CACHE).write_bytes(content)
    assert [file_digest(data, cache) for _ in range(2)] == [sha256(data)] * 2
    assert len(reads) == 2


def test_a_cache_that_can_not_be_written_only_costs_time(data: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert file_digest(data, cache) == sha256(data)


def test_the_cache_stays_in_its_folder_and_leaves_nothing_beside(data: Path, cache: Path) -> None:
    file_digest(data, cache)
    assert sorted(path.name for path in cache.iterdir()) == [".digests.json", ".digests.lock"]


def test_many_files_are_looked_up_in_one_go(tmp_path: Path, cache: Path, reads: list[Path]) -> None:
    files = []
    for number in range(20):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text(str(number))
    expected = [sha256(path) for path in files]
    assert file_digests(files, cache) == file_digests(files, cache) == expected
    assert len(reads) == 20


def test_the_cache_does_not_grow_for_ever(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path]
) -> None:
    monkeypatch.setattr(digests, "MOST_FILES", 3)
    for number in range(10):
        path = tmp_path / f"{number}.csv"
        path.write_text(str(number))
        assert file_digest(path, cache) == sha256(path)
    assert len(digests._load(cache / CACHE)) <= 3


def test_threads_at_once_agree(tmp_path: Path, cache: Path) -> None:
    files = []
    for number in range(30):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text(str(number))
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(file_digests(files, cache))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[sha256(path) for path in files]] * 8


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_readable_file_is_a_data_error(tmp_path: Path, make) -> None:
    make(tmp_path / "odd")
    with pytest.raises(DataError) as caught:
        file_digest(tmp_path / "odd", tmp_path / "runs")
    assert str(tmp_path / "odd") in str(caught.value) and caught.value.exit_code == 3
