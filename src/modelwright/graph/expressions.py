"""Expressions as ONNX nodes, with the same truth table as their SQL form (see `core.expressions`)."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.columns import NUMERIC
from modelwright.core.expression_tree import (
    Arithmetic,
    Call,
    Compare,
    Logical,
    Member,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Text,
    is_condition,
)
from modelwright.graph import steady
from modelwright.graph.blocks import StepInputs
from modelwright.graph.builder import INTEGER, ML, NUMBER
from modelwright.graph.encoders import MISSING_TEXT, NO_TIME

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

ARITHMETIC = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div"}
PLAIN_FUNCTIONS = {"abs": "Abs", "sqrt": "Sqrt", "floor": "Floor"}
COMPARISONS = {"=": "Equal", "<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual"}
MISSING = np.array([np.nan])


def compile_value(graph: GraphBuilder, node: Node, inputs: StepInputs) -> str:
    """[N] float64, NaN for missing; a condition is 1 or 0. The expression must read at least one column."""
    return _Compiler(graph, inputs).value(node)


class _Compiler:
    def __init__(self, graph: GraphBuilder, inputs: StepInputs) -> None:
        self.graph = graph
        self.op = graph.op
        self.inputs = inputs

    def value(self, node: Node) -> str:
        """Finite or NaN. Infinities are turned into NaN only where they would otherwise be lost, as in the SQL form."""
        plain = isinstance(node, Name | Number) or is_condition(node)
        return self.ieee(node) if plain else self.finite(self.ieee(node))

    def ieee(self, node: Node) -> str:
        """Perhaps infinite."""
        if is_condition(node):
            return self.graph.cast(self.condition(node), NUMBER)
        match node:
            case Number(number):
                return self.graph.constant(np.array([number]))
            case Name(name):
                return self.inputs.column(name)
            case Negative(operand):
                return self.op("Neg", self.ieee(operand))
            case Arithmetic(operator, left, right):
                divisor = operator == "/"
                return self.op(
                    ARITHMETIC[operator], self.ieee(left), self.value(right) if divisor else self.ieee(right)
                )
            case Call("where", (condition, then, otherwise)):
                return self.op("Where", self.condition(condition), self.ieee(then), self.ieee(otherwise))
            case Call("min" | "max" as function, arguments):
                comparison = "Less" if function == "min" else "Greater"
                return reduce(lambda first, other: self.extreme(comparison, first, other), map(self.value, arguments))
            case Call("exp", (argument,)):
                return steady.exp(self.graph, self.value(argument))
            case Call("log", (argument,)):
                return steady.log(self.graph, self.ieee(argument))
            case Call(function, (argument,)):
                return self.op(PLAIN_FUNCTIONS[function], self.ieee(argument))
        raise TypeError(f"{node} has no value")  # text; `check_types` has refused it

    def extreme(self, comparison: str, first: str, other: str) -> str:
        """The lesser or greater; missing when either is (ONNX's own Min and Max do not promise that)."""
        chosen = self.op("Where", self.op(comparison, first, other), first, other)
        return self.op("Where", self.op("IsNaN", first), first, chosen)

    def finite(self, value: str) -> str:
        return self.op("Where", self.op("IsInf", value), MISSING, value)

    def condition(self, node: Node) -> str:
        match node:
            case Not(operand):
                return self.op("Not", self.condition(operand))
            case Logical(operator, left, right):
                return self.op(operator.capitalize(), self.condition(left), self.condition(right))
            case Compare(operator, left, right):
                return self.compare(operator, left, right)
            case Member(operand, _, negated):
                inside = self.inside(node)
                return self.op("And", self.known(operand), self.op("Not", inside)) if negated else inside
            case Call("isnull", (argument,)):
                return self.op("Not", self.known(argument))
        return self.op("Greater", self.op("Abs", self.value(node)), np.array([0.0]))

    def compare(self, operator: str, left: Node, right: Node) -> str:
        text = self.is_text(left)
        first, other = (self.text(left), self.text(right)) if text else (self.value(left), self.value(right))
        if operator not in ("=", "!="):
            return self.op(COMPARISONS[operator], first, other)
        same = self.op("Equal", first, other)
        if operator == "=" and not text:
            return same
        known = self.op("And", self.known(left), self.known(right))
        return self.op("And", known, same if operator == "=" else self.op("Not", same))

    def inside(self, node: Member) -> str:
        if isinstance(node.values[0], Text):
            words = list(dict.fromkeys(str(text.value) for text in node.values))
            ones = [1] * len(words)
            found = self.op(
                "LabelEncoder",
                self.text(node.operand),
                domain=ML,
                keys_strings=words,
                values_int64s=ones,
                default_int64=0,
            )
            return self.op("Equal", found, np.array([1]))
        numbers = np.array([[number.value for number in node.values]], np.float64)
        rows = self.op("Unsqueeze", self.value(node.operand), np.array([1]))
        hits = self.graph.cast(self.op("Equal", rows, numbers), INTEGER)
        return self.op("Equal", self.op("ReduceMax", hits, np.array([1]), keepdims=0), np.array([1]))

    def known(self, node: Node) -> str:
        """Where a value is not missing."""
        if isinstance(node, Name) and self.inputs.type(node.name) == "timestamp":
            return self.op("Not", self.op("Equal", self.inputs.column(node.name), np.array([NO_TIME])))
        if self.is_text(node):
            return self.op("Not", self.op("Equal", self.text(node), np.array([MISSING_TEXT], object)))
        return self.op("Not", self.op("IsNaN", self.value(node)))

    def is_text(self, node: Node) -> bool:
        if isinstance(node, Name):
            return self.inputs.type(node.name) not in NUMERIC and self.inputs.type(node.name) != "timestamp"
        return isinstance(node, Text)

    def text(self, node: Node) -> str:
        if isinstance(node, Name):
            return self.inputs.column(node.name)
        assert isinstance(node, Text)
        return self.graph.constant(np.array([node.value], object))
