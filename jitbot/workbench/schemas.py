"""The JSON Schemas for editors, as text: of policy files and of cases. They are published in `docs/reference/`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jitbot.policy.files.schema import schema
from jitbot.workbench.case_keys import cases_schema


def policy_text() -> str:
    """Return the schema of policy files."""
    return _text(schema())


def cases_text() -> str:
    """Return the schema of files of cases."""
    return _text(cases_schema())


def _text(made: Mapping[str, Any]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


PUBLISHED: Mapping[str, Callable[[], str]] = {"policy.schema.json": policy_text, "cases.schema.json": cases_text}
"""The published files, by name."""
