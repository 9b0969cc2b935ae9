"""The syntax tree of a compiled condition, read from the engine's serialised form.

The engine gives its tree only as a protocol buffer (`cel.expr.CheckedExpr`, a published format). This decodes the few
fields that our checks need, so that they see what the engine sees, not what a second parser would guess.
https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fields = dict[int, list[int | bytes]]
"""A decoded message: its values by field number."""

_ID, _CONSTANT, _NAME, _SELECT, _CALL, _LIST, _STRUCT, _LOOP = range(2, 10)  # fields of Expr
_STRING_CONSTANT = 6  # field of Constant
_PARTS: Mapping[int, tuple[int, ...]] = {
    _SELECT: (1,),
    _CALL: (1, 3),
    _LIST: (1,),
    _LOOP: (2, 4, 5, 6, 7),
}  # which fields hold expressions
_ENTRY_PARTS: tuple[int, ...] = (3, 4)  # key and value of a map's entry
_NAMES = {_NAME: 1, _CALL: 2, _LOOP: 1}
_LOOP_VARIABLES = (1, 3, 8)


class Kind(StrEnum):
    """What a node is, as far as checks care."""

    NAME = "name"
    TEXT = "text"
    CALL = "call"
    LIST = "list"
    LOOP = "loop"
    OTHER = "other"


_KINDS = {_NAME: Kind.NAME, _CALL: Kind.CALL, _LIST: Kind.LIST, _LOOP: Kind.LOOP}


@dataclass(frozen=True, slots=True)
class Node:
    """A dotted name, a text literal, a call (`_==_`, `@in`, `duration`), a list, a loop (`exists`, `all`) or another.

    The first part of a loop is what it goes over, and its `name` the variable; `variables` are all that it binds.
    `offset` counts characters of the condition.
    """

    kind: Kind
    name: str = ""
    parts: tuple["Node", ...] = ()
    offset: int = 0
    variables: frozenset[str] = field(default=frozenset())

    def walk(self) -> Iterator["Node"]:
        """Yield this node and everything below it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def names(self, bound: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return the names that are not variables of a loop around them."""
        own = frozenset({self.name} - bound) if self.kind is Kind.NAME else frozenset()
        inside = bound | self.variables
        return own.union(*(part.names(bound if index == 0 else inside) for index, part in enumerate(self.parts)))


def tree(serialised: bytes) -> Node:
    """Decode a serialised, type-checked expression."""
    checked = _fields(_first(_fields(serialised), 2))
    source = _fields(_first(checked, 5))
    entries = [_fields(entry) for entry in _messages(source, 4)]
    return _node(_first(checked, 4), {_number(entry, 1): _number(entry, 2) for entry in entries})


def _node(message: bytes, offsets: dict[int, int]) -> Node:
    fields = _fields(message)
    offset = offsets.get(_number(fields, _ID), 0)
    shape = next(number for number in range(_CONSTANT, _LOOP + 1) if number in fields)
    inner = _fields(_first(fields, shape))
    if shape == _CONSTANT:
        if _STRING_CONSTANT not in inner:
            return Node(Kind.OTHER, offset=offset)
        return Node(Kind.TEXT, _first(inner, _STRING_CONSTANT).decode(), offset=offset)
    own = [] if shape == _STRUCT else [(inner, _PARTS.get(shape, ()))]
    holders = own or [(_fields(entry), _ENTRY_PARTS) for entry in _messages(inner, 2)]
    parts = [_node(part, offsets) for holder, numbers in holders for n in numbers for part in _messages(holder, n)]
    variables = _LOOP_VARIABLES if shape == _LOOP else ()
    return Node(
        _KINDS.get(shape, Kind.OTHER),
        _first(inner, _NAMES.get(shape, 0)).decode(),
        tuple(parts),
        offset,
        frozenset(_first(inner, number).decode() for number in variables),
    )


def _fields(message: bytes) -> Fields:
    """Decode one level of a protocol buffer."""
    found: Fields = {}
    index = 0
    while index < len(message):
        key, index = _varint(message, index)
        value: int | bytes
        if key & 7 == 0:
            value, index = _varint(message, index)
        else:
            size, index = _varint(message, index) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], index)
            value, index = message[index : index + size], index + size
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(message: bytes, index: int) -> tuple[int, int]:
    value = shift = 0
    while message[index] & 0x80:
        value |= (message[index] & 0x7F) << shift
        index, shift = index + 1, shift + 7
    return value | message[index] << shift, index + 1


def _messages(fields: Fields, number: int) -> list[bytes]:
    return [value for value in fields.get(number, ()) if isinstance(value, bytes)]


def _first(fields: Fields, number: int) -> bytes:
    return next(iter(_messages(fields, number)), b"")


def _number(fields: Fields, number: int) -> int:
    return next((value for value in fields.get(number, ()) if isinstance(value, int)), 0)
