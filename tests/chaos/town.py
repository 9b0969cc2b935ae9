"""The workspace, the policies and what each action promises: everything that does not change during a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chaos.plugin import NAME

CHANNEL, OPERATORS = "C0VALVES", "C0OPS"
ASKERS = ("U0ANN", "U0CY", "U0FAY", "U0HAL")
APPROVERS = ("U0BO", "U0DI", "U0ED")
BOT = "U0JITBOT"
LAPSE_SECONDS = 60.0
TIME_LIMIT_SECONDS = 40.0
TIMEBOX_SECONDS = 40.0
PARTS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Action:
    """What is known of an action outside of jitbot."""

    name: str
    approvals: int = 1
    repeatable: bool = False
    undoable: bool = False
    grant: bool = False
    watched: bool = False
    parts: tuple[str, ...] = ()


ACTIONS = {
    each.name: each
    for each in (
        Action("turn"),
        Action("again", approvals=0, repeatable=True),
        Action("both", approvals=2),
        Action("hold", undoable=True, grant=True),
        Action("watch", undoable=True, watched=True),
        Action("fleet", undoable=True, parts=PARTS),
        Action("slow", undoable=True),
    )
}


def write_policies(folder: Path, host: str) -> Path:
    """Write the policies of all actions, which act upon valves of the far side."""
    folder.mkdir(parents=True, exist_ok=True)
    groups = {"askers": list(ASKERS), "approvers": list(APPROVERS)}
    (folder / "people.yml").write_text(yaml.safe_dump({"groups": groups}))
    actions = {name: _policy(action, host) for name, action in ACTIONS.items()}
    team = {"team": "valves", "channel": "#valves", "actions": actions}
    (folder / "valves.yml").write_text(yaml.safe_dump(team, sort_keys=False))
    return folder


def _policy(action: Action, host: str) -> dict[str, Any]:
    valve = "{valve}-{parts}" if action.parts else "{valve}"
    told: dict[str, Any] = {
        "url": f"http://{host}/{'slow' if action.name == 'slow' else 'valves'}",
        "method": "POST",
        "path": [valve],
        "target": f"valve {valve}",
        "check": {"path": [valve, "{health}"]},
    }
    if action.undoable:
        told["undo"] = {"path": [valve, "{{run.key}}"]}
    written: dict[str, Any] = {
        "title": f"Valve by {action.name}",
        "runner": NAME if action.repeatable else "http",
        "with": told,
        "parameters": {
            "valve": {"type": "integer", "min": 0, "max": 1_000_000},
            "health": {"type": "choice", "options": ["well", "sick"], "default": "well"},
        },
        "requesters": ["group:askers"],
        "lapse_after": f"{LAPSE_SECONDS:.0f}s",
        "time_limit": f"{TIME_LIMIT_SECONDS:.0f}s",
        "rules": [_rule(action)],
    }
    if action.parts:
        written["parameters"]["parts"] = {"type": "multi-choice", "options": list(action.parts)}
        written["for_each"] = {"parameter": "parts", "waves": [1, 2], "when_one_fails": "undo"}
    if action.grant:
        written["timebox"] = {"default": f"{TIMEBOX_SECONDS:.0f}s", "max": "2m"}
    if action.watched:
        written["verify"] = {"for": "20s", "every": "5s"}
    return written


def _rule(action: Action) -> dict[str, Any]:
    if not action.approvals:
        return {"name": "anybody of the team", "allow": True}
    return {"name": "approvers decide", "review": [{"from": ["group:approvers"], "count": action.approvals}]}


def workspace() -> dict[str, Any]:
    """Return the workspace; rates are not counted, since everything goes faster than in life."""
    everybody = [*ASKERS, *APPROVERS]
    return {
        "team": {"id": "T0ACME", "name": "Acme", "domain": "acme"},
        "app": {"bot_user": BOT, "commands": [{"command": "/jit", "should_escape": True}]},
        "people": [{"id": user, "name": user[2:].lower(), "real_name": user[2:].title()} for user in everybody],
        "channels": [
            {"id": CHANNEL, "name": "valves", "members": [*everybody, BOT]},
            {"id": OPERATORS, "name": "operators", "members": [*everybody, BOT]},
        ],
        "rate_limits": False,
    }


def write_plugin(folder: Path) -> Path:
    """Write what pip writes of an installed package that brings a runner, and return the folder to find it in."""
    info = folder / "chaos_runner-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-runner\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[jitbot.runners]\n{NAME} = tests.chaos.plugin:RepeatableHttp\n")
    return folder
