"""Predict: score files, a folder or standard input with a bundle; read and clean as in training, one graph.

Rows go through in batches, some of them at once on the processor's cores, so that memory does not grow with the data:
plain Parquet comes straight from its files, everything else through the engine, which keeps on disk what does not fit.
"""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from modelwright.core.columns import Schema
from modelwright.core.errors import SpecError
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.serving.bundle import Bundle
from modelwright.stages.history import with_history, without_history
from modelwright.stages.incoming import Incoming, incoming, reader_for
from modelwright.stages.predict_parquet import BATCH_ROWS, NotPlain, PlainParquet, plain_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.core.outputs import Output
    from modelwright.graph.running import Scorer
    from modelwright.spec.prepare import Prepare
    from modelwright.tables.reading import Refusal

STDIN = "-"
AHEAD = 2  # chunks that wait for each thread, scored or to be


@dataclass
class Predictions:
    """`batches`: columns that say which row it is (id, time, entity), and the answers, in the order of the data.

    The rest is known when the first batch has come: how many rows there will be, which could not be read, and how many
    the cleaning of prepare took out.
    """

    model: str
    version: int
    batches: Iterator[pa.RecordBatch] = field(default=iter(()), repr=False)
    rows: int = 0
    rejected: tuple[Refusal, ...] = ()
    removed: int = 0


@contextmanager
def predict(
    bundle: Bundle, prepare: Prepare, data: str, progress: Progress, *, past: Path | None = None
) -> Iterator[Predictions]:
    """Score `data`, a path or `-`, with the reader and the cleaning of `prepare`.

    `past`: a file of earlier rows, from which the columns of the past are computed that `data` then need not have.
    DataError and the like come when the first batch is asked for, or later.
    """
    from modelwright.graph.running import Scorer

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="modelwright-")))
        path = _from_stdin(scratch) if data == STDIN else Path(data)
        schema = Schema.from_dict(bundle.run.read_json("schema.json"))
        scorer, answers = Scorer(bundle.model), bundle.signature.outputs
        kept = [column.name for column in schema.of_role("id", "time", "entity")]
        found = Predictions(bundle.name, bundle.version)
        rows = stack.enter_context(_closing(_Rows(path, schema, prepare, past, scratch, found).batches()))
        scored = _scored(rows, found, scorer, kept, answers, progress)
        found.batches = stack.enter_context(_closing(_never_none(scored, _no_rows(schema, kept, answers))))
        yield found


@dataclass
class _Rows:
    """Where the rows come from: directly, or from the engine once there is something that it must look at."""

    path: Path
    schema: Schema
    prepare: Prepare
    past: Path | None
    scratch: Path
    told: Predictions  # what is known of the rows is written down there

    def batches(self) -> Iterator[pa.RecordBatch]:
        if self.past is not None and not self.prepare.history:
            raise SpecError("the model uses no columns of the past", hint="leave --past out")
        done = 0
        if plain := self._plain():
            self.told.rows = plain.rows
            try:
                for batch in plain.batches():
                    yield batch
                    done += batch.num_rows
                return
            except NotPlain:
                pass
        yield from self._engine_batches(done)

    def _plain(self) -> PlainParquet | None:
        if self.past is not None:
            return None
        reader = reader_for(self.path, self.prepare.source)
        return plain_parquet(reader, self.path.absolute().parent, self.schema, self.prepare)

    def _engine_batches(self, done: int) -> Iterator[pa.RecordBatch]:
        """The rows after the first `done`, which were plain and so are the engine's first too."""
        with self._incoming() as found:
            self.told.rows, self.told.rejected, self.told.removed = found.rows, found.rejected, found.removed
            if self.past is not None:
                yield from self._with_past(found)
                return
            for batch in found.batches(BATCH_ROWS):
                passed = min(done, batch.num_rows)
                done -= passed
                if passed < batch.num_rows:
                    yield batch.slice(passed)

    @contextmanager
    def _incoming(self) -> Iterator[Incoming]:
        wanted, prepare = self.schema, self.prepare
        if self.past is not None:
            wanted, prepare = without_history(wanted, prepare), prepare.model_copy(update={"history": []})
        reader, base = reader_for(self.path, self.prepare.source), self.path.absolute().parent
        with incoming(reader, base, wanted, prepare, engine_folder=self.scratch, target="hidden") as found:
            yield found

    def _with_past(self, found: Incoming) -> Iterator[pa.RecordBatch]:
        """The past of a row may be anywhere in the file, so that file is read as a whole first."""
        assert self.past is not None
        wanted = without_history(self.schema, self.prepare)
        plain = self.prepare.model_copy(update={"history": []})
        reader, base = reader_for(self.past, self.prepare.source), self.past.absolute().parent
        folder = self.scratch / "past"
        with incoming(reader, base, wanted, plain, engine_folder=folder, target="welcome", past=True) as earlier:
            yield from with_history(found, earlier, self.schema, self.prepare, folder / "joined")


def _scored(
    rows: Iterator[pa.RecordBatch],
    told: Predictions,
    scorer: Scorer,
    kept: list[str],
    answers: tuple[Output, ...],
    progress: Progress,
) -> Iterator[pa.RecordBatch]:
    """Chunks in their order, as many at once as there are cores; each alone, so that no bit depends on the others."""
    threads = available_threads()
    waiting: deque[Future[pa.RecordBatch]] = deque()
    first = next(rows, None)
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="scoring")
        stack.callback(pool.shutdown, cancel_futures=True)
        advance = stack.enter_context(progress.track(f"scoring with {told.model} v{told.version:04d}", told.rows))
        for batch in chain([first] if first is not None else [], rows):
            for start in range(0, batch.num_rows, scorer.chunk):
                waiting.append(pool.submit(_answered, scorer, batch.slice(start, scorer.chunk), kept, answers))
                if len(waiting) > AHEAD * threads:
                    yield _next_of(waiting, advance)
        while waiting:
            yield _next_of(waiting, advance)


def _next_of(waiting: deque[Future[pa.RecordBatch]], advance: Callable[[int], None]) -> pa.RecordBatch:
    scored = waiting.popleft().result()
    advance(scored.num_rows)
    return scored


def _answered(scorer: Scorer, rows: pa.RecordBatch, kept: list[str], answers: tuple[Output, ...]) -> pa.RecordBatch:
    import pyarrow as pa

    from modelwright.fitting.scoring import columns_of

    return pa.RecordBatch.from_pydict(
        {name: rows.column(name) for name in kept} | columns_of(scorer.run_table(rows), answers)
    )


def _no_rows(schema: Schema, kept: list[str], answers: tuple[Output, ...]) -> pa.RecordBatch:
    """What is written where cleaning leaves nothing: the columns."""
    import pyarrow as pa

    from modelwright.stages.predict_parquet import at_rest

    types = {name: at_rest(schema[name].type) for name in kept}
    types |= {name: at_rest(answer.type) for answer in answers for name in answer.columns}
    return pa.RecordBatch.from_pydict({name: pa.array([], kind) for name, kind in types.items()})


def _never_none(batches: Iterator[pa.RecordBatch], nothing: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    first = next(batches, None)
    yield nothing if first is None else first
    yield from batches


@contextmanager
def _closing(iterator: Iterator[pa.RecordBatch]) -> Iterator[Iterator[pa.RecordBatch]]:
    """A generator that is closed with the block, so that what it holds open is too."""
    try:
        yield iterator
    finally:
        close: Callable[[], None] = getattr(iterator, "close", lambda: None)
        close()


def _from_stdin(folder: Path) -> Path:
    path = folder / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path
