"""YAML text to a tree that knows its places, with limits on size, depth and aliases (SAFETY S9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from modelwright.core.errors import Problem, SpecError
from modelwright.spec.scalars import resolve
from modelwright.spec.tree import Branch, Leaf, Node, Row

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_VALUES = 100_000  # counted after aliases are followed: what an alias bomb would unfold to

NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
UNQUOTED_REFERENCE = re.compile(r"[{,].*:\s*\$\{")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # only its events are used: nothing is constructed


def parse(content: bytes, source: str) -> Node:
    """The one document of a file. SpecError with `source:line:column` for whatever is not plain, modest YAML 1.2."""
    text = _decode(content, source)
    try:
        return _Composer(source, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, source, text) from None


def parse_value(text: str, where: str) -> Node:
    """The value of `--set key=value`, in YAML; every place in it is `where`."""
    if NOT_TEXT.search(text):
        raise SpecError("contains a character that is not text", where=where)
    try:
        return _Composer(where, yaml.parse(text, Loader=_LOADER), lines=False).document()
    except yaml.MarkedYAMLError as error:
        raise SpecError(
            f"not valid YAML: {error.problem or error.context}", where=where, hint="quote the value"
        ) from None


def _decode(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise SpecError(f"larger than {MAX_BYTES:,} bytes", where=f"{source}:1:1", hint="is this a spec file?")
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(
            "starts with a byte order mark", where=f"{source}:1:1", hint="save the file as UTF-8 without BOM"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        where = _place(source, content[: error.start].decode())
        raise SpecError("not UTF-8", where=where, hint="save the file as UTF-8") from None
    if found := NOT_TEXT.search(text):
        code = f"U+{ord(found[0]):04X}"
        raise SpecError(
            f"contains the character {code}, which is not text", where=_place(source, text[: found.start()])
        )
    return text


def _place(source: str, before: str) -> str:
    """Where the text after `before` stands."""
    return f"{source}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def _syntax_error(error: yaml.MarkedYAMLError, source: str, text: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else f"{source}:1:1"
    what = error.problem or error.context or "not valid YAML"
    hint = "YAML indents with blanks, never with tabs" if "tab" in what or "cannot start any token" in what else ""
    if what.startswith("mapping values are not allowed"):
        hint = "check the indentation, and quote text that contains ': '"
    if mark and UNQUOTED_REFERENCE.search("\n".join(text.splitlines()[max(mark.line - 1, 0) : mark.line + 1])):
        hint = "inside braces, quote environment references: {token: '${env:NAME}'}"
    if error.context and error.context_mark:
        what += f" {error.context} from line {error.context_mark.line + 1}"
    return SpecError(f"not valid YAML: {what}", where=where, hint=hint)


@dataclass(frozen=True)
class _Sized:
    """A finished node, how many values it unfolds to and how deep it goes."""

    node: Node
    values: int
    depth: int


@dataclass
class _Composer:
    """Turns parser events into nodes, watching the limits; finds all duplicate keys before it complains."""

    source: str
    events: Iterator[Any]
    lines: bool = True
    anchors: dict[str, _Sized | None] = field(default_factory=dict)
    aliases: int = 0
    problems: list[Problem] = field(default_factory=list)

    def document(self) -> Node:
        next(self.events)  # stream start
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            return Leaf(None, self._where(start))
        root = self._node(next(self.events), 1).node
        next(self.events)  # document end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise SpecError("a second document starts here", where=self._where(after), hint="one file is one spec")
        if self.problems:
            raise SpecError.of(self.problems)
        return root

    def _where(self, event: Any) -> str:
        mark = event.start_mark
        return f"{self.source}:{mark.line + 1}:{mark.column + 1}" if self.lines else self.source

    def _node(self, event: Any, depth: int) -> _Sized:
        where = self._where(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth, where)
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise SpecError(
                f"tags such as {tag} are not used in specs", where=where, hint="remove it; quotes make text"
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        made = self._made(event, depth, where)
        if made.values > MAX_VALUES:
            raise SpecError(f"unfolds to more than {MAX_VALUES:,} values", where=where)
        if event.anchor is not None:
            self.anchors[event.anchor] = made
        return made

    def _made(self, event: Any, depth: int, where: str) -> _Sized:
        if isinstance(event, yaml.ScalarEvent):
            text = event.value
            if "\0" in text:
                raise SpecError("contains a NUL character", where=where)
            if not self.lines and event.implicit[0]:
                return _Sized(Leaf(resolve(text), where, text=text), 1, 0)
            return _Sized(Leaf(resolve(text) if event.implicit[0] else text, where), 1, 0)
        if depth > MAX_DEPTH:
            raise SpecError(f"nested deeper than {MAX_DEPTH} levels", where=where)
        return (
            self._sequence(depth, where) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(depth, where)
        )

    def _alias(self, event: Any, depth: int, where: str) -> _Sized:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise SpecError(f"more than {MAX_ALIASES} aliases", where=where)
        made = self.anchors.get(event.anchor)
        if made is None:
            what = "refers to itself" if event.anchor in self.anchors else "refers to no anchor above it"
            raise SpecError(f"*{event.anchor} {what}", where=where)
        if depth + made.depth > MAX_DEPTH:
            raise SpecError(f"nested deeper than {MAX_DEPTH} levels", where=where)
        return made

    def _sequence(self, depth: int, where: str) -> _Sized:
        items, values, deepest = [], 1, 0
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            made = self._node(event, depth + 1)
            items.append(made.node)
            values += made.values
            deepest = max(deepest, made.depth + 1)
        return _Sized(Row(items, where), values, deepest)

    def _mapping(self, depth: int, where: str) -> _Sized:
        entries: dict[str, tuple[str, Node]] = {}
        values, deepest = 1, 0
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise SpecError("a key must be plain text", where=self._where(event))
            key, key_where = event.value, self._where(event)
            made = self._node(next(self.events), depth + 1)
            if key in entries:
                before = f"; first at {entries[key][0]}" if self.lines else ""
                self.problems.append(Problem(f'duplicate key "{key}"{before}', where=key_where))
            entries[key] = (key_where, made.node)
            values += made.values
            deepest = max(deepest, made.depth + 1)
        return _Sized(Branch(entries, where), values, deepest)
