"""How a table at rest is opened: to be read a piece at a time, however many rows there are."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def opened(path: Path) -> pq.ParquetFile:
    """Texts come as codes of a dictionary, as they lie in the file, which spares making each of them."""
    with pq.ParquetFile(path) as file:
        texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    # With pre_buffer, the default, the whole of the columns would be in memory at once.
    return pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False)
