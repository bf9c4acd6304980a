"""Compiles `core.expressions` to SQL over tables whose numbers are finite or NULL.

DuckDB computes by IEEE 754, where infinities and NaN stay what they are through + - * and most functions. So a result
is turned into NULL only where it would otherwise be lost: in a divisor, in exp, min and max, in a comparison, and at
the end. The guard is a lambda over a list of one, which names its argument once; CASE would double the text each time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelwright.core import expressions as tree
from modelwright.core.expressions import ExpressionError, Node
from modelwright.tables.engine import literal, quote

FUNCTIONS = {"abs": "abs", "exp": "exp", "floor": "floor", "log": "ln", "sqrt": "sqrt"}
FINITE = "list_transform([{}], lambda v: CASE WHEN isfinite(v) THEN v END)[1]"
DIVISOR = "list_transform([{}], lambda v: CASE WHEN isfinite(v) AND v <> 0 THEN v END)[1]"
SMALLEST = "list_transform([[{}]], lambda v: CASE WHEN list_count(v) = len(v) THEN list_min(v) END)[1]"
LARGEST = "list_transform([[{}]], lambda v: CASE WHEN list_count(v) = len(v) THEN list_max(v) END)[1]"


def condition_sql(text: str, types: Mapping[str, str], unknown: Collection[str] = ()) -> str:
    """SQL that is true or false for every row, never NULL; `types` are those of `core.columns`.

    Of columns that are `unknown` nothing is known, not even whether they are missing: the condition is true only where
    it would be so whatever they hold.
    """
    node = tree.parse(tree.checked_condition(text))
    tree.check_types(node, types)
    sql = _condition(node, types, frozenset(unknown))
    return f"coalesce({sql}, false)" if unknown else sql


def value_sql(text: str, types: Mapping[str, str]) -> str:
    """SQL that is a finite DOUBLE or NULL."""
    node = tree.parse(tree.checked_value(text))
    tree.check_types(node, types)
    if tree.is_condition(node):
        return f"CAST({_condition(node, types, frozenset())} AS DOUBLE)"
    return _finite(node, types)


def _condition(node: Node, types: Mapping[str, str], unknown: frozenset[str]) -> str:
    match node:
        case tree.Logical(operator, left, right):
            return f"({_condition(left, types, unknown)} {operator.upper()} {_condition(right, types, unknown)})"
        case tree.Not(operand):
            return f"(NOT {_condition(operand, types, unknown)})"
        case _ if not unknown.isdisjoint(tree.names(node)):
            return "NULL::BOOLEAN"  # SQL's own logic does the rest: true OR NULL is true
        case tree.Compare(operator, left, right):
            sign = "<>" if operator == "!=" else operator
            return f"coalesce({_operand(left, types)} {sign} {_operand(right, types)}, false)"
        case tree.Member(operand, values, negated):
            listed = ", ".join(_operand(value, types) for value in values)
            return f"coalesce({_operand(operand, types)} {'NOT ' if negated else ''}IN ({listed}), false)"
        case tree.Call("isnull", (argument,)):
            plain = quote(argument.name) if isinstance(argument, tree.Name) else _finite(argument, types)
            return f"({plain} IS NULL)"
    raise ExpressionError(f"not a condition: {node}")


def _operand(node: Node, types: Mapping[str, str]) -> str:
    if isinstance(node, tree.Text):
        return literal(node.value)
    if isinstance(node, tree.Name) and tree.is_text(node, types):
        return quote(node.name)
    return _finite(node, types)


def _finite(node: Node, types: Mapping[str, str]) -> str:
    plain = isinstance(node, tree.Name | tree.Number)
    return _ieee(node, types) if plain else FINITE.format(_ieee(node, types))


def _ieee(node: Node, types: Mapping[str, str]) -> str:
    """SQL that is a DOUBLE, perhaps infinite or NaN, or NULL."""
    match node:
        case tree.Number(value):
            return f"'{value!r}'::DOUBLE"
        case tree.Name(name):
            return f"{quote(name)}::DOUBLE"
        case tree.Negative(operand):
            return f"(-{_ieee(operand, types)})"
        case tree.Arithmetic("/", left, right):
            return f"({_ieee(left, types)} / {DIVISOR.format(_ieee(right, types))})"
        case tree.Arithmetic(operator, left, right):
            return f"({_ieee(left, types)} {operator} {_ieee(right, types)})"
        case tree.Call("min" | "max" as function, arguments):
            listed = ", ".join(_finite(argument, types) for argument in arguments)
            return (SMALLEST if function == "min" else LARGEST).format(listed)
        case tree.Call("where", (condition, then, otherwise)):
            test = _condition(condition, types, frozenset())
            return f"CASE WHEN {test} THEN {_ieee(then, types)} ELSE {_ieee(otherwise, types)} END"
        case tree.Call("exp", (argument,)):
            return f"exp({_finite(argument, types)})"
        case tree.Call(function, (argument,)):
            return f"{FUNCTIONS[function]}({_ieee(argument, types)})"
    raise ExpressionError(f"not a number: {node}")
