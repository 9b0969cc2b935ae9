"""Writes policies for tests of advice: only the lines that matter, and a `»` on each that gets some."""

from collections.abc import Callable
from textwrap import dedent, indent

MARK = "»"
PEOPLE = """
groups:
  engineering: ["@engineering"]
  leads: [U1LEAD, U2LEAD, U3LEAD]
"""
ACTION = """team: payments
channel: "#payments"
actions:
  restart:
    runner: fake
    with: {what: "{env}", where: prod}
    parameters:
      env: {type: choice, options: [staging, prod]}
      size: {type: integer, min: 1, max: 9, required: false, default: 1}
    requesters: [group:engineering]
"""
LEADS = "review: [{from: [group:leads], count: 1}]"

Advised = Callable[..., list[str]]


def restart(rules: str, keys: str = "") -> str:
    """Write the action with these rules, and other keys before them."""
    own = f"{dedent(keys).strip()}\nrules:\n{indent(dedent(rules).strip(), '  ')}"
    return ACTION + indent(own.strip(), "    ") + "\n"


def marked(text: str, *keys: str) -> str:
    """Put the mark before the first of each of these words."""
    for key in keys:
        assert key in text
        text = text.replace(key, f"{MARK}{key}", 1)
    return text
