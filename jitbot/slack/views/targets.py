"""How far each target of a request has come that has many: one line of its card."""

from jitbot.model import Request, Stage
from jitbot.slack.spans import Bold, Line
from jitbot.slack.text import shorten

SHOWN = 20
_SIGNS = {
    Stage.WAITING: "○",
    Stage.BEGUN: "…",
    Stage.DONE: "✓",
    Stage.REFUSED: "✗",
    Stage.UNSURE: "?",
    Stage.UNDONE: "↩",
}
_WORDS = {
    Stage.WAITING: "not begun",
    Stage.BEGUN: "begun",
    Stage.DONE: "done",
    Stage.REFUSED: "failed",
    Stage.UNSURE: "unsure",
    Stage.UNDONE: "undone",
}


def targets(request: Request) -> Line:
    """Return how far each has come: by name while they are few, and counted by stage beyond that."""
    stages = [each.stage for each in request.progress]
    if not stages:
        return []
    if len(stages) > SHOWN:
        counts = [f"{stages.count(stage)} {word}" for stage, word in _WORDS.items() if stage in stages]
        return [Bold("Targets  "), ", ".join(counts)]
    names = [shorten(part.name, 40) for part in request.snapshot.parts]
    return [
        Bold("Targets  "),
        " · ".join(f"{_SIGNS[stage]} {name}" for stage, name in zip(stages, names, strict=True)),
    ]
