"""What a request will do, for people who have to judge it: exactly, or with the fact that something is left out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.explain import length
from jitbot.model import Request
from jitbot.slack import limits
from jitbot.slack.spans import DAY_AND_TIME, Block, Bold, Code, Line, Span, When, paragraph, quote, verbatim
from jitbot.slack.text import shorten, size, truncate, visible
from jitbot.slack.views.people import Names


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of a card that say what would run; `complete` is False when anything had to be cut."""

    lines: list[Line]
    reason: str
    diff: str
    complete: bool

    def parts(self) -> list[Block]:
        """Return them as rich text."""
        return [
            *([quote(self.reason, limits.CARD_REASON)] if self.reason.strip() else []),
            paragraph(*self.lines),
            *([verbatim(self.diff, limits.CARD_DIFF)] if self.diff.strip() else []),
        ]


def content(request: Request, names: Names) -> Content:
    """Return what a card says about what would run."""
    plan = request.snapshot.plan
    values, whole_values = _values(request.params)
    happens, whole_plan = _happens(request)
    lines: list[Line] = [happens, values, _where(request), _how_long(request)]
    watched, whole_watched = _watched(request)
    lines += [watched, _starts(request), _for_whom(request, names)]
    diff = plan.diff if plan else ""
    fits = size(visible(request.reason)) <= limits.CARD_REASON and size(visible(diff)) <= limits.CARD_DIFF
    complete = fits and whole_values and whole_plan and whole_watched
    return Content([line for line in lines if line], request.reason, diff, complete)


def plain_value(value: Any) -> str:
    """Write one value as people typed it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain_value(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def gist(request: Request) -> str:
    """Say what a request is about, for the first line: `Restart a service: api, prod`."""
    values = [shorten(plain_value(value), 40) for value in request.params.values()]
    shown = ", ".join(value for value in values[:4] if value) + (", …" if len(values) > 4 else "")
    title = ("Extend: " if request.extension else "") + shorten(request.snapshot.title, 120)
    return f"{title}: {shown}" if shown else title


def inputs_text(inputs: Mapping[str, Any]) -> str:
    """Write what the runner is given, exactly."""
    return json.dumps(inputs, ensure_ascii=False, indent=2, default=str)


def _values(params: Mapping[str, Any]) -> tuple[Line, bool]:
    spans: list[Span] = []
    room, whole = limits.CARD_VALUES, True
    for name, value in params.items():
        shown = visible(plain_value(value))
        cut = truncate(shown, min(limits.CARD_VALUE, max(room, 1)))
        whole = whole and cut == shown
        room -= size(cut)
        spans += [f"{' · ' if spans else ''}{shorten(name, 60)} ", Code(cut or " ")]
        if room <= 0:
            return [Bold("With  "), *spans], whole and len(params) * 2 == len(spans)
    return [Bold("With  "), *spans] if spans else [], whole


def _happens(request: Request) -> tuple[Line, bool]:
    plan = request.snapshot.plan
    risk = f" · {request.snapshot.risk} risk"
    if plan is None or not plan.summary.strip():
        inputs = visible(json.dumps(request.snapshot.inputs, ensure_ascii=False, default=str))
        cut = truncate(inputs, limits.CARD_PLAN)
        runner = shorten(request.snapshot.runner, 80)
        return [Bold("What happens  "), f"{runner} ", Code(cut), risk], cut == inputs
    summary = visible(plan.summary)
    cut = truncate(summary, limits.CARD_PLAN)
    undo = "" if request.ttl else " · can be undone" if plan.undoable else " · cannot be undone"
    return [Bold("What happens  "), cut, undo, risk], cut == summary


def _where(request: Request) -> Line:
    parts = request.snapshot.parts
    target, pool = shorten(request.snapshot.target, 200), request.snapshot.pool
    whose = f" · team {shorten(request.snapshot.team, 60)}{f' · pool {pool}' if pool else ''}"
    if len(parts) > 1:
        return [
            Bold("Where  "),
            f"{len(parts)} targets: ",
            Code(target),
            whose,
        ]
    return [Bold("Where  "), Code(target), whose] if target else []


def _how_long(request: Request) -> Line:
    if request.ttl is None:
        return []
    longer = request.extension
    if longer is not None:
        ends: list[Span] = [When(longer.until, DAY_AND_TIME), " instead of ", When(longer.since, DAY_AND_TIME)]
        return [Bold("Extends  "), f"{longer.parent}: ends ", *ends, f" · {length(request.ttl)} in all"]
    extended = f" · extended by JIT-{request.extended_by}" if request.extended_by else ""
    return [Bold("How long  "), f"{length(request.ttl)}, from when it is granted{extended}"]


def _watched(request: Request) -> tuple[Line, bool]:
    """Say for how long the run is watched, and what becomes of it when it is unhealthy: that is approved, too."""
    verify = request.snapshot.verify
    if verify is None:
        return [], True
    condition = visible(verify.unhealthy_when)
    cut = truncate(condition, limits.CARD_VALUE)
    by: list[Span] = [Code(cut)] if condition else []
    if verify.check:
        by += [" or the runner finds it unhealthy" if condition else "the runner finds it unhealthy"]
    return [Bold("Watched  "), f"for {length(verify.within)}; {_then(request)} when ", *by], cut == condition


def watched_text(request: Request) -> str:
    """Write exactly how a run is watched, and where its facts are read; nothing where it is not."""
    verify = request.snapshot.verify
    if verify is None:
        return ""
    lines = [f"for {length(verify.within)}, every {length(verify.every)}; {_then(request)} when unhealthy"]
    lines += [f"unhealthy when {verify.unhealthy_when}"] if verify.unhealthy_when else []
    lines += ["unhealthy when the runner finds it so"] if verify.check else []
    lines += [f"facts.{call.name}: {call.source} {inputs_text(call.arguments)}" for call in verify.facts]
    lines += ["started even if it is unhealthy already"] if verify.even_if_unhealthy else []
    return "\n".join(lines)


def _then(request: Request) -> str:
    verify = request.snapshot.verify
    return "undone" if verify and verify.undo and request.undoable else "left as it is, and told"


def _starts(request: Request) -> Line:
    return [Bold("Starts  "), When(request.starts_at, DAY_AND_TIME), ", not before"] if request.starts_at else []


def _for_whom(request: Request, names: Names) -> Line:
    if request.beneficiary == request.requester:
        return []
    return [Bold("For  "), names.get(request.beneficiary, request.beneficiary)]
