"""The table of all Web API methods, and how a call of one is carried out."""

from __future__ import annotations

import hmac

from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.web_api import app_itself, chat, conversations, files, people, reactions, validation, views
from jitbot.sandbox.web_api.call import Call, Method, RateLimited

METHODS: dict[str, Method] = {
    **app_itself.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **reactions.METHODS,
    **validation.METHODS,
    **views.METHODS,
}


def run(name: str, call: Call, token: str | None) -> Json:
    """Carry out a call and return Slack's answer.

    Raises:
        SlackRefusal: When Slack answers `ok: false`.
        RateLimited: When Slack answers 429.
    """
    method = METHODS.get(name)
    if method is None:
        raise SlackRefusal("unknown_method", req_method=name)
    _authorize(method, call, token)
    wait = call.rates.wait_for(name, method.tier)
    if wait:
        raise RateLimited(wait)
    return {"ok": True, **method.run(call)}


def _authorize(method: Method, call: Call, token: str | None) -> None:
    if method.takes == "none":
        return
    if not token:
        raise SlackRefusal("not_authed")
    app = call.state.app
    kinds = {"bot": app.bot_token, "app": app.app_token}
    held = next((kind for kind, known in kinds.items() if hmac.compare_digest(known.encode(), token.encode())), None)
    if held is None:
        raise SlackRefusal("invalid_auth")
    if held != method.takes:
        raise SlackRefusal("not_allowed_token_type")
    if method.scopes and not any(call.has_scope(scope) for scope in method.scopes):
        raise SlackRefusal("missing_scope", needed=",".join(method.scopes), provided=",".join(app.scopes))
