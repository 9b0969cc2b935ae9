"""A workflow's file as it is at a commit: can it be dispatched, does it take what it is told, and does it show the key?

Asked for the plan, so that nobody approves a run that could not begin, or that could not be found again.
"""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from typing import Any

import yaml

from jitbot.errors import RunnerRefused
from jitbot.runners.answers import NoWord, read
from jitbot.runners.github.workflow_inputs import Order, WorkflowInputs
from jitbot.runners.web_api import Api

FILE_CHARACTERS = 512 * 1024
"""Longer ones are none that GitHub runs."""


class _NoMerges(yaml.SafeLoader):
    """Reads YAML as far as GitHub does, which knows no merge keys (docs.github.com, "YAML anchors and aliases").

    A few dozen of them, each of the one before, take for ever to be put together. Aliases alone are not written out.
    """

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(
                problem="merge keys are not supported", problem_mark=node.start_mark
            )
        super().flatten_mapping(node)


def demand_fit(hub: Api, told: WorkflowInputs, order: Order, sha: str) -> None:
    """See that a workflow can be run as it is meant, and found again. Raises: RunnerRefused, NoWord."""
    where = f"{order.file} of {told.repository} at {sha[:12]}"
    file = _file(hub, told, order, sha)
    if file is None:
        raise RunnerRefused(f"There is no workflow {where}.")
    trigger = _dispatch(file)
    if trigger is None:
        raise RunnerRefused(f"{where} cannot be dispatched: add `workflow_dispatch` below its `on`.")
    known = trigger.get("inputs")
    inputs = known if isinstance(known, Mapping) else {}
    if told.key_input not in inputs or not _shows(file.get("run-name"), told.key_input):
        raise RunnerRefused(
            f"A run of {where} could not be found again: give it an input {told.key_input}, and put "
            f"${{{{ inputs.{told.key_input} }}}} into its run-name."
        )
    unknown = sorted(set(order.inputs) - set(inputs))
    if unknown:
        raise RunnerRefused(f"{where} has no input {', '.join(unknown)}.")
    lacking = sorted(_required(inputs) - {*order.inputs, told.key_input})
    if lacking:
        raise RunnerRefused(f"{where} wants the input {', '.join(lacking)}: give it.")


def _shows(name: Any, key_input: str) -> bool:
    """Tell whether a name is a text that shows an input."""
    place = rf"\$\{{\{{\s*(github\.event\.)?inputs\.{re.escape(key_input)}\s*\}}\}}"
    return isinstance(name, str) and re.search(place, name) is not None


def _required(inputs: Mapping[Any, Any]) -> set[str]:
    """Return the inputs without which GitHub does not begin a run."""
    about = {str(name): each for name, each in inputs.items() if isinstance(each, Mapping)}
    return {name for name, each in about.items() if each.get("required") is True and each.get("default") is None}


def _dispatch(file: Mapping[Any, Any]) -> Mapping[Any, Any] | None:
    """Return what stands below `workflow_dispatch`; YAML 1.1 reads the word `on` as true."""
    on = file.get("on", file.get(True))
    if isinstance(on, Mapping) and "workflow_dispatch" in on:
        below = on["workflow_dispatch"]
        return below if isinstance(below, Mapping) else {}
    return {} if on == "workflow_dispatch" or (isinstance(on, list) and "workflow_dispatch" in on) else None


def _file(hub: Api, told: WorkflowInputs, order: Order, sha: str) -> Mapping[Any, Any] | None:
    """Return the file, None where there is none."""
    path = (*told.steps, "contents", ".github", "workflows", order.file)
    found = hub.find(*path, query={"ref": sha})
    if found is None:
        return None
    try:
        text = b64decode(read(found, "content", of=str))[:FILE_CHARACTERS].decode()
        file = yaml.load(text, _NoMerges)  # noqa: S506 - the safe loader, and stricter
    except (Error, ValueError, yaml.YAMLError, RecursionError) as error:
        raise NoWord(f"{order.file} cannot be read as a workflow: {type(error).__name__}.") from None
    if not isinstance(file, Mapping):
        raise NoWord(f"{order.file} is no workflow.")
    return file
