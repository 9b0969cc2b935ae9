"""blocks.validate: https://docs.slack.dev/reference/methods/blocks.validate. It needs no token."""

from __future__ import annotations

import json
import re
from typing import Any

from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal, with_messages
from jitbot.sandbox.view_check import check_view
from jitbot.sandbox.web_api.call import Call, Method


def validate(call: Call) -> Json:
    """Check blocks, a view or a message without showing them to anybody."""
    given = [name for name in ("blocks", "view", "message") if call.args.get(name) not in (None, "")]
    if len(given) != 1:
        raise with_messages("invalid_arguments", ["must define one of: blocks, view, message"])
    name = given[0]
    problems = _problems(name, _read(name, call.args[name]))
    if problems:
        raise SlackRefusal(f"invalid_{name}", errors=[_as_error(problem) for problem in problems])
    return {}


def _problems(name: str, content: Any) -> list[str]:
    if name == "blocks":
        return check_blocks(content, "message")
    if not isinstance(content, dict):
        return [f"must provide an object [json-pointer:/{name}]"]
    if name == "view":
        return check_view(content, ("modal", "home"))
    return check_blocks(content.get("blocks", []), "message", "/message/blocks")


def _read(name: str, content: Any) -> Any:
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except ValueError as error:
        raise SlackRefusal(f"invalid_{name}") from error


def _as_error(problem: str) -> Json:
    found = re.fullmatch(r"(.*) \[json-pointer:(.*)\]", problem)
    message, pointer = found.groups() if found else (problem, "")
    return {"pointer": pointer, "code": "invalid", "message": message, "constraint": message}


METHODS = {"blocks.validate": Method(validate, "special", takes="none")}
