"""The HTTP side of what the app calls: `/api/{method}` and `/response/...`, with the faults in force."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from jitbot.sandbox.answers import answer_at
from jitbot.sandbox.connections import Hangup, Silence
from jitbot.sandbox.engine import Engine
from jitbot.sandbox.faults import Fault
from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.web_api.call import RateLimited
from jitbot.sandbox.web_api.methods import run

_JSON = "application/json; charset=utf-8"


class ApiHttp:
    """Answers the app's calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def method(self, request: Request) -> Response:
        """Answer one Web API call."""
        name = request.path_params["method"]
        args = await read_args(request)
        fault = self._engine.faults.on_call(name)
        early = await before(fault)
        if early is not None:
            return self._logged(name, args, early)
        answer, status, headers = self._run(name, args, _token(request, args))
        response = after(fault) or Response(json.dumps(answer), status, headers, media_type=_JSON)
        self._engine.log.call(name, args, answer, _status(response))
        return response

    async def response_url(self, request: Request) -> Response:
        """Take an answer by `response_url`."""
        body = await read_args(request)
        fault = self._engine.faults.on_place("response_url")
        early = await before(fault)
        if early is not None:
            return self._logged("response_url", body, early)
        answer, status = self._respond(request.path_params["name"], body)
        response = after(fault) or _plain(answer, status)
        self._engine.log.call("response_url", body, answer, _status(response))
        return response

    def _run(self, name: str, args: Json, token: str | None) -> tuple[Json, int, dict[str, str]]:
        engine = self._engine
        headers = {"x-oauth-scopes": ",".join(engine.state.app.scopes), "x-slack-req-id": "local"}
        try:
            return run(name, engine.call(args), token), 200, headers
        except RateLimited as limited:
            headers["Retry-After"] = str(limited.seconds)
            return {"ok": False, "error": "ratelimited"}, 429, headers
        except SlackRefusal as refusal:
            return {"ok": False, "error": refusal.code, **refusal.extra}, 200, headers

    def _respond(self, name: str, body: Json) -> tuple[Json, int]:
        tickets, state = self._engine.tickets, self._engine.state
        try:
            url = tickets.look_up(name)
        except SlackRefusal as refusal:
            return {"ok": False, "error": refusal.code}, 404
        url.uses += 1
        try:
            answer_at(state, url, body)
        except SlackRefusal as refusal:
            return {"ok": False, "error": refusal.code, **refusal.extra}, 400
        return {"ok": True}, 200

    def _logged(self, name: str, args: Json, response: Response) -> Response:
        self._engine.log.call(name, args, None, _status(response))
        return response


async def before(fault: Fault | None) -> Response | None:
    """Return what a fault answers instead of carrying out the call."""
    if fault is None:
        return None
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay)
        return None
    instead = _INSTEAD.get(fault.kind)
    return instead(fault) if instead else None


_INSTEAD: dict[str, Callable[[Fault], Response]] = {
    "error": lambda fault: Response(json.dumps({"ok": False, "error": fault.error}), media_type=_JSON),
    "http_500": lambda _fault: Response("internal error", 500),
    "ratelimited": lambda fault: Response(
        json.dumps({"ok": False, "error": "ratelimited"}),
        429,
        {"Retry-After": str(fault.retry_after)},
        media_type=_JSON,
    ),
    "drop": lambda _fault: Hangup(),
    "hang": lambda _fault: Silence(),
}


def after(fault: Fault | None) -> Response | None:
    """Return what a fault answers after the call was carried out."""
    if fault is None:
        return None
    if fault.kind == "http_500_after":
        return Response("internal error", 500)
    return Hangup() if fault.kind == "drop_after" else None


async def read_args(request: Request) -> Json:
    """Return the arguments of a call: the query, and a JSON or form body."""
    args: Json = dict(request.query_params)
    body = await request.body()
    if not body:
        return args
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            content: Any = json.loads(body)
        except ValueError:
            return args
        return args | content if isinstance(content, dict) else args
    return args | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _token(request: Request, args: Json) -> str | None:
    header = request.headers.get("authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ")
    given = args.get("token")
    return str(given) if given else None


def _plain(answer: Json, status: int) -> Response:
    return Response("ok", status) if answer["ok"] else Response(json.dumps(answer), status, media_type=_JSON)


def _status(response: Response) -> int:
    return 0 if isinstance(response, Hangup | Silence) else response.status_code
