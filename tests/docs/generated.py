"""Write the parts of the pages that the code itself can tell; `make docs` runs this.

A generated part stands between `<!-- generated: name -->` and `<!-- end -->`; a test holds it equal to what is
written here.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from jitbot import errors, lifecycle
from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import GROUP, FactRegistry
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import FactSource
from jitbot.settings import Settings, variable
from jitbot.workbench.schemas import PUBLISHED
from tests.docs import pages

Row = Sequence[str]

WRITERS = ("jitbot/service", "jitbot/store", "jitbot/cli")
"""Where audit events are written."""


def table(head: Row, rows: Sequence[Row]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def states() -> str:
    """Write the moves, state by state."""
    moves: dict[lifecycle.State, list[str]] = {state: [] for state in lifecycle.State}
    for (state, event), to in lifecycle.TRANSITIONS.items():
        moves[state].append(f"{event.value} → `{to.value}`")
    rows = [(f"`{state.value}`", " · ".join(found) or "nothing: it has ended") for state, found in moves.items()]
    return table(("State", "Leaves by"), rows)


def causes() -> str:
    """Write how an undone request ends."""
    rows = [(f"`{cause.value}`", f"`{lifecycle.after(lifecycle.State.UNDOING, event)}`") for cause, event in _ended()]
    return table(("Why the undo began", "How the request ends"), rows)


def _ended() -> Iterator[tuple[Any, Any]]:
    yield from lifecycle.ENDED_BY.items()


def error_tree() -> str:
    """Write the error classes as their module draws them."""
    drawing = (errors.__doc__ or "").split("```")[1].strip("\n")
    return f"```\n{drawing}\n```\n"


def error_table() -> str:
    """Write each error with the first sentence of its contract."""
    found = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.JitbotError)]
    return table(("Error", "Means"), [(f"`{kind.__name__}`", _first_line(kind)) for kind in found])


def settings() -> str:
    """Write every variable of the environment with its default."""
    rows = [
        (f"`{variable(field)}`", _default(info), info.description or "")
        for field, info in Settings.model_fields.items()
    ]
    return table(("Variable", "Default", "What it says"), rows)


def _default(info: Any) -> str:
    if info.is_required():
        return "must be set"
    value = info.get_default(call_default_factory=True)
    if value is None or value == "" or value == () or value == []:
        return "not set"
    if isinstance(value, list | tuple | set | frozenset):
        value = ",".join(str(each) for each in value)
    return f"`{value}`"


def commands() -> str:
    """Write every command of the command line with its arguments and options."""
    import typer

    from jitbot.cli.app import app

    root: Any = typer.main.get_command(app)
    rows = [(f"`{' '.join(path)}`", _usage(command), _help(command)) for path, command in walk(root, ("jitbot",))]
    return table(("Command", "Takes", "Does"), rows)


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with the words that call it."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for word in sorted(children):
        if not children[word].hidden:
            yield from walk(children[word], (*path, word))


def _usage(command: Any) -> str:
    said = []
    for each in command.params:
        if each.name == "help":
            continue
        long = each.opts[-1] if each.param_type_name == "option" else (each.metavar or each.name.upper())
        said.append(f"`{long}`")
    return " ".join(said)


def _help(command: Any) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


CHAPTERS: dict[str, Sequence[str]] = {
    "tour-core": (
        "jitbot/__init__.py",
        "jitbot/model/__init__.py",
        "jitbot/model/people.py",
        "jitbot/model/rules.py",
        "jitbot/model/action.py",
        "jitbot/model/policy.py",
        "jitbot/model/facts.py",
        "jitbot/model/decision.py",
        "jitbot/model/request.py",
        "jitbot/model/*.py",
        "jitbot/lifecycle.py",
        "jitbot/audit/__init__.py",
        "jitbot/audit/chain.py",
        "jitbot/audit/*.py",
        "jitbot/explain.py",
        "jitbot/errors.py",
        "jitbot/hurry.py",
        "jitbot/elapsed.py",
        "jitbot/warrants/__init__.py",
        "jitbot/warrants/warrant.py",
        "jitbot/warrants/signing.py",
        "jitbot/warrants/gate.py",
        "jitbot/warrants/gated.py",
        "jitbot/warrants/ceiling.py",
        "jitbot/warrants/*.py",
    ),
    "tour-policy": (
        "jitbot/policy/__init__.py",
        "jitbot/policy/decide.py",
        "jitbot/policy/requirements.py",
        "jitbot/policy/matching.py",
        "jitbot/policy/values.py",
        "jitbot/policy/*.py",
        "jitbot/policy/cel/__init__.py",
        "jitbot/policy/cel/conditions.py",
        "jitbot/policy/cel/*.py",
        "jitbot/policy/files/__init__.py",
        "jitbot/policy/files/load.py",
        "jitbot/policy/files/schema.py",
        "jitbot/policy/files/*.py",
    ),
    "tour-service": (
        "jitbot/ports.py",
        "jitbot/storage.py",
        "jitbot/service/__init__.py",
        "jitbot/service/world.py",
        "jitbot/service/intake.py",
        "jitbot/service/asking.py",
        "jitbot/service/drafting.py",
        "jitbot/service/facts.py",
        "jitbot/service/reviewing.py",
        "jitbot/service/running.py",
        "jitbot/service/authority.py",
        "jitbot/service/undoing.py",
        "jitbot/service/ending.py",
        "jitbot/service/sweep.py",
        "jitbot/service/*.py",
    ),
    "tour-store": (
        "jitbot/store/__init__.py",
        "jitbot/store/tables.py",
        "jitbot/store/engine.py",
        "jitbot/store/ledger.py",
        "jitbot/store/entry.py",
        "jitbot/store/boxes.py",
        "jitbot/store/trail.py",
        "jitbot/store/*.py",
        "jitbot/store/migrations/*.py",
    ),
    "tour-runners": (
        "jitbot/outbound/__init__.py",
        "jitbot/outbound/site.py",
        "jitbot/outbound/plugins.py",
        "jitbot/outbound/*.py",
        "jitbot/outbound/redaction/__init__.py",
        "jitbot/outbound/redaction/redactor.py",
        "jitbot/outbound/redaction/*.py",
        "jitbot/outbound/secrets/__init__.py",
        "jitbot/outbound/secrets/listed.py",
        "jitbot/outbound/secrets/registry.py",
        "jitbot/outbound/secrets/*.py",
        "jitbot/sinks/__init__.py",
        "jitbot/sinks/listed.py",
        "jitbot/sinks/*.py",
        "jitbot/runners/__init__.py",
        "jitbot/runners/registry.py",
        "jitbot/runners/guard.py",
        "jitbot/runners/command.py",
        "jitbot/runners/command_inputs.py",
        "jitbot/runners/http.py",
        "jitbot/runners/http_inputs.py",
        "jitbot/runners/*.py",
        "jitbot/runners/postgres/__init__.py",
        "jitbot/runners/postgres/server.py",
        "jitbot/runners/postgres/session.py",
        "jitbot/runners/postgres/mark.py",
        "jitbot/runners/aws/__init__.py",
        "jitbot/runners/aws/account.py",
        "jitbot/runners/aws/login.py",
        "jitbot/runners/aws/way.py",
        "jitbot/runners/aws/answers.py",
        "jitbot/runners/aws/mark.py",
        "jitbot/runners/ssh/__init__.py",
        "jitbot/runners/ssh/connection.py",
        "jitbot/runners/ssh/login.py",
        "jitbot/runners/**/*.py",
        "jitbot/testing/**/*.py",
        "jitbot/facts/**/*.py",
    ),
    "tour-slack": (
        "jitbot/slack/__init__.py",
        "jitbot/slack/app.py",
        "jitbot/slack/listeners.py",
        "jitbot/slack/oneliner.py",
        "jitbot/slack/notifier.py",
        "jitbot/slack/directory.py",
        "jitbot/slack/[!_]*.py",
        "jitbot/slack/views/__init__.py",
        "jitbot/slack/views/card.py",
        "jitbot/slack/**/*.py",
    ),
    "tour-outside": (
        "app.py",
        "jitbot/bot.py",
        "jitbot/compose.py",
        "jitbot/settings.py",
        "jitbot/workbench/__init__.py",
        "jitbot/workbench/scene.py",
        "jitbot/workbench/rehearsal.py",
        "jitbot/workbench/cases.py",
        "jitbot/workbench/judging.py",
        "jitbot/workbench/replay.py",
        "jitbot/workbench/*.py",
        "jitbot/workbench/lint/__init__.py",
        "jitbot/workbench/lint/linting.py",
        "jitbot/workbench/lint/*.py",
        "jitbot/pools/__init__.py",
        "jitbot/pools/pooled.py",
        "jitbot/pools/following.py",
        "jitbot/pools/asked.py",
        "jitbot/pools/worker.py",
        "jitbot/pools/taken.py",
        "jitbot/pools/*.py",
        "jitbot/clock/**/*.py",
        "jitbot/api/**/*.py",
        "jitbot/cli/__init__.py",
        "jitbot/cli/app.py",
        "jitbot/cli/**/*.py",
        "jitbot/__main__.py",
    ),
    "tour-sandbox": (
        "jitbot/sandbox/__init__.py",
        "jitbot/sandbox/workspace.py",
        "jitbot/sandbox/engine.py",
        "jitbot/sandbox/app.py",
        "jitbot/sandbox/*.py",
        "jitbot/sandbox/**/*.py",
    ),
}
"""The tour: each chapter's modules in reading order, a pattern standing for those not named before it."""


def chapter(patterns: Sequence[str]) -> str:
    """Write one line for each module: its name, and the first line of what it says of itself."""
    told: dict[str, str] = {}
    for pattern in patterns:
        for path in sorted(pages.ROOT.glob(pattern)):
            said = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
            if said:
                told.setdefault(path.relative_to(pages.ROOT).as_posix(), said)
    return "".join(f"- [`{name}`](../{name}): {said}\n" for name, said in told.items())


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def event_kinds() -> dict[str, list[str]]:
    """Return every kind of audit event that the code writes, with the modules that write it."""
    found: dict[str, set[str]] = {event.value: {"jitbot/lifecycle.py"} for event in lifecycle.Event}
    for path in sorted(file for package in WRITERS for file in (pages.ROOT / package).rglob("*.py")):
        module = ast.parse(path.read_text())
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                for kind in _kinds(module, node.func.attr, node):
                    found.setdefault(kind, set()).add(path.relative_to(pages.ROOT).as_posix())
    return {kind: sorted(modules) for kind, modules in found.items()}


def _kinds(module: ast.Module, method: str, call: ast.Call) -> Iterator[str]:
    """Yield the kinds that `record(kind, …)` and `amend(request, kind, …)` are called with, variables followed."""
    place = {"record": 0, "amend": 1}.get(method.removeprefix("_"))
    if place is None or len(call.args) <= place:
        return
    kind = call.args[place]
    if isinstance(kind, ast.Name):
        for node in ast.walk(module):
            if isinstance(node, ast.Assign):
                yield from _assigned(node.targets[0], node.value, kind.id)
    else:
        yield from _texts(kind)


def _assigned(target: ast.expr, value: ast.expr, name: str) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, other, name)
    elif isinstance(target, ast.Name) and target.id == name:
        yield from _texts(value)


def _texts(value: ast.expr) -> Iterator[str]:
    """Yield a literal, or the two of `a if condition else b`."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)


def sources() -> str:
    """Write every source of facts that comes with jitbot, with its arguments as their models describe them."""
    own = history_sources(NoHistory())
    names = [*(point.name for point in entry_points(group=GROUP) if point.module.startswith("jitbot.")), *own]
    registry = FactRegistry(names, EnvironmentSite((), {}), own)
    return "\n".join(_source(name, registry.source(name)) for name in registry.names())


def _source(name: str, source: FactSource) -> str:
    schema = source.Arguments.model_json_schema()
    rows = [
        (f"`{key}`", _takes(about, schema.get("$defs", {})), _left_out(key, about, schema), _sentence(about))
        for key, about in schema["properties"].items()
        if "place" not in about
    ]
    keep = f"Believed for {source.keep.seconds} s." if source.keep else "Asked anew each time."
    said = (source.Arguments.__doc__ or "").split("\n\n")[0]
    arguments = table(("Argument", "Takes", "Left out", "Means"), rows)
    return f"### `{name}`\n\n{' '.join(said.split())} {keep}\n\n{arguments}"


def _takes(about: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Say what an argument can be, from its JSON Schema."""
    if "$ref" in about:
        return _takes(defs[about["$ref"].rsplit("/", 1)[-1]], defs)
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_takes(each, defs) for each in about["anyOf"] if each.get("type") != "null"))
    if "const" in about or "enum" in about:
        return ", ".join(f"`{each}`" for each in about.get("enum", [about.get("const")]))
    return _SCHEMA_WORDS.get(about.get("type", ""), "a value")


_SCHEMA_WORDS = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "array": "list", "object": "mapping",
}  # fmt: skip


def _left_out(key: str, about: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    default = about.get("default")
    if key in schema.get("required", ()):
        return "needed"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`" if default or default is False else ""


def _sentence(about: Mapping[str, Any]) -> str:
    literal = " Takes no `{…}`." if about.get("literal") else ""
    return f"{about['description'].rstrip('.')}.{literal}"


PARTS: dict[str, Callable[[], str]] = {
    "states": states,
    "causes": causes,
    "error-tree": error_tree,
    "error-table": error_table,
    "settings": settings,
    "sources": sources,
    "commands": commands,
    **{name: partial(chapter, patterns) for name, patterns in CHAPTERS.items()},
}


def main() -> None:
    for name, text in PUBLISHED.items():
        (pages.DOCS / "reference" / name).write_text(text())
    for page in pages.pages():
        wanted = {part for part, _ in pages.parts(page)}
        if not wanted:
            continue
        text = pages.fill(page, {part: PARTS[part]() for part in wanted})
        if text != page.read_text():
            page.write_text(text)
            sys.stdout.write(f"{pages.name(page)} written anew\n")


if __name__ == "__main__":
    main()
