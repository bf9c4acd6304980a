"""Predict: writes predictions as they come, as Parquet, CSV or JSON lines, to a file that appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.tables.reading import Refusal

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
ROW_GROUP_ROWS = 122_880


class Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def format_of(output: Path) -> Format:
    """By the name's ending. SpecError for one that stands for no format."""
    if output.suffix not in FORMATS:
        raise SpecError(
            f"{output}: the ending says no format that predictions can have", hint=f"use one of {', '.join(FORMATS)}"
        )
    return FORMATS[output.suffix]


@contextmanager
def complete(output: Path) -> Iterator[Path]:
    """Where to write what then appears under its name at once, or, if anything goes wrong, not at all."""
    if not output.absolute().parent.is_dir():
        raise SpecError(f"there is no folder {output.parent}", hint=f"mkdir -p {output.parent}")
    if output.is_dir():
        raise SpecError(f"{output} is a folder", hint="name a file, such as predictions.parquet")
    with TemporaryDirectory(dir=output.absolute().parent, prefix=".predict-") as folder:
        path = Path(folder, output.name)
        yield path
        path.replace(output)


def writer(kind: Format, sink: BinaryIO) -> Writer:
    """Writes record batches of one schema, at least one of them (which may be without rows)."""
    made: dict[str, Callable[[BinaryIO], Writer]] = {
        "csv": CsvWriter,
        "jsonl": JsonLinesWriter,
        "parquet": ParquetWriter,
    }
    return made[kind](sink)


class CsvWriter:
    """Texts in quotes, missing values empty, numbers with all their digits."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self._header = sink, True

    def write(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa
        from pyarrow.csv import WriteOptions, write_csv

        text = pa.BufferOutputStream()
        write_csv(batch, text, WriteOptions(include_header=self._header))
        self._header = False
        self._sink.write(text.getvalue())

    def close(self) -> None:
        self._sink.flush()


class JsonLinesWriter:
    """One object a line; missing values are null, times RFC 3339."""

    def __init__(self, sink: BinaryIO) -> None:
        import msgspec

        self._sink, self._encoder = sink, msgspec.json.Encoder()

    def write(self, batch: pa.RecordBatch) -> None:
        self._sink.write(self._encoder.encode_lines(batch.to_pylist()))

    def close(self) -> None:
        self._sink.flush()


class JsonWriter:
    """One object: what is said of all predictions, and `predictions`, a list of objects."""

    def __init__(self, sink: BinaryIO, head: Mapping[str, Any]) -> None:
        import msgspec

        self._sink, self._encoder, self._begun = sink, msgspec.json.Encoder(), False
        self._sink.write(self._encoder.encode(head)[:-1] + b', "predictions": [')

    def write(self, batch: pa.RecordBatch) -> None:
        if rows := batch.to_pylist():
            lines = self._encoder.encode_lines(rows)[:-1].replace(b"\n", b",\n")  # inside, a line end is written as \\n
            self._sink.write((b",\n" if self._begun else b"\n") + lines)
            self._begun = True

    def end(self, tail: Mapping[str, Any]) -> None:
        self._sink.write(b"], " + self._encoder.encode(tail)[1:] + b"\n")
        self._sink.flush()


class ParquetWriter:
    """In row groups of a good size for reading, whatever the size of the batches."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._waiting: list[pa.RecordBatch] = []
        self._file: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(each.num_rows for each in self._waiting) >= ROW_GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        if self._waiting:
            self._write_group()
        if self._file is not None:
            self._file.close()
        with suppress(ValueError):  # Arrow closes what it was given
            self._sink.flush()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_batches(self._waiting)
        self._file = self._file or pq.ParquetWriter(self._sink, table.schema, compression="zstd")
        self._file.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._waiting = []


def refused_rows(refusals: Sequence[Refusal]) -> pa.RecordBatch:
    """Rows that could not be read, as prepare keeps them: file, line, column, value, reason."""
    import pyarrow as pa

    file, line, column, value, reason = zip(*refusals, strict=True)
    text = pa.string()
    return pa.RecordBatch.from_pydict(
        {
            "file": pa.array(file, text),
            "line": pa.array(line, pa.int64()),
            "column": pa.array(column, text),
            "value": pa.array(value, text),
            "reason": pa.array(reason, text),
        }
    )
