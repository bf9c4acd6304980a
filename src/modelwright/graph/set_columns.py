"""Sets of categories as masks of bits, which a runtime tests at once, instead of lists that it searches.

ONNX Runtime makes one mask of a set of whole numbers from 1 to 30; any other set it goes through member by member, at
every split of every row. So levels that no set tells apart become one group, as long as there are no more groups than
that, and the splits ask for the groups. With 60 levels about six sets share such a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from modelwright.graph.builder import ML, NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.trees import Tree

GROUPS = 30  # of levels in a column
BLOCK = 16  # columns that are looked up together
MOST_COLUMNS = 1024  # 8 kB for each row that is scored
MOST_CELLS = 1_000_000  # of the table of one feature

ELSEWHERE, MISSING, FIRST = 0, 1, 2  # rows of a table: levels that no set names, NaN, category 0

Set = tuple[int, frozenset[int], bool]  # feature, codes, whether a missing value is in it


@dataclass(frozen=True)
class _Coded:
    """A feature's table [levels, columns]: which group of each column a level is in, 0 where it is in none."""

    feature: int
    table: NDArray[np.uint8]
    asked: dict[Set, tuple[int, list[int]]]  # the column and groups that say the same as a set

    @property
    def blocks(self) -> NDArray[np.uint8]:
        """[blocks, levels, BLOCK]."""
        levels, columns = self.table.shape
        whole = np.pad(self.table, ((0, 0), (0, -columns % BLOCK)))
        return whole.reshape(levels, -1, BLOCK).transpose(1, 0, 2)


def with_set_columns(graph: GraphBuilder, features: str, trees: Sequence[Tree]) -> tuple[str, Sequence[Tree]]:
    """Features [N, k] behind the columns of sets, and the same trees asking those; both as they are without sets.

    Features whose sets would make rows or tables too large are asked as before.
    """
    coded, before = [], 0
    for one in _coded(trees):
        wide = len(one.blocks) * BLOCK
        if one.table.size <= MOST_CELLS and before + wide <= MOST_COLUMNS:
            coded.append((one, before))
            before += wide
    if not coded:
        return features, trees
    columns = _looked_up(graph, features, [one for one, _ in coded])
    asked = {found: (start + at, groups) for one, start in coded for found, (at, groups) in one.asked.items()}
    return graph.op("Concat", columns, features, axis=1), [_asking(tree, asked, before) for tree in trees]


def _sets(tree: Tree) -> Iterator[tuple[int, Set]]:
    """The splits of a tree that ask for sets."""
    for at, members in enumerate(tree.members):
        if members is not None:
            yield at, (int(tree.feature[at]), frozenset(members), bool(tree.missing_true[at]))


def _coded(trees: Sequence[Tree]) -> Iterator[_Coded]:
    """One for each feature that is asked for sets."""
    by_feature: dict[int, dict[Set, None]] = {}
    for tree in trees:
        for _, found in _sets(tree):
            by_feature.setdefault(found[0], {})[found] = None
    for feature, sets in sorted(by_feature.items()):
        levels = FIRST + 2 + max((max(codes, default=0) for _, codes, _ in sets), default=0)
        if levels * len(sets) // GROUPS <= MOST_CELLS:
            yield _grouped(feature, list(sets), levels)


def _grouped(feature: int, sets: Sequence[Set], levels: int) -> _Coded:
    """Sets that follow one another share a column until it would have too many groups."""
    columns: list[NDArray[np.int64]] = []
    groups = np.zeros(levels, np.int64)
    inside, shared = [], []  # for each set, its levels and its column
    for _, codes, missing in sets:
        chosen = np.zeros(levels, np.bool_)
        chosen[[FIRST + code for code in codes] + [MISSING] * missing] = True
        finer = _split(groups, chosen)
        if finer.max() > GROUPS:
            columns.append(groups)
            finer = _split(np.zeros(levels, np.int64), chosen)
        groups = finer
        inside.append(chosen)
        shared.append(len(columns))
    table = np.stack([*columns, groups], axis=1).astype(np.uint8)
    asked = {
        one: (column, np.unique(table[chosen, column]).tolist())
        for one, chosen, column in zip(sets, inside, shared, strict=True)
    }
    return _Coded(feature, table, asked)


def _split(groups: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Groups none of which is partly chosen; 0 stays what is in no set. The last level never is in one."""
    return np.unique(2 * groups + chosen, return_inverse=True)[1]


def _looked_up(graph: GraphBuilder, features: str, coded: Sequence[_Coded]) -> str:
    """[N, columns] of all features' tables, in whole blocks."""
    levels = np.array([len(one.table) for one in coded])
    blocks = [len(one.blocks) for one in coded]
    highest = int(levels.max()) - FIRST
    codes = graph.op("Gather", features, np.array([one.feature for one in coded]), axis=1)
    rows = graph.op(
        "LabelEncoder",
        codes,
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array([np.nan, *range(highest)])),
        values_tensor=numpy_helper.from_array(np.arange(MISSING, FIRST + highest)),
        default_tensor=numpy_helper.from_array(np.array([ELSEWHERE])),
    )
    rows = graph.op("Min", rows, levels - 1)  # one that is of another feature only is in no set of this one
    each = np.repeat(levels, blocks)
    places = graph.op("Gather", rows, np.repeat(np.arange(len(coded)), blocks), axis=1)
    places = graph.op("Add", places, np.cumsum(each) - each)
    tables = np.concatenate([block for one in coded for block in one.blocks])
    found = graph.op("Gather", graph.cast(graph.constant(tables), NUMBER), places)
    return graph.op("Reshape", found, np.array([-1, BLOCK * sum(blocks)]))


def _asking(tree: Tree, asked: dict[Set, tuple[int, list[int]]], before: int) -> Tree:
    """The same tree with `before` columns in front of its features."""
    feature, missing_true, members = tree.feature + before, tree.missing_true.copy(), list(tree.members)
    for at, found in _sets(tree):
        if found in asked:
            feature[at], members[at] = asked[found]
            missing_true[at] = False  # a missing value has a group, too
    return replace(tree, feature=feature, missing_true=missing_true, members=members)
