"""Everything jitbot listens to in Slack, in one list; `manifest.yml` is held equal to it by a test."""

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import Ack, App

from jitbot.model import DeliveryKind
from jitbot.slack.channels import Channels
from jitbot.slack.clicks import Clicks, sorry_for_click, sorry_for_modal
from jitbot.slack.commands import Commands, sorry_for_command
from jitbot.slack.desk import Body, Desk, Listener, guarded
from jitbot.slack.directory import SlackDirectory
from jitbot.slack.extending import Extensions
from jitbot.slack.forms import Forms
from jitbot.slack.halting import HaltListeners
from jitbot.slack.views import ids

EventListener = Callable[[Mapping[str, Any]], None]


def register(app: App, desk: Desk, channels: Channels) -> None:
    """Register every listener."""
    forms, extensions, halts = Forms(desk), Extensions(desk), HaltListeners(desk)
    clicks = Clicks(desk, forms.open_form)
    commands = Commands(desk, forms, clicks, extensions, halts)
    app.command(ids.COMMAND)(guarded(commands.on_command, sorry_for_command))
    for action_id, listener in (buttons(clicks, extensions, halts) | in_forms(forms)).items():
        app.action(action_id)(guarded(listener, sorry_for_click(desk)))
    for callback_id, listener in submissions(clicks, forms, extensions, halts).items():
        app.view(callback_id)(guarded(listener, sorry_for_modal))
    for action_id in (ids.PICK, ids.FIELD):
        app.options(action_id)(guarded(forms.on_options, _no_options))
    for event, forgetting in events(desk.directory, channels).items():
        app.event(event)(_event(forgetting))


def buttons(clicks: Clicks, extensions: Extensions, halts: HaltListeners) -> dict[str, Listener]:
    """Return the listeners of cards' and lists' buttons."""
    return {
        ids.APPROVE: clicks.counting(DeliveryKind.APPROVE),
        ids.WITHDRAW: clicks.counting(DeliveryKind.WITHDRAW),
        ids.DROP: clicks.counting(DeliveryKind.DROP),
        ids.EXTEND: extensions.on_extend,
        ids.HAPPENED: clicks.counting(DeliveryKind.SETTLE, happened=True),
        ids.NOT_HAPPENED: clicks.counting(DeliveryKind.SETTLE, happened=False),
        ids.LOOK: clicks.counting(DeliveryKind.LOOK),
        ids.APPROVE_CHANGED: clicks.on_change,
        ids.DENY: clicks.on_deny,
        ids.REVIEW: clicks.on_review,
        ids.DETAILS: clicks.on_details,
        ids.AGAIN: clicks.on_again,
        ids.OUTPUT: clicks.on_output,
        ids.REVIEW_AFTER: clicks.on_review_after,
        ids.LIFT: halts.on_lift,
    }


def in_forms(forms: Forms) -> dict[str, Listener]:
    """Return the listeners of what is chosen in modals."""
    return {ids.OPEN_FORM: forms.on_open_form, ids.PICK: forms.on_pick, ids.FIELD: forms.on_field}


def submissions(clicks: Clicks, forms: Forms, extensions: Extensions, halts: HaltListeners) -> dict[str, Listener]:
    """Return the listeners of submitted forms."""
    return {
        ids.FORM_VIEW: forms.on_submitted,
        ids.DENY_VIEW: clicks.on_deny_submitted,
        ids.EXTEND_VIEW: extensions.on_submitted,
        ids.CHANGE_VIEW: clicks.on_change_submitted,
        ids.REVIEW_VIEW: clicks.on_review_submitted,
        ids.BREAK_GLASS_VIEW: forms.on_confirmed,
        ids.REVIEW_AFTER_VIEW: clicks.on_reviewed_after,
        ids.LIFT_VIEW: halts.on_lift_submitted,
    }


def events(directory: SlackDirectory, channels: Channels) -> dict[str, EventListener]:
    """Return what is forgotten when Slack says that it has changed."""
    return {
        "user_change": lambda event: directory.forget_person(str(event.get("user", {}).get("id", ""))),
        "subteam_members_changed": lambda event: directory.forget_groups(),
        "subteam_updated": lambda event: directory.forget_groups(),
        "channel_archive": lambda event: channels.forget(),
        "channel_unarchive": lambda event: channels.forget(),
        "channel_rename": lambda event: channels.forget(),
    }


def _event(forgetting: EventListener) -> Callable[[dict[str, Any]], None]:
    def on_event(event: dict[str, Any]) -> None:
        forgetting(event)

    return on_event


def _no_options(ack: Ack, body: Body, text: str) -> None:
    ack(options=[])
