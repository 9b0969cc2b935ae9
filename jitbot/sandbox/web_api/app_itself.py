"""api.test, auth.test, apps.connections.open, team.info, bots.info: the app and its workspace."""

from __future__ import annotations

from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.slack_objects import bot_profile
from jitbot.sandbox.web_api.call import Call, Method


def api_test(call: Call) -> Json:
    """Return what was sent; with `error` that error."""
    if call.args.get("error"):
        raise SlackRefusal(str(call.args["error"]), args=call.args)
    return {"args": call.args}


def auth_test(call: Call) -> Json:
    """Say who the token belongs to."""
    state = call.state
    return {
        "url": f"https://{state.team.domain}.slack.com/",
        "team": state.team.name,
        "user": state.app.name,
        "team_id": state.team.id,
        "user_id": state.app.bot_user,
        "bot_id": state.app.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(call: Call) -> Json:
    """Return the address of one Socket Mode connection."""
    address = call.base_url.replace("http", "ws", 1)
    return {"url": f"{address}/socket?ticket={call.hub.ticket()}&app_id={call.state.app.id}"}


def team_info(call: Call) -> Json:
    """Describe the workspace."""
    team = call.state.team
    return {
        "team": {
            "id": team.id,
            "name": team.name,
            "domain": team.domain,
            "email_domain": "",
            "url": f"https://{team.domain}.slack.com/",
        }
    }


def bots_info(call: Call) -> Json:
    """Describe the app's bot."""
    app = call.state.app
    if call.args.get("bot") not in (None, "", app.bot_id):
        raise SlackRefusal("bot_not_found")
    return {"bot": bot_profile(call.state) | {"user_id": app.bot_user}}


METHODS = {
    "api.test": Method(api_test, "special", takes="none"),
    "auth.test": Method(auth_test, "special"),
    "apps.connections.open": Method(connections_open, "sockets", takes="app"),
    "team.info": Method(team_info, "3", ("team:read",)),
    "bots.info": Method(bots_info, "3", ("users:read",)),
}
