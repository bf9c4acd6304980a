"""Runs a function of the user's own on the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts.base import Cleaner

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Python(Cleaner):
    """Hands the rows as a pandas DataFrame to a function in a file, and goes on with the DataFrame that it returns.

    For what no other cleaner can say. It runs when data is prepared, and only then: never in the graph, so `predict`
    and `serve` don't apply it to new rows (a warning says so). What they need too belongs into feature steps.

    The frame has the columns as read and cleaned so far: numbers as float64, whole numbers and booleans as pandas'
    nullable types, text as str, times in UTC; one row per row, all in memory. Rows may be dropped, changed, added and
    put in another order, columns too; types are found out again, and a new column is an input. Keep the index: by it a
    row is known to be the same (rows with another index are taken as new ones).

    The file is Python that runs with your rights, as any program does: read it if others wrote the spec. Its digest is
    part of what the run depends on; modules that it imports from elsewhere are not. What it prints goes to stderr.
    """

    kind: Literal["python"] = "python"
    file: str = Field(min_length=1, description="Python file, relative to the spec.")
    function: str = Field(
        "clean", pattern=r"^[A-Za-z_]\w*$", description="Function in it that takes a DataFrame and returns one."
    )

    row_wise: ClassVar[bool] = False
    adds_columns: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"file": "my_step.py", "function": "clean"}

    def files(self, base: Path) -> list[Path]:
        path = base / self.file
        if not path.is_file():
            siblings = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
            message = f"{self.file}: no such file{did_you_mean(path.name, siblings)}"
            raise SpecError(message, where="python.file", hint="paths are relative to the spec file")
        return [path]

    def at(self, base: Path) -> Self:
        return self.model_copy(update={"file": str(base / self.file)})

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.parts.frames import frame_of, put_back
        from modelwright.parts.own_code import call, load

        path = Path(self.file)
        function = load(path, self.function)
        returned = call(function, frame_of(engine, table, columns), path)
        return put_back(engine, table, columns, returned, f"{path.name}: {self.function}")


PART = Python
