"""views.*: forms and Home tabs."""

from __future__ import annotations

from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal, missing_argument
from jitbot.sandbox.view_check import checked_view
from jitbot.sandbox.views import View
from jitbot.sandbox.web_api.call import Call, Method


def open_view(call: Call) -> Json:
    """Open a form for whoever the trigger belongs to."""
    name = call.need("trigger_id")
    content = checked_view(call.args.get("view"), "modal")
    trigger = call.tickets.exchange(name)
    return _shown(call, call.state.views.open(trigger.user, content, call.state.clock.now()))


def push(call: Call) -> Json:
    """Put a form on top of the one whose click brought the trigger."""
    name = call.need("trigger_id")
    content = checked_view(call.args.get("view"), "modal")
    trigger = call.tickets.exchange(name)
    if not trigger.in_modal:
        raise SlackRefusal("not_found")
    return _shown(call, call.state.views.push(trigger.user, content, call.state.clock.now()))


def update(call: Call) -> Json:
    """Replace an open form."""
    if not call.args.get("view_id") and not call.args.get("external_id"):
        raise missing_argument("view_id")
    view = call.state.views.find(call.args.get("view_id"), call.args.get("external_id"))
    content = checked_view(call.args.get("view"), view.type)
    expected = call.args.get("hash")
    return _shown(call, call.state.views.update(view, content, call.state.clock.now(), expected))


def publish(call: Call) -> Json:
    """Set a person's Home."""
    if not call.state.app.home:
        raise SlackRefusal("not_enabled")
    user = call.need("user_id")
    person = call.state.people.get(user)
    if person is None or person.deleted:
        raise SlackRefusal("user_not_found")
    content = checked_view(call.args.get("view"), "home")
    return _shown(call, call.state.views.publish(user, content, call.state.clock.now(), call.args.get("hash")))


def _shown(call: Call, view: View) -> Json:
    call.state.touch([view.user])
    return {"view": call.state.slack_view(view)}


METHODS = {
    "views.open": Method(open_view, "4"),
    "views.push": Method(push, "4"),
    "views.update": Method(update, "4"),
    "views.publish": Method(publish, "4"),
}
