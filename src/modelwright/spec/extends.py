"""`extends: base.yaml`: one spec on top of another, each value keeping the place where it was written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from modelwright.core.errors import SpecError
from modelwright.spec.parse import parse
from modelwright.spec.tree import Branch, Leaf, Node, Row

FALLBACK = re.compile(r"(\$\{env:\w+:-)([^}]+)(?=\})")
PATH_KEYS = frozenset({"path", "folder"})  # the keys that hold paths, in every section and part


def read(file: Path) -> Branch:
    """The spec file with all that it extends. Relative paths of extended files are rewritten to start from `file`."""
    return _read(file, str(file), file.parent, ())


def _read(file: Path, source: str, base: Path, above: tuple[Path, ...]) -> Branch:
    tree = parse(_content(file, source), source)
    if isinstance(tree, Leaf) and tree.value is None:
        raise SpecError(
            "the spec is empty", where=f"{source}:1:1", hint="modelwright init DATA --target COLUMN writes one"
        )
    if not isinstance(tree, Branch):
        raise SpecError("a spec is a mapping such as `name: rides`", where=tree.where)
    if file.parent.resolve() != base.resolve():
        tree = relocated(tree, os.path.relpath(file.parent, base))
    if "extends" not in tree.entries:
        return tree
    _, extended = tree.entries["extends"]
    if not isinstance(extended, Leaf) or not isinstance(extended.value, str):
        raise SpecError("extends: must be the path of one spec file", where=extended.where)
    parent = file.parent / extended.value
    chain = (*above, file.resolve())
    if parent.resolve() in chain:
        raise SpecError(f"extends: {extended.value} extends this file again", where=extended.where)
    if not parent.is_file():
        raise SpecError(f"extends: there is no file {parent}", where=extended.where)
    own = Branch({key: entry for key, entry in tree.entries.items() if key != "extends"}, tree.where)
    return _merged(_read(parent, os.path.normpath(parent), base, chain), own)


def _content(file: Path, source: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise SpecError(
            f"there is no file {source}", hint="modelwright init DATA --target COLUMN writes a spec"
        ) from None
    except IsADirectoryError:
        raise SpecError(f"{source} is a folder, not a spec file") from None
    except OSError as error:
        raise SpecError(f"{source} can't be read: {error.strerror}") from None
    except ValueError:
        raise SpecError(f"{source!r} is not a file name") from None


def _merged(base: Branch, top: Branch) -> Branch:
    """Mappings merge key by key; all else is replaced, as is a part by one of another kind."""
    entries = dict(base.entries)
    for key, (where, value) in top.entries.items():
        below = entries.get(key, (where, None))[1]
        if isinstance(value, Branch) and isinstance(below, Branch) and _same_kind(below, value):
            value = _merged(below, value)
        entries[key] = (where, value)
    return Branch(entries, top.where)


def _same_kind(base: Branch, top: Branch) -> bool:
    return "kind" not in top.entries or _kind(base) == _kind(top)


def _kind(branch: Branch) -> object:
    kind = branch.entries.get("kind", ("", None))[1]
    return kind.value if isinstance(kind, Leaf) else None


def relocated(tree: Branch, prefix: str) -> Branch:
    """The same spec for a folder from which `prefix` leads to the old one."""
    return Branch({key: (at, _moved(value, prefix, key)) for key, (at, value) in tree.entries.items()}, tree.where)


def _moved(node: Node, prefix: str, key: str) -> Node:
    """Relative paths under path keys, with `prefix` in front."""
    if isinstance(node, Branch):
        return relocated(node, prefix)
    if isinstance(node, Row):
        return Row([_moved(item, prefix, key) for item in node.items], node.where)
    path = node.value
    if key not in PATH_KEYS or not isinstance(path, str):
        return node
    reference = FALLBACK.match(path)  # what the variable says is the caller's; what it falls back to is ours
    if reference and _is_relative(reference[2]):
        return Leaf(
            f"{reference[1]}{os.path.normpath(f'{prefix}/{reference[2]}')}{path[reference.end() :]}", node.where
        )
    return Leaf(os.path.normpath(f"{prefix}/{path}"), node.where) if _is_relative(path) else node


def _is_relative(path: str) -> bool:
    return not path.startswith(("/", "${", "~")) and "://" not in path
