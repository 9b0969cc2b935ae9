"""What a sync or a rollback would change, resource by resource; contents are not shown, since they may be secret."""

from collections.abc import Sequence

from jitbot.outbound.text import shown
from jitbot.runners.argocd.application import Application
from jitbot.runners.argocd.server import Manifests

LINES = 60


def changes(now: Manifests, then: Manifests, *, prune: bool) -> Sequence[str]:
    """Return what is different between two states of a source, as lines of a diff."""
    gone = "deleted" if prune else "stays, since prune is off"
    lines = [f"+ {name}" for name in sorted(then.keys() - now.keys())]
    lines += [f"- {name} ({gone})" for name in sorted(now.keys() - then.keys())]
    lines += [f"~ {name}" for name in sorted(now.keys() & then.keys()) if now[name] != then[name]]
    return lines


def in_words(lines: Sequence[str], app: Application) -> str:
    """Return these lines as people see them, with what has drifted besides; capped."""
    named = {line[2:].partition(" (")[0] for line in lines}
    drifted = [f"! {name} (out of sync now)" for name in app.drifted if name not in named]
    every = [*lines, *drifted] or ["  no resource would change"]
    more = [f"… and {len(every) - LINES} more"] if len(every) > LINES else []
    return "\n".join([*map(shown, every[:LINES]), *more])
