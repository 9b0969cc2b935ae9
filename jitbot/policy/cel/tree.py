"""The syntax tree of a compiled condition, read from the engine's serialised form.

The engine gives its tree only as a protocol buffer (`cel.expr.CheckedExpr`, a published format). The few of its fields
that our checks need are declared here, so that they see what the engine sees, not what a second parser would guess.
https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_REPEATED = "*"
_FIELDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Any": {"value": (2, "bytes")},
    "Checked": {"expr": (4, "Expr"), "source": (5, "Source")},
    "Source": {"positions": (4, "Position*")},
    "Position": {"id": (1, "int64"), "offset": (2, "int32")},
    "Expr": {
        "id": (2, "int64"),
        "constant": (3, "Constant"),
        "name": (4, "Name"),
        "select": (5, "Select"),
        "call": (6, "Call"),
        "list": (7, "List"),
        "struct": (8, "Struct"),
        "loop": (9, "Loop"),
    },
    "Constant": {
        "nothing": (1, "int64"),
        "truth": (2, "bool"),
        "whole": (3, "int64"),
        "unsigned": (4, "uint64"),
        "number": (5, "double"),
        "text": (6, "string"),
        "bytes": (7, "bytes"),
    },
    "Name": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "Expr*")},
    "List": {"elements": (1, "Expr*")},
    "Struct": {"entries": (2, "Entry*")},
    "Entry": {"key": (3, "Expr"), "value": (4, "Expr")},
    "Loop": {
        "variable": (1, "string"),
        "range": (2, "Expr"),
        "sum": (3, "string"),
        "start": (4, "Expr"),
        "condition": (5, "Expr"),
        "step": (6, "Expr"),
        "result": (7, "Expr"),
        "second": (8, "string"),
    },
}
"""Each message's fields, with their numbers and types; all others are passed over."""


class Kind(StrEnum):
    """What a node is, as far as checks care."""

    NAME = "name"
    TEXT = "text"
    CONSTANT = "constant"
    CALL = "call"
    LIST = "list"
    LOOP = "loop"
    OTHER = "other"


_KINDS = {"call": Kind.CALL, "list": Kind.LIST, "loop": Kind.LOOP}


@dataclass(frozen=True, slots=True)
class Node:
    """A name (dotted), a text, another constant, a call (`_==_`, `@in`), a list, a loop (`exists`, `all`) or another.

    The first part of a loop is what it goes over, and its `name` the variable; `variables` are all that it binds.
    `offset` counts characters of the condition; nodes that say the same are equal, and written alike, wherever they
    stand. `value` is that of a constant which is no text, and its `name` then the type.
    """

    kind: Kind
    name: str = ""
    parts: tuple["Node", ...] = ()
    offset: int = field(default=0, compare=False, repr=False)
    variables: frozenset[str] = field(default=frozenset())
    value: object = None

    def walk(self) -> Iterator["Node"]:
        """Yield this node and everything below it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def names(self) -> frozenset[str]:
        """Return the names that are not variables of a loop around them."""
        return frozenset(self._free(frozenset()))

    def _free(self, bound: frozenset[str]) -> Iterator[str]:
        if self.kind is Kind.NAME and self.name not in bound:
            yield self.name
        inside = bound | self.variables if self.variables else bound
        for index, part in enumerate(self.parts):
            yield from part._free(bound if index == 0 else inside)


def tree(serialised: bytes) -> Node:
    """Decode a serialised, type-checked expression."""
    checked = _CHECKED.FromString(_ANY.FromString(serialised).value)
    return _node(checked.expr, {each.id: each.offset for each in checked.source.positions})


def _node(expr: Any, offsets: Mapping[int, int]) -> Node:
    offset = offsets.get(expr.id, 0)
    shape = expr.WhichOneof("shape")
    if shape == "constant":
        return _constant(expr.constant, offset)
    if shape == "name":
        return Node(Kind.NAME, expr.name.name, offset=offset)
    name, parts, variables = _SHAPES[shape](getattr(expr, shape))
    kind = _KINDS.get(shape, Kind.OTHER)
    return Node(kind, name, tuple([_node(part, offsets) for part in parts]), offset, frozenset(variables))


def _constant(constant: Any, offset: int) -> Node:
    kind = constant.WhichOneof("shape")
    value = getattr(constant, kind)
    if kind == "text":
        return Node(Kind.TEXT, value, offset=offset)
    return Node(Kind.CONSTANT, kind, offset=offset, value=value)


Shape = tuple[str, list[Any], tuple[str, ...]]
"""What a node is called, the expressions in it, and the variables that it binds."""


def _select(select: Any) -> Shape:
    return f".{select.field}{'?' if select.test else ''}", [select.operand], ()


def _call(call: Any) -> Shape:
    return call.function, [*([call.target] if call.HasField("target") else ()), *call.args], ()


def _list(items: Any) -> Shape:
    return "", list(items.elements), ()


def _struct(struct: Any) -> Shape:
    return "", [part for entry in struct.entries for part in (entry.key, entry.value)], ()


def _loop(loop: Any) -> Shape:
    parts = [loop.range, loop.start, loop.condition, loop.step, loop.result]
    return loop.variable, parts, (loop.variable, loop.sum, loop.second)


_SHAPES = {"select": _select, "call": _call, "list": _list, "struct": _struct, "loop": _loop}


def _declared() -> DescriptorPool:
    """Declare the messages; a decoded one tells which of its shapes an expression has."""
    file = FileDescriptorProto(name="condition.proto", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        if name in ("Expr", "Constant"):
            message.oneof_decl.add(name="shape")
        for each, (number, kind) in fields.items():
            _add_field(message, each, number, kind)
    pool = DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: DescriptorProto, name: str, number: int, kind: str) -> None:
    plain = kind.removesuffix(_REPEATED)
    repeated = FieldDescriptorProto.LABEL_REPEATED if kind.endswith(_REPEATED) else FieldDescriptorProto.LABEL_OPTIONAL
    added = message.field.add(name=name, number=number, label=repeated)
    if plain in _FIELDS:
        added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{plain}"
    else:
        added.type = FieldDescriptorProto.Type.Value(f"TYPE_{plain.upper()}")
    if message.oneof_decl and name != "id":
        added.oneof_index = 0


_POOL = _declared()
_ANY: Any = GetMessageClass(_POOL.FindMessageTypeByName("Any"))
_CHECKED: Any = GetMessageClass(_POOL.FindMessageTypeByName("Checked"))
