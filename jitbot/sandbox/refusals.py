"""What the local Slack says no with: a Slack error code, and for a person's act a sentence."""

from __future__ import annotations

from typing import Any


class SlackRefusal(Exception):
    """A Web API call that Slack answers with `ok: false`.

    Args:
        code: Slack's error code, for example `channel_not_found`.
        extra: Further fields of the answer.
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


class ActRefusal(Exception):
    """A person's act that cannot be carried out.

    Args:
        code: A short code.
        detail: What to do instead.
        status: The HTTP status of the control API's answer.
    """

    def __init__(self, code: str, detail: str, status: int = 400) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status


def with_messages(code: str, problems: list[str]) -> SlackRefusal:
    """Return a refusal that lists its problems where Slack lists them."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return SlackRefusal(code, errors=problems, response_metadata={"messages": messages})


def missing_argument(name: str) -> SlackRefusal:
    """Return Slack's answer to a call without a required argument."""
    return with_messages("invalid_arguments", [f"missing required field: {name}"])
