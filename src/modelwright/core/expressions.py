"""The small language of `where:` and `value:`: parsed here once, compiled to SQL in `tables` and to ONNX in `graph`.

    condition := condition or condition | condition and condition | not condition | (condition)
               | value (= | != | < | <= | > | >=) value | value [not] in (literal, …) | isnull(value)
    value     := number | 'text' | true | false | name | `any name` | (value)
               | -value | value (+ | - | * | /) value | min(value, …) | max(value, …)
               | abs(value) | log(value) | exp(value) | sqrt(value) | floor(value) | where(condition, value, value)

What it means, in both compilers:
- Numbers are float64; booleans are 1 and 0; text can only be compared, with `=`, `!=` and `in`.
- Missing propagates through arithmetic and functions (`min` and `max` too). A result that is not a finite number is
  missing: x / 0, log(0), sqrt(-1), overflow. The empty text is missing.
- A comparison with missing is false, `!=` and `not in` too. `and`, `or` and `not` know only true and false, so
  `not (x > 1)` is true where x is missing; `where` takes its last argument there.
- As a `value:`, a condition is 1 or 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelwright.core.expression_tree import (
    OTHERWISE,
    Arithmetic,
    Call,
    Compare,
    ExpressionError,
    Logical,
    Member,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Text,
    check_types,
    children,
    is_condition,
    is_text,
    names,
)

__all__ = [
    "FUNCTIONS",
    "Arithmetic",
    "Call",
    "Compare",
    "ExpressionError",
    "Logical",
    "Member",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "Text",
    "check_types",
    "checked_condition",
    "checked_value",
    "children",
    "is_condition",
    "is_text",
    "names",
    "parse",
]

FUNCTIONS: dict[str, tuple[int, int]] = {  # name: fewest and most arguments
    "abs": (1, 1), "exp": (1, 1), "floor": (1, 1), "isnull": (1, 1), "log": (1, 1), "max": (2, 20), "min": (2, 20),
    "sqrt": (1, 1), "where": (3, 3),
}  # fmt: skip
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
KEYWORDS = ("and", "or", "not", "in", "true", "false")
SPELLINGS = {"==": "=", "<>": "!="}
MAX_TOKENS = 400  # the trees of longer ones would be too deep for recursive compilers
MAX_NESTING = 40
TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'[^'\n]*'|"[^"\n]*")
    | (?P<quoted>`[^`\n]+`)
    | (?P<name>[^\W\d]\w*)
    | (?P<comment>--|/\*)
    | (?P<operator><=|>=|!=|<>|==|[-+*/=<>(),])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    kind: str  # number, text, quoted, name, keyword, operator, end
    text: str
    position: int  # of its first character, from 1


def parse(text: str) -> Node:
    """The expression's tree, or ExpressionError saying what is wrong at which character."""
    return _Parser(text).whole()


def checked_condition(text: str) -> str:
    """The text itself if it is a condition; a validator for spec fields."""
    if not is_condition(parse(text)):
        raise ExpressionError(f"{text!r} is a value, not a condition", hint="compare it, for example flag = 1")
    return text


def checked_value(text: str) -> str:
    """The text itself if it parses to a number; a validator for spec fields."""
    if isinstance(parse(text), Text):
        raise ExpressionError(f"{text!r} is text, not a number", hint="name a column without quotes, or in backquotes")
    return text


def _tokens(text: str) -> Iterator[Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        found = TOKEN.match(text, position)
        if found is None:
            position = end - len(text[position:end].lstrip())
            raise ExpressionError(f"{text!r}: unexpected {text[position]!r} at character {position + 1}")
        kind = str(found.lastgroup)
        word, start = found[kind], found.start(kind) + 1
        if kind == "comment":
            raise ExpressionError(f"{text!r}: no comments in expressions, at character {start}")
        yield Token("keyword" if word in KEYWORDS else kind, SPELLINGS.get(word, word), start)
        position = found.end()
    yield Token("end", "the end", end + 1)


class _Parser:
    """Recursive descent, one method a rule; from loosest to tightest: or, and, not, comparison, + -, * /, minus."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.index = 0
        self.nesting = 0
        if len(self.tokens) > MAX_TOKENS:
            raise ExpressionError(
                f"an expression of {len(self.tokens)} words and signs; at most {MAX_TOKENS} are allowed"
            )

    @property
    def here(self) -> Token:
        return self.tokens[self.index]

    def wrong(self, message: str, token: Token, hint: str = "") -> ExpressionError:
        hint = OTHERWISE.get(self.tokens[min(self.index, len(self.tokens) - 1)].text, hint)
        return ExpressionError(f"{self.text!r}: {message} at character {token.position}", hint=hint)

    def take(self, *words: str) -> Token | None:
        token = self.here
        if token.kind not in ("operator", "keyword") or token.text not in words:
            return None
        self.index += 1
        return token

    def need(self, word: str) -> None:
        if self.take(word) is None:
            raise self.wrong(f"expected {word!r}, got {self.here.text!r}", self.here)

    def whole(self) -> Node:
        node = self.disjunction()
        if self.here.kind != "end":
            raise self.wrong(f"expected an operator or the end, got {self.here.text!r}", self.here)
        return node

    def condition(self, rule: Callable[[], Node]) -> Node:
        start = self.here
        return self.as_condition(rule(), start)

    def as_condition(self, node: Node, start: Token) -> Node:
        if not is_condition(node):
            raise self.wrong("a condition is needed", start, hint="compare the value, for example flag = 1")
        return node

    def value(self, rule: Callable[[], Node]) -> Node:
        start = self.here
        return self.as_value(rule(), start)

    def as_value(self, node: Node, start: Token) -> Node:
        if is_condition(node):
            raise self.wrong("a value is needed, not a condition,", start, hint="where(condition, 1, 0) is a value")
        return node

    def nested(self, rule: Callable[[], Node]) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.wrong(f"nested deeper than {MAX_NESTING} levels", self.here)
        node = rule()
        self.nesting -= 1
        return node

    def disjunction(self) -> Node:
        return self.logical("or", lambda: self.logical("and", self.negation))

    def logical(self, operator: str, rule: Callable[[], Node]) -> Node:
        start = self.here
        node = rule()
        while self.take(operator):
            node = Logical(operator, self.as_condition(node, start), self.condition(rule))
        return node

    def negation(self) -> Node:
        if self.take("not"):
            return Not(self.nested(lambda: self.condition(self.negation)))
        return self.comparison()

    def comparison(self) -> Node:
        start = self.here
        left = self.sum()
        if token := self.take(*COMPARISONS):
            node = Compare(token.text, self.as_value(left, start), self.value(self.sum))
            if token.text not in ("=", "!=") and (isinstance(node.left, Text) or isinstance(node.right, Text)):
                raise self.wrong(f"text can't be ordered with {token.text!r}", token, hint="use =, != or in")
            if follows := self.take(*COMPARISONS):
                raise self.wrong("comparisons can't be chained", follows, hint="write a < b and b < c")
            return node
        negated = self.take("not") is not None
        if negated or self.here.text == "in":
            self.need("in")
            return Member(self.as_value(left, start), self.literals(), negated)
        return left

    def literals(self) -> tuple[Number, ...] | tuple[Text, ...]:
        start = self.here
        self.need("(")
        found = [self.literal()]
        while self.take(","):
            found.append(self.literal())
        self.need(")")
        numbers = tuple(node for node in found if isinstance(node, Number))
        texts = tuple(node for node in found if isinstance(node, Text))
        if numbers and texts:
            raise self.wrong("`in` mixes text and numbers", start)
        return numbers or texts

    def literal(self) -> Number | Text:
        start = self.here
        negative = self.take("-")
        node = self.primary()
        if isinstance(node, Number):
            return Number(-node.value) if negative else node
        if isinstance(node, Text) and not negative:
            return node
        raise self.wrong("`in` takes only numbers or quoted texts,", start)

    def sum(self) -> Node:
        return self.arithmetic(("+", "-"), lambda: self.arithmetic(("*", "/"), self.negative))

    def arithmetic(self, operators: tuple[str, ...], rule: Callable[[], Node]) -> Node:
        start = self.here
        node = rule()
        while token := self.take(*operators):
            node = Arithmetic(token.text, self.as_value(node, start), self.value(rule))
        return node

    def negative(self) -> Node:
        if self.take("-"):
            return Negative(self.nested(lambda: self.value(self.negative)))
        return self.primary()

    def primary(self) -> Node:
        token = self.here
        if self.take("("):
            node = self.nested(self.disjunction)
            self.need(")")
            return node
        if word := self.take("true", "false"):
            return Number(1.0 if word.text == "true" else 0.0)
        self.index += 1
        if token.kind == "name":
            return self.call(token) if self.take("(") else Name(token.text)
        if token.kind == "quoted":
            return Name(token.text[1:-1])
        if token.kind == "number" and math.isfinite(float(token.text)):
            return Number(float(token.text))
        if token.kind == "text" and len(token.text) > 2:
            return Text(token.text[1:-1])
        if token.kind == "text":
            raise self.wrong("the empty text is missing", token, hint="use isnull(column)")
        raise self.wrong(f"expected a value, got {token.text!r}", token)

    def call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            raise self.wrong(f"no function {name.text!r}", name, hint=f"known: {', '.join(FUNCTIONS)}")
        first = self.condition if name.text == "where" else self.value
        arguments = [self.nested(lambda: first(self.disjunction))]
        while self.take(","):
            arguments.append(self.nested(lambda: self.value(self.disjunction)))
        self.need(")")
        fewest, most = FUNCTIONS[name.text]
        if not fewest <= len(arguments) <= most:
            wanted = fewest if fewest == most else f"{fewest} to {most}"
            raise self.wrong(f"{name.text} takes {wanted} arguments, got {len(arguments)},", name)
        return Call(name.text, tuple(arguments))
