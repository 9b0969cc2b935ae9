"""The tree of errors is as it is drawn."""

import re

from jitbot import errors


def drawn() -> dict[str, str]:
    """Return each error's parent, as the drawing has it."""
    parents, path = {}, []
    for line in (errors.__doc__ or "").split("```")[1].strip().splitlines():
        name = re.search(r"[A-Z]\w+", line)
        assert name
        depth = name.start() // 4
        path = [*path[:depth], name.group()]
        if depth:
            parents[path[-1]] = path[-2]
    return parents


def test_the_drawing_is_the_tree() -> None:
    real = {
        kind.__name__: kind.__base__.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.JitbotError) and kind is not errors.JitbotError
    }
    assert drawn() == real


def test_invalid_input_carries_its_fields() -> None:
    assert errors.InvalidInput("wrong").fields == {}
    assert errors.InvalidInput("wrong", {"env": "is needed"}).fields == {"env": "is needed"}


def test_a_notify_error_knows_when_to_try_again() -> None:
    assert errors.NotifyRefused("no such channel").retry_after is None
