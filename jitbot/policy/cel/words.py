"""What the condition engine complains about, in words, with the offset of the character it means."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from jitbot.policy.cel.names import CelType
from jitbot.policy.wording import did_you_mean, listed, shown


class Fault(NamedTuple):
    """Something wrong with a condition, at an offset into its text."""

    offset: int
    message: str
    name: str = ""
    """The name that is not known, where that is the fault."""


_PROBLEM = re.compile(r"^ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<text>.*)$", re.MULTILINE)
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']*)'")
_MISFIT = re.compile(r"found no matching overload for '(?P<operator>[^']*)' applied to '\((?P<types>.*)\)'")
_TYPES = {
    "string": "text",
    "int": "a whole number",
    "uint": "a whole number (unsigned)",
    "double": "a number with decimals",
    "bool": "true or false",
    "google.protobuf.Duration": "a duration",
    "google.protobuf.Timestamp": "a point in time",
    "list(string)": "a list of texts",
    "null_type": "null",
}
_HINTS = {
    "=": "compare with `==`.",
    "&": "write `&&` for and.",
    "|": "write `||` for or.",
    "and": "write `&&` for and.",
    "or": "write `||` for or.",
    "not": "write `!` for not.",
}


def explain(error: str, text: str, names: Mapping[str, CelType]) -> list[Fault]:
    """Turn the engine's error about `text` into faults; only the first if it could not even be read."""
    error = re.sub(r"^[A-Z_]+: (?=ERROR)| \[[A-Z_]+\]$", "", error)
    problems = [_problem(match, text, names) for match in _PROBLEM.finditer(error)]
    if not problems:
        limit = "nested too deeply; split it into several rules." if "recursion limit" in error else error
        return [Fault(0, f"the condition cannot be used: {limit}")]
    syntax = "Syntax error" in error
    return problems[:1] if syntax else problems


def _problem(match: re.Match[str], text: str, names: Mapping[str, CelType]) -> Fault:
    lines = text.split("\n")
    before = lines[: int(match["line"]) - 1]
    offset = sum(len(line) + 1 for line in before) + int(match["column"]) - 1
    undeclared, misfit = _UNDECLARED.match(match["text"]), _MISFIT.match(match["text"])
    if undeclared:
        return _unknown(undeclared["name"], text, offset, names)
    if misfit:
        return Fault(offset, _misfit(misfit["operator"], misfit["types"]))
    return Fault(offset, _unreadable(match["text"], text, offset))


def _unknown(name: str, text: str, offset: int, names: Mapping[str, CelType]) -> Fault:
    if text[offset : offset + 1] == "(":
        return Fault(offset - len(name), f"{shown(name)} is not a function that conditions have.")
    parts = name.rpartition(".")[0]
    start = offset - len(parts) if text.startswith(name, offset - len(parts)) else offset
    usable = f"{did_you_mean(name, names, 0.8)} It can use {listed(sorted(names), 'and', 40)}."
    return Fault(start, f"{shown(name)} is not a name that this condition can use.{usable}", name)


def _misfit(operator: str, types: str) -> str:
    sign = operator.replace("@in", "in").replace("_[_]", "[ ]").replace("_?_:_", "? :").strip("_")
    kinds = [in_words(kind) for kind in types.split(", ")]
    message = f"`{sign}` does not work with {' and '.join(kinds)}."
    if "Duration" in types:
        message += " Write lengths of time as duration('30m')."
    return message


def in_words(kind: str) -> str:
    """Name one of the engine's types."""
    return _TYPES.get(kind, f"`{kind}`")


def _unreadable(problem: str, text: str, offset: int) -> str:
    word = re.match(r"\w+|\W", text[offset:])
    before = re.search(r"(\w+)\s*$", text[:offset])
    hint = _HINTS.get(word[0] if word else "") or _HINTS.get(before[1] if before else "", "")
    problem = problem.removeprefix("Syntax error: ").split(" expecting {")[0]
    problem = problem.replace("'<EOF>'", "its end").replace("<EOF>", "its end")
    return f"the condition cannot be read here ({problem}){'; ' + hint if hint else '.'}"
