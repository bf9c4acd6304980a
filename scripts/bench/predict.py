"""How much of ONNX Runtime's own speed `modelwright predict` keeps: rows a second from Parquet to Parquet.

    python scripts/bench/predict.py [--rows 1000000]

The model is LightGBM with 200 trees over 20 numeric and 10 text columns. "ONNX Runtime alone" runs the same graph in
the same chunks over tensors that are in memory already, in as many threads as `predict` uses; `predict` is the whole
command, from the start of Python to the finished file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from _process import cost_of
from _serve_model import CATEGORIES, LEVELS, NUMBERS, make

from modelwright.core.threads import available_threads
from modelwright.graph import encoders
from modelwright.graph.running import Scorer
from modelwright.serving.bundle import open_bundle

PIECE = 122_880  # rows of a row group; ONNX Runtime alone is measured on the first
MUST = 0.8


@dataclass(frozen=True)
class Speed:
    rows_s: float
    cpu_us: float  # a row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the model and the data, for another run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bundle = make(folder).bundle
        sample = table(min(PIECE, given.rows))
        write(folder, given.rows)
        shares = {}
        for suffix in ("parquet", "csv"):  # ONNX Runtime before and after, for machines that others use too
            before = runtime_alone(bundle, sample)
            command = whole_command(bundle, folder, suffix, given.rows)
            after = runtime_alone(bundle, sample)
            alone = Speed((before.rows_s + after.rows_s) / 2, (before.cpu_us + after.cpu_us) / 2)
            shares[suffix] = {"wall": command.rows_s / alone.rows_s, "cpu": alone.cpu_us / command.cpu_us}
            _show("ONNX Runtime alone", alone)
            _show(f"predict {suffix}", command)
    rounded = {suffix: {kind: round(share, 2) for kind, share in each.items()} for suffix, each in shares.items()}
    print(json.dumps({"share": rounded, "must": MUST}))
    return 0 if shares["parquet"]["wall"] >= MUST else 1


def whole_command(bundle: Path, folder: Path, suffix: str, rows: int) -> Speed:
    cost = cost_of(["predict", str(bundle), f"data.{suffix}", "-o", f"out.{suffix}", "--quiet"], folder)
    print(f"{suffix}: {rows:,} rows in {cost.wall_s:.1f} s, peak {cost.peak_mb:.0f} MB")
    return Speed(rows / cost.wall_s, cost.cpu_s / rows * 1e6)


def runtime_alone(bundle: Path, data: pa.Table) -> Speed:
    """The session's own `run`, in the chunks and threads that predict has."""
    scorer = Scorer(open_bundle(bundle).model)
    pieces = [data.slice(start, scorer.chunk) for start in range(0, data.num_rows, scorer.chunk)]
    feeds = [scorer.feed(encoders.feed(scorer.inputs, piece)) for piece in pieces]
    rows = int(data.num_rows)
    with ThreadPoolExecutor(available_threads()) as pool:
        list(pool.map(scorer.run, feeds[:2]))
        started, cpu = time.perf_counter(), time.process_time()
        list(pool.map(scorer.run, feeds))
        return Speed(rows / (time.perf_counter() - started), (time.process_time() - cpu) / rows * 1e6)


def _show(name: str, speed: Speed) -> None:
    print(f"{name:<20}{speed.rows_s:>10,.0f} rows/s{speed.cpu_us:>8.1f} µs CPU a row", flush=True)


def write(folder: Path, rows: int) -> None:
    """Piece by piece: a large parent would count towards the peak of its child."""
    schema = table(1).schema
    with (
        pq.ParquetWriter(folder / "data.parquet", schema) as parquet,
        pyarrow.csv.CSVWriter(folder / "data.csv", schema) as lines,
    ):
        for start in range(0, rows, PIECE):
            piece = table(min(PIECE, rows - start), start)
            parquet.write_table(piece)
            lines.write_table(piece)


def table(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(11 + seed)
    columns: dict[str, object] = {name: random.normal(0, 1, rows).round(4) for name in NUMBERS}
    for place, name in enumerate(CATEGORIES):
        levels = LEVELS[place % len(LEVELS)]
        words = pa.array([f"level_{level}" for level in range(levels)])
        columns[name] = words.take(pa.array(random.integers(0, levels, rows)))
    return pa.table(columns)


if __name__ == "__main__":
    sys.exit(main())
