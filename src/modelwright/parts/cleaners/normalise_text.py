"""Makes text that means the same be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import of_types, selected, update
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

ASCII = "'^[\\x00-\\x7f]*$'"


class NormaliseText(Cleaner):
    """Brings text to one form: Unicode NFKC, blanks collapsed and, if asked, lower case and no accents.

    NFKC makes one letter of those that look alike to people but not to machines: `ﬁ` and `fi`, `Ａ` and `A`, `é` as one
    character or as two (Unicode Standard Annex 15). Choose it for names, addresses and free text from several systems;
    strip does for blanks alone. Text that is empty afterwards is missing.
    """

    kind: Literal["normalise_text"] = "normalise_text"
    columns: Selector = Field("text", description="Text columns to work on: names, globs or kinds of column.")
    lower: bool = Field(True, description="Turn upper case into lower case.")
    collapse: bool = Field(True, description="Remove blanks around text, and make one of several inside.")
    strip_accents: bool = Field(False, description="Turn é into e.")

    example: ClassVar[Mapping[str, Any]] = {"strip_accents": True}

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.engine import quote

        chosen = selected(self.columns, columns, "normalise_text.columns")
        of_types(chosen, ("text",), "normalise_text.columns")
        for column in chosen:
            _to_nfkc(engine, table, quote(column.name))
        update(engine, table, {column.name: self._sql(quote(column.name)) for column in chosen})
        return list(columns)

    def _sql(self, text: str) -> str:
        text = f"strip_accents({text})" if self.strip_accents else text
        text = f"lower({text})" if self.lower else text
        text = f"trim(regexp_replace({text}, '[\\s\\x{{a0}}]+', ' ', 'g'))" if self.collapse else text
        return f"nullif({text}, '')"


def _to_nfkc(engine: Engine, table: str, name: str) -> None:
    """Replace texts beyond ASCII, each looked at once: the engine has no such function, Arrow has."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from modelwright.tables.engine import literal, quote

    path = engine.folder / "text_forms.parquet"
    written = pa.schema({"text": pa.string(), "form": pa.string()})
    found = f"SELECT DISTINCT {name} AS text FROM {quote(table)} WHERE NOT regexp_matches({name}, {ASCII})"
    with pq.ParquetWriter(path, written) as writer:
        for batch in engine.batches(found):
            text = batch.column("text").cast(pa.string())
            form = pc.utf8_normalize(text, form="NFKC")
            writer.write_table(pa.table([text, form], schema=written).filter(pc.not_equal(text, form)))
    forms = f"read_parquet({literal(str(path))}) AS forms"
    same = f"{quote(table)}.{name} = forms.text"
    engine.execute(f"UPDATE {quote(table)} SET {name} = forms.form FROM {forms} WHERE {same}")
    path.unlink()


PART = NormaliseText
