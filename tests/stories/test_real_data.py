"""Every table of the public data sets goes from `init` by `check` to `prepare` with nothing written by hand."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelwright.spec.load import load
from modelwright.spec.sample import MISSING
from stories.story import DATA
from stories.terminal import Terminal


@dataclass(frozen=True)
class Table:
    """`read` and `rejected` are the rows that prepare accounts for; `source` what init found beside the path."""

    path: str
    target: str
    read: int
    source: dict[str, object] = field(default_factory=dict)
    rejected: int = 0


SPEAKER = r"(?P<speaker>[^:\n]+):(?:\n(?P<text>(?s:.+)))?"
TABLES = (
    Table("adult/adult_train.csv", "income", 32_561, {"null_words": [*sorted(MISSING), "?"]}),
    Table("adult/adult_test.csv", "income", 16_281),
    Table("telco_churn/Telco-Customer-Churn.csv", "Churn", 7_043),
    Table("wine_quality", "quality", 6_497),
    Table("wine_quality/winequality-red.csv", "quality", 1_599),
    Table("bike_sharing/hour.csv", "cnt", 17_379),
    Table("diamonds/diamonds.csv", "price", 53_940),
    Table("sms_spam/sms.tsv", "column_1", 5_574, {"quote": "none", "header_line": False}),
    Table("msweb/msweb.csv", "item_id", 98_653),
    Table("msweb/items.csv", "item_id", 285),
    Table("movielens_small/movielens.parquet", "rating", 100_004, {"kind": "parquet"}),
    Table("vic_electricity/vic_electricity.csv", "Demand", 52_608),
    Table("nab/nyc_taxi.csv", "value", 10_320),
    Table("nab/ec2_request_latency_system_failure.csv", "value", 4_032),
    Table("nab", "value", 14_352),
    Table("small/airline-passengers.csv", "Passengers", 144),
    Table("small/faithful.csv", "eruptions", 272),
    Table("small/penguins-raw.csv", "Species", 344),
    Table("groceries/groceries.csv", "item", 43_367, {"kind": "baskets"}),
    Table("japanese_vowels/JapaneseVowels_TRAIN.ts", "label", 4_274, {"kind": "ts"}),
    Table("tinyshakespeare/input.txt", "speaker", 7_222, {"kind": "lines", "unit": "paragraph", "pattern": SPEAKER}),
    Table("fsdd/fsdd_0-19.zip", "label", 1_200, {"kind": "audio", "pattern": r"(?P<label>[^/_-]+)[_-][^/]*$"}),
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_init_check_and_prepare(terminal: Terminal, table: Table) -> None:
    if not (DATA / table.path).exists():
        pytest.skip(f"{table.path} is not in {DATA}")
    went(terminal, DATA / table.path, table)


def went(terminal: Terminal, path: Path, table: Table) -> None:
    terminal.done("init", str(path), "--target", table.target, "-o", "first.yaml")
    source = load(terminal.folder / "first.yaml").spec.prepare.source
    for key, value in ({"kind": "csv"} | table.source).items():
        assert getattr(source, key) == value
    terminal.done("check", "first.yaml")
    terminal.done("prepare", "first.yaml")
    (run,) = terminal.folder.glob("runs/*/prepare/v0001")
    rows = terminal.json(f"{run.relative_to(terminal.folder)}/rows.json")["rows"]
    assert (rows["read"], rows["rejected"]) == (table.read, table.rejected)
    removed = sum(entry["removed"] for entry in rows["removed"])
    assert rows["learn"] + rows["validation"] + rows["test"] == table.read - table.rejected - removed


def test_images_of_fashion_mnist(terminal: Terminal) -> None:
    """Its first test images, in files of their own: all of them take a minute."""
    if not (DATA / "fashion_mnist").is_dir():
        pytest.skip(f"fashion_mnist is not in {DATA}")
    count, pixels = 200, 28 * 28
    for name, begin, size in (("t10k-images-idx3-ubyte.gz", 16, pixels), ("t10k-labels-idx1-ubyte.gz", 8, 1)):
        content = gzip.decompress((DATA / "fashion_mnist" / name).read_bytes())
        few = content[:4] + struct.pack(">I", count) + content[8:begin] + content[begin : begin + count * size]
        (terminal.folder / name).write_bytes(gzip.compress(few))
    options = {"kind": "idx", "labels": "t10k-labels-idx1-ubyte.gz"}
    images = terminal.folder / "t10k-images-idx3-ubyte.gz"
    went(terminal, images, Table(images.name, "label", count, options))


def test_what_is_no_table_says_so(terminal: Terminal) -> None:
    if not (DATA / "nab").is_dir():
        pytest.skip(f"nab is not in {DATA}")
    said = terminal.refused(3, "init", str(DATA / "nab" / "combined_windows.json"), "--target", "x")
    assert "not one object a line" in said
