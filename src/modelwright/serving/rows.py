"""Table rows as a client would send them: JSON objects of the columns in a signature."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelwright.serving.signature import Field

if TYPE_CHECKING:
    import pyarrow as pa


def json_rows(table: pa.Table, fields: Iterable[Field]) -> list[dict[str, Any]]:
    """One object per row; timestamps as RFC 3339, null for missing."""
    columns = {field.name: [_plain(value) for value in table.column(field.name).to_pylist()] for field in fields}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def accepted(row: dict[str, Any], fields: Iterable[Field]) -> bool:
    """Whether a server takes the row: nothing is missing where learn had no missing values."""
    return not any(row[field.name] in (None, "") for field in fields if not field.nullable)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):  # a time without a zone is in UTC
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value
