"""Reads prediction logs back, also while servers write them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.serving.log.segments import OPEN, SEALED, read_stream


def read_log(folder: Path, since: datetime | None = None) -> pa.Table | None:
    """All logged rows (from `since` on), oldest file first; None when nothing was logged yet.

    Columns: request_id, row, time, model, version, route, latency_ms, those of the data, those of the answers
    (prediction, probability_<class>).
    Models with different columns are laid over each other, with nulls where a version has no such column.
    """
    import pyarrow.compute as pc

    tables = []
    for stem in sorted({path.stem for suffix in (OPEN, SEALED) for path in folder.glob(f"*{suffix}")}):
        table = _segment(folder / stem)
        if table is not None and since is not None:
            start = since if since.tzinfo else since.replace(tzinfo=UTC)
            table = table.filter(pc.greater_equal(table["time"], pa.scalar(start, table.schema.field("time").type)))
        if table is not None:
            tables.append(table)
    if not tables:
        return None
    try:
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    except pa.ArrowInvalid as error:
        raise DataError(
            f"logged versions disagree about a column's type: {error}",
            where=str(folder),
            hint="give each incompatible model its own log folder",
        ) from error


def log_digest(folder: Path) -> str:
    """sha256 of which rows were logged; the same before and after segments are sealed."""
    logged = read_log(folder) if folder.is_dir() else None
    if logged is None:
        return hashlib.sha256(b"").hexdigest()
    rows = zip(logged["request_id"].to_pylist(), logged["row"].to_pylist(), strict=True)
    return hashlib.sha256("\n".join(sorted(f"{request} {row}" for request, row in rows)).encode()).hexdigest()


def data_columns(logged: pa.Table) -> pa.Table:
    """Inputs and context only, under the names that they have in the data."""
    named = {}
    for field in logged.schema:
        if field.metadata and b"column" in field.metadata:
            named[field.metadata[b"column"].decode()] = logged.column(field.name)
    return pa.table(named)


def _segment(stem: Path) -> pa.Table | None:
    """Parquet where it exists (then it is whole), else the stream; a compaction may happen in between."""
    import pyarrow.parquet as pq

    sealed = stem.with_name(stem.name + SEALED)
    for _ in range(2):
        if sealed.exists():
            try:
                return pq.ParquetFile(sealed).read()
            except pa.ArrowInvalid as error:
                raise DataError(f"is damaged: {error}", where=str(sealed), hint="remove the file") from error
        try:
            batches = list(read_stream(stem.with_name(stem.name + OPEN)))
        except FileNotFoundError:
            continue
        return pa.Table.from_batches(batches) if batches else None
    return None
