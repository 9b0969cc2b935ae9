"""What is typed for the runners of Argo CD is what Argo CD takes; what it answers is read, or is no word."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.runners.answers import NoWord
from jitbot.runners.argocd.application import application
from jitbot.runners.argocd.rollback import ArgoCdRollback
from jitbot.runners.argocd.sync import ArgoCdSync

TOLD = {"url": "https://h", "token": {"secret": "argocd"}, "application": "shop"}
ODD = [
    *({"revision": "-x"}, {"revision": "a b"}, {"revision": ""}, {"prune": "yes"}, {"wait": -1}, {"wait": 1e9}),
    *({"token": "plain"}, {"url": "https://h?x"}, {"url": "https://u:p@h"}, {"url": "https://h/../x"}),
    *({"namespace": "a/b"}, {"project": ".."}, {"more": 1}),
]
OPERATION = {"sync": {"revision": "2", "prune": True}, "info": [{"name": "jitbot", "value": "jit-1-1"}]}
GOOD: dict[str, Any] = {
    "spec": {"source": {"repoURL": "r"}, "syncPolicy": {"automated": {"enabled": False}}},
    "operation": OPERATION,
    "status": {
        "health": {"status": "Healthy"},
        "history": [{"revision": "1", "source": {}, "deployedAt": "t"}, {"id": 1, "revision": "2", "source": {"a": 1}}],
        "operationState": {"phase": "Running", "operation": OPERATION, "syncResult": {"revision": "2"}},
        "resources": [{"kind": "Service", "name": "api", "status": "OutOfSync"}],
    },
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in below:
        yield (*at, key)
        yield from places(each, (*at, key))


@pytest.mark.parametrize(
    "value", ["", ".", "..", "A", "a/b", "a b", "a\n", "-a", "a-", "a?b", "%2e", "a" * 300, None, True]
)
def test_an_application_has_a_plain_name(value: Any) -> None:
    with pytest.raises(ValidationError):
        ArgoCdSync.Inputs.model_validate({**TOLD, "application": value})


@pytest.mark.parametrize("changes", ODD, ids=repr)
def test_odd_inputs_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ArgoCdSync.Inputs.model_validate({**TOLD, **changes})


@pytest.mark.parametrize("number", ["1", -1, 1.5, None, True])
def test_an_entry_of_the_history_is_a_number(number: Any) -> None:
    with pytest.raises(ValidationError):
        ArgoCdRollback.Inputs.model_validate({**TOLD, "id": number})


def test_an_application_is_read() -> None:
    app = application(GOOD)
    assert (app.automated, app.several, app.health, app.busy) == (False, False, "Healthy", True)
    assert [each.id for each in app.history] == [0, 1]
    assert app.operation is not None
    assert (app.operation.key, app.operation.revision) == ("jit-1-1", "2")
    assert app.drifted == ["Service api"]


@given(st.sampled_from(list(places(GOOD))), st.sampled_from([None, 0, -1, 1.5, "", "x", True, [], [1], {}, {"a": [1]}]))
def test_an_application_of_any_shape_is_read_or_is_no_word(place: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(GOOD)
    below: Any = document
    for key in place[:-1]:
        below = below[key]
    below[place[-1]] = value
    try:
        app = application(document)
    except NoWord:
        return
    assert isinstance(app.health, str)
    assert isinstance(app.automated, bool)
    assert all(isinstance(each.id, int) and isinstance(each.source, dict) for each in app.history)
