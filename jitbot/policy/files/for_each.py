"""`for_each` of an action: the parameter whose values are its targets, and how they are gone through."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from jitbot.model import Parameter, ParameterType, Waves
from jitbot.policy.durations import format_duration
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.schema import ActionKeys
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.templates import names_in
from jitbot.policy.wording import did_you_mean, listed, shown

LONGEST_PAUSE = timedelta(hours=1)


def read_for_each(
    document: Document, path: Path, action: ActionKeys, parameters: Sequence[Parameter], issues: Issues
) -> Waves | None:
    """Return how an action goes through its targets, None where it has one; what could never work is noted."""
    keys = action.for_each
    if keys is None:
        return None
    at = path if isinstance(document.get(path), str) else (*path, "parameter")
    lists = [each.name for each in parameters if each.type is ParameterType.MULTI_CHOICE]
    if keys.parameter not in lists:
        there = f"It has {listed(lists, 'and')}." if lists else "It has none."
        guess = did_you_mean(keys.parameter, lists)
        message = f"{shown(keys.parameter)} is not a parameter of type multi-choice of this action.{guess} {there}"
        issues.add(document.at(at), message)
    elif keys.parameter not in names_in(action.inputs):
        message = f"nothing below `with` has {{{keys.parameter}}} in it, so that all would be one and the same target."
        issues.add(document.at(at), message)
    if keys.pause is not None and keys.pause > LONGEST_PAUSE:
        issues.add(document.at((*path, "pause")), f"{format_duration(LONGEST_PAUSE)} is the longest pause.")
    if action.timebox is not None and keys.when_one_fails == "stop":
        message = "what is granted on some targets only has to be taken back; write `undo`, or leave the key out."
        issues.add(document.at((*path, "when_one_fails")), message)
    return Waves(
        keys.parameter, tuple(keys.waves), keys.pause or timedelta(0), keys.check, keys.when_one_fails != "stop"
    )


def one_at_a_time(parameters: Sequence[Parameter], waves: Waves | None) -> Sequence[Parameter]:
    """Return the parameters as the runner's inputs see them: of the one that is gone through, one value at a time."""
    if waves is None:
        return parameters
    return [
        replace(each, type=ParameterType.CHOICE, default=None)
        if each.name == waves.parameter and each.type is ParameterType.MULTI_CHOICE
        else each
        for each in parameters
    ]
