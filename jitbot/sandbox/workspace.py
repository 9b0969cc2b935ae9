"""The workspace file: the people, channels, groups and the app that a local Slack starts with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

TeamId = Annotated[str, StringConstraints(pattern=r"^T[A-Z0-9]+$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]+$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]+$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]+$")]
Command = Annotated[str, StringConstraints(pattern=r"^/[^\s/]{1,31}$")]

DEFAULT_SCOPES = [
    "commands",
    "chat:write",
    "chat:write.public",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "im:read",
    "im:write",
    "channels:join",
    "channels:history",
    "groups:history",
    "im:history",
    "reactions:write",
    "files:write",
    "team:read",
]
DEFAULT_EVENTS = ["app_home_opened", "user_change", "subteam_members_changed", "channel_archive"]


class WorkspaceFault(ValueError):
    """The workspace file cannot be used; the message says where and why."""


class Model(BaseModel):
    """A part of the file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Team(Model):
    """The workspace itself."""

    id: TeamId = "T0ACME"
    name: str = "Acme"
    domain: str = "acme"


class SlashCommand(Model):
    """A slash command of the app; with `should_escape`, mentions arrive as ids."""

    command: Command
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


class Shortcut(Model):
    """A global or message shortcut of the app."""

    callback_id: str = Field(max_length=255)
    name: str = Field(max_length=24)
    type: Literal["global", "message"] = "global"


class HttpDelivery(Model):
    """Payloads are posted, signed, to this address."""

    url: str = Field(pattern=r"^https?://")


class App(Model):
    """The one app of the workspace, its tokens, and how it is reached."""

    id: str = "A0JIT"
    name: str = "jitbot"
    bot_user: UserId = "U0JITBOT"
    bot_id: str = "B0JIT"
    bot_token: str = "xoxb-local"  # noqa: S105 - a token of a Slack that exists on this machine only
    app_token: str = "xapp-local"  # noqa: S105 - as above
    signing_secret: str = "local-signing-secret"  # noqa: S105 - as above
    verification_token: str = "local-verification"  # noqa: S105 - as above
    scopes: list[str] = DEFAULT_SCOPES
    commands: list[SlashCommand] = []
    shortcuts: list[Shortcut] = []
    events: list[str] = DEFAULT_EVENTS
    home: bool = True
    messages_tab: bool = True
    delivery: Literal["socket"] | HttpDelivery = "socket"


class Person(Model):
    """Somebody with an account; `team_id` other than the workspace's makes a Slack Connect stranger."""

    id: UserId
    name: str
    real_name: str = ""
    email: str = ""
    tz: str = "Etc/UTC"
    team_id: TeamId | None = None
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    title: str = ""


class Channel(Model):
    """A public or private channel."""

    id: ChannelId
    name: str
    members: list[UserId] = []
    private: bool = False
    archived: bool = False
    ext_shared: bool = False
    topic: str = ""
    purpose: str = ""


class UserGroup(Model):
    """A user group, mentioned as `<!subteam^ID>`."""

    id: GroupId
    handle: str
    name: str = ""
    users: list[UserId] = []


class Workspace(Model):
    """The whole file."""

    team: Team = Team()
    app: App = App()
    people: list[Person]
    channels: list[Channel] = []
    usergroups: list[UserGroup] = []
    rate_limits: bool = True

    @model_validator(mode="after")
    def _ids_hold_together(self) -> Self:
        known = {person.id for person in self.people} | {self.app.bot_user}
        _refuse_twins("people", [person.id for person in self.people])
        _refuse_twins("channels", [channel.id for channel in self.channels])
        _refuse_twins("channel names", [channel.name for channel in self.channels])
        _refuse_twins("usergroups", [group.id for group in self.usergroups])
        for channel in self.channels:
            _refuse_unknown(f"channel {channel.name}", channel.members, known)
        for group in self.usergroups:
            _refuse_unknown(f"user group {group.handle}", group.users, known)
        return self


def _refuse_twins(what: str, ids: list[str]) -> None:
    twins = sorted({one for one in ids if ids.count(one) > 1})
    if twins:
        raise ValueError(f"{what} named twice: {', '.join(twins)}")


def _refuse_unknown(where: str, ids: list[str], known: set[str]) -> None:
    unknown = sorted(set(ids) - known)
    if unknown:
        raise ValueError(f"{where} names people who are not in the file: {', '.join(unknown)}")


def load_workspace(source: Path | str | Mapping[str, Any]) -> Workspace:
    """Read a workspace from a YAML file or a mapping of the same shape.

    Raises:
        WorkspaceFault: With one line for each mistake.
    """
    name, content = _content(source)
    try:
        return Workspace.model_validate(content)
    except ValidationError as error:
        raise WorkspaceFault(_in_words(name, error)) from error


def _content(source: Path | str | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(source, Mapping):
        return "workspace", dict(source)
    path = Path(source)
    try:
        return path.name, yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorkspaceFault(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise WorkspaceFault(f"{path.name}: is not YAML: {error}") from error


def _in_words(name: str, error: ValidationError) -> str:
    lines = []
    for mistake in error.errors():
        where = ".".join(str(step) for step in mistake["loc"]) or "the file"
        lines.append(f"{name}: {where}: {mistake['msg']}")
    return "\n".join(lines)
