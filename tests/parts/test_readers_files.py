"""Every format that a source may be written in gives its rows, and names what it could not read."""

from __future__ import annotations

import datetime
import gzip
import io
import struct
import wave
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import DataError
from modelwright.parts import catalog
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading, clear
from modelwright.tables.sources import unpacking

CSV = b"a,b\n1,2\n3\n5,6\n"


def rows(engine: Engine) -> list[tuple[object, ...]]:
    return engine.rows('SELECT * EXCLUDE ("__file__") FROM raw')


def refused(engine: Engine) -> list[tuple[object, ...]]:
    return engine.rows("SELECT file, line, reason FROM rejects ORDER BY rowid")


def read(engine: Engine, folder: Path, kind: str, **options: object) -> Reading:
    reader = catalog.load("readers", kind).model_validate({"path": ".", **options})
    found: Reading = reader.read(engine, folder)  # type: ignore[attr-defined]
    return found


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (zstd, "zst")])
def test_packed_files_are_read_as_what_is_in_them(engine: Engine, tmp_path: Path, pack: object, ending: str) -> None:
    (tmp_path / f"f.csv.{ending}").write_bytes(pack(CSV))  # type: ignore[operator]
    reader = catalog.load("readers", "csv").model_validate({"path": "."})
    assert reader.header(tmp_path) == ["a", "b"]  # type: ignore[attr-defined]
    reading = read(engine, tmp_path, "csv")
    assert rows(engine) == [("1", "2"), ("5", "6")]
    assert refused(engine) == [(f"f.csv.{ending}", 3, "too few values")]
    assert reading.places([1]) == {1: (f"f.csv.{ending}", 4)}


@pytest.mark.parametrize(
    ("pack", "ending", "damage"),
    [(gzip.compress, "gz", "cut"), (zstd, "zst", "cut"), (gzip.compress, "gz", "flipped")],  # zstd has no checksum
)
def test_damaged_packed_files_are_errors_that_name_them(
    engine: Engine, tmp_path: Path, pack: object, ending: str, damage: str
) -> None:
    content = bytearray(pack(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * 7919) for n in range(5000))))  # type: ignore[operator]
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 0xFF
    (tmp_path / f"f.csv.{ending}").write_bytes(content)
    with pytest.raises(DataError, match=rf"f\.csv\.{ending}: the \w+ file (ends early|is damaged)"):
        read(engine, tmp_path, "csv")


def test_a_decompression_bomb_is_stopped(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ALWAYS_FINE", 1_000_000)
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000))
    with pytest.raises(DataError, match=r"f\.csv\.gz: .* unpack to more than .*bomb"):
        read(engine, tmp_path, "csv")


def test_tabs_by_name_unless_the_delimiter_is_given(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.tsv").write_text("a\tb\n1,5\t2\n")
    read(engine, tmp_path, "csv", path="f.tsv", decimal=",")
    assert rows(engine) == [("1,5", "2")]
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"f\.tsv and f\.csv have different delimiters"):
        read(engine, tmp_path, "csv", path=["f.tsv", "f.csv"])


def test_a_folder_of_several_formats_says_what_to_do(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(CSV)
    (tmp_path / "README.md").write_text("words")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "f.parquet")
    with pytest.raises(DataError, match=r"several formats: f\.csv and f\.parquet") as caught:
        read(engine, tmp_path, "csv")
    assert "*.csv" in caught.value.problems[0].hint


def test_json_lines(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text(
        '\ufeff{"a": 1, "p": {"lat": 1.5, "lon": null}, "s": "é"}\n\n{"a": 12345678901234567890, "b": true}\n'
        '{"a": 1\n[1]\n{"a": 1, "a": 2}\n{"p": {"lat": 2}, "a/~b": "x"}\nnull\n'
    )
    reading = read(engine, tmp_path, "jsonl")
    assert reading.columns == ("a", "p.lat", "p.lon", "s", "b", "a/~b")
    assert rows(engine) == [
        ("1", "1.5", None, "é", None, None),
        ("12345678901234567890", None, None, None, "true", None),
        (None, "2", None, None, None, "x"),
    ]
    assert refused(engine) == [
        ("f.jsonl", 4, "not JSON: Expecting ',' delimiter at character 8"),
        ("f.jsonl", 5, "not a JSON object"),
        ("f.jsonl", 6, 'the key "a" occurs twice'),
        ("f.jsonl", 8, "not a JSON object"),
    ]
    assert reading.places([0, 1, 2]) == {0: ("f.jsonl", 1), 1: ("f.jsonl", 3), 2: ("f.jsonl", 7)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": [1]}', '"a" holds lists'),
        ('{"a": {"b": {"c": 1}}}', '"a.b" holds objects'),
        ('{"a": {"b": 1}}\n{"a": 1}', '"a" is an object in some lines and a value in others'),
        ('{"a": {"b": 1}, "a.b": 2}', '"a.b" is a key, and a key within "a" too'),
        ("[\n  1\n]", "f.jsonl:1: JSON over several lines"),
        ('{\n"a": 1\n}', "f.jsonl:1: JSON over several lines"),
        ("", "no line is a JSON object"),
        ("{}", "no line is a JSON object with keys"),
        ('{"a": 1, "A": 2}', "differ only by case"),
    ],
)
def test_json_that_is_no_table_says_why(engine: Engine, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.jsonl").write_text(text)
    with pytest.raises(DataError) as caught:
        read(engine, tmp_path, "jsonl")
    assert said in str(caught.value)


def test_nested_json_may_be_kept_as_text(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"a": [1, 2], "b": {"c": {"d": 1}}}\n')
    read(engine, tmp_path, "jsonl", nested="text")
    assert rows(engine) == [("[1,2]", '{"c":{"d":1}}')]


def test_json_in_another_encoding_is_an_error_with_its_line(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(b'{"a": 1}\n{"a": "caf\xe9"}\n')
    with pytest.raises(DataError, match=r"f\.jsonl:2: byte 0xe9 is not utf-8"):
        read(engine, tmp_path, "jsonl")


def test_arrow_files_and_streams(engine: Engine, tmp_path: Path) -> None:
    table = pa.table({"x": [1, 2], "s": pa.array(["a", None]).dictionary_encode(), "__row__": [7, 8]})
    feather.write_feather(table, tmp_path / "1.feather")
    with pa.ipc.new_stream(tmp_path / "2.arrows", table.schema) as stream:
        stream.write_table(table)
    reading = read(engine, tmp_path, "arrow")
    assert rows(engine) == [(1, "a"), (2, None)] * 2
    assert reading.places([3]) == {3: ("2.arrows", 2)}
    whole = (tmp_path / "1.feather").read_bytes()
    (tmp_path / "1.feather").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"1\.feather: this is not a whole Arrow file"):
        read(engine, tmp_path, "arrow", path="1.feather")


def test_partitioned_folders_have_columns_of_their_names(engine: Engine, tmp_path: Path) -> None:
    for year, city in ((2025, "Kyiv"), (2026, "L%27viv"), (2026, "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / "t" / f"year={year}" / f"city={city}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [year]}), folder / "part-0.parquet")
    reading = read(engine, tmp_path, "parquet", path="t")
    assert rows(engine) == [(2025, 2025, "Kyiv"), (2026, 2026, "L'viv"), (2026, 2026, None)]
    assert reading.places([0])[0] == ("t/year=2025/city=Kyiv/part-0.parquet", 1)
    reader = catalog.load("readers", "parquet").model_validate({"path": "t"})
    before = reader.fingerprint(tmp_path)  # type: ignore[attr-defined]
    (tmp_path / "t" / "year=2025").rename(tmp_path / "t" / "year=2024")
    assert reader.fingerprint(tmp_path) != before, "another name is other data"  # type: ignore[attr-defined]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Rides"
    for row in (
        ["exported by hand"],
        ["id", "when", "km", None, "ok"],
        [1, datetime.datetime(2026, 1, 2, 3, 4, 5), 1.5, "x", True],
        [],
        [2, datetime.date(2026, 1, 3), 2, None, False],
    ):
        sheet.append(row)
    sheet.merge_cells("A6:A7")
    sheet["A6"], sheet["C7"] = "merged", 7.25
    book.create_sheet("Empty")
    book.save(tmp_path / "f.xlsx")
    return tmp_path / "f.xlsx"


def test_sheets(engine: Engine, tmp_path: Path, book: Path) -> None:
    reading = read(engine, tmp_path, "excel", path="f.xlsx", header_row=2)
    assert reading.columns == ("id", "when", "km", "column_4", "ok")
    assert rows(engine) == [
        ("1", "2026-01-02 03:04:05", "1.5", "x", "true"),
        ("2", "2026-01-03", "2", None, "false"),
        ("merged", None, None, None, None),
        (None, None, "7.25", None, None),
    ]
    assert [reading.places([row])[row][1] for row in range(4)] == [3, 5, 6, 7]


def test_sheets_that_are_not_there_or_damaged(engine: Engine, tmp_path: Path, book: Path) -> None:
    with pytest.raises(DataError, match='no sheet "rides"; did you mean "Rides"'):
        read(engine, tmp_path, "excel", path="f.xlsx", sheet="rides")
    with pytest.raises(DataError, match="the sheet"):
        read(engine, tmp_path, "excel", path="f.xlsx", sheet="Empty")
    whole = book.read_bytes()
    for cut in range(0, len(whole), 701):
        book.write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"f\.xlsx: "):
            read(engine, tmp_path, "excel", path="f.xlsx")


def test_archives_made_to_fill_memory_or_to_lead_away_are_refused(engine: Engine, tmp_path: Path) -> None:
    def archive(**members: bytes) -> None:
        with zipfile.ZipFile(tmp_path / "f.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)

    archive(**{"a.wav": b"\0" * 100_000_000})
    with pytest.raises(DataError, match="bomb"):
        read(engine, tmp_path, "audio", path="f.zip")
    with pytest.raises(DataError, match="bomb"):
        read(engine, tmp_path, "excel", path="f.zip")
    archive(**{"../a.wav": sound()})
    with pytest.raises(DataError, match="leads out of the archive"):
        read(engine, tmp_path, "audio", path="f.zip")
    link = zipfile.ZipInfo("a.wav")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="leads out of the archive"):
        read(engine, tmp_path, "audio", path="f.zip")


def sound(rate: int = 8000, frames: int = 4000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\0" * frames)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"\0" * (width + 1) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_folder_of_images(engine: Engine, tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
    (tmp_path / "photos/cat/1.png").write_bytes(png(3, 5))
    (tmp_path / "photos/cat/2.png").write_bytes(png(3, 5)[:-20])
    (tmp_path / "photos/dog/1.GIF").write_bytes(b"GIF89a" + struct.pack("<HH", 7, 9) + b"\0;")
    (tmp_path / "photos/dog/2.jpg").write_bytes(b"not an image")
    (tmp_path / "photos/dog/notes.txt").write_text("passed over")
    reading = read(engine, tmp_path, "images", path="photos")
    reader = catalog.load("readers", "images").model_validate({"path": "photos"})
    assert list(reading.columns) == reader.header(tmp_path)  # type: ignore[attr-defined]
    assert [row[:5] for row in rows(engine)] == [("cat/1.png", "cat", "png", 3, 5), ("dog/1.GIF", "dog", "gif", 7, 9)]
    assert refused(engine) == [
        ("photos/cat/2.png", None, "the png image ends early"),
        ("photos/dog/2.jpg", None, "is not an image of a known format"),
    ]


def test_sounds_in_an_archive_are_named_by_a_pattern(engine: Engine, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        file.writestr("rec/3_ann_0.wav", sound())
        file.writestr("rec/4_bob_1.wav", sound()[:-1000])
        file.writestr("rec/silent.wav", sound())
        file.writestr("rec/5_ann_2.wav", b"")
        file.writestr("README.md", "words")
    read(engine, tmp_path, "audio", path="f.zip", pattern=r"(?P<label>\d)_(?P<speaker>[a-z]+)_")
    assert [row[:7] for row in rows(engine)] == [("rec/3_ann_0.wav", "3", "ann", 8000, 1, 16, 0.5)]
    assert refused(engine) == [
        ("f.zip/rec/4_bob_1.wav", None, "the sound ends early"),
        ("f.zip/rec/5_ann_2.wav", None, "is empty"),
        ("f.zip/rec/silent.wav", None, "the name does not match the pattern"),
    ]


def test_lines_and_paragraphs(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.log").write_text("10:00 INFO up\n\n10:01 WARN slow\nwhat\n")
    pattern = r"(?P<at>\S+) (?P<level>[A-Z]+) (?P<said>.*)"
    reading = read(engine, tmp_path, "lines", pattern=pattern)
    assert rows(engine) == [("10:00", "INFO", "up"), ("10:01", "WARN", "slow")]
    assert refused(engine) == [("f.log", 4, "does not match the pattern")]
    assert reading.places([1]) == {1: ("f.log", 3)}
    clear(engine)
    read(engine, tmp_path, "lines", unit="paragraph")
    assert rows(engine) == [(1, "10:00 INFO up"), (3, "10:01 WARN slow\nwhat")]


def test_baskets(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('milk, bread\n\n"a, b",,milk\n')
    reading = read(engine, tmp_path, "baskets")
    assert rows(engine) == [(1, 1, 2, "milk"), (1, 2, 2, "bread"), (2, 1, 2, "a, b"), (2, 2, 2, "milk")]
    assert reading.places([3]) == {3: ("f.csv", 3)}
    clear(engine)
    (tmp_path / "f.csv").write_text('milk\n"bread\ntea\n')
    with pytest.raises(DataError, match=r"f\.csv:2: a quote opens here"):
        read(engine, tmp_path, "baskets")


def test_series(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f.ts").write_text(
        "# words\n@problemName p\n@dimensions 2\n@classLabel true a b\n@data\n1,2,?:4,5,6:a\n1:2\n1,2:3:b\n7:8:b\n"
    )
    reading = read(engine, tmp_path, "ts")
    assert reading.columns == ("series", "step", "channel_1", "channel_2", "label")
    assert rows(engine) == [(1, 1, "1", "4", "a"), (1, 2, "2", "5", "a"), (1, 3, "?", "6", "a"), (2, 1, "7", "8", "b")]
    assert refused(engine) == [("f.ts", 7, "1 channels, not 2"), ("f.ts", 8, "channels of different lengths")]
    assert reading.places([3]) == {3: ("f.ts", 9)}


def test_arrays_with_labels(engine: Engine, tmp_path: Path) -> None:
    images = b"\0\0\x08\x03" + struct.pack(">III", 2, 1, 2) + bytes([1, 2, 3, 4])
    (tmp_path / "images.gz").write_bytes(gzip.compress(images))
    (tmp_path / "labels").write_bytes(b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes([7, 9]))
    reading = read(engine, tmp_path, "idx", path="images.gz", labels="labels")
    assert reading.columns == ("pixel_0_0", "pixel_0_1", "label")
    assert rows(engine) == [(1, 2, 7), (3, 4, 9)]
    (tmp_path / "images.gz").write_bytes(gzip.compress(images[:-1]))
    with pytest.raises(DataError, match="19 bytes, its first ones promise 20"):
        read(engine, tmp_path, "idx", path="images.gz")
