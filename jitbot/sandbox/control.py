"""The control API, by which the page and the tests act as people and look at everything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from jitbot.sandbox.changes import Changes
from jitbot.sandbox.engine import Engine
from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import ActRefusal, SlackRefusal
from jitbot.sandbox.seen import seen_by, whole_state

_STREAM_SIGN_OF_LIFE_SECONDS = 15.0
Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """The control API's calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changes = Changes(engine)
        acting, forms = engine.acting, engine.forms
        self._acts = {
            "command": acting.command,
            "message": acting.message,
            "click": acting.click,
            "home": acting.home,
            "shortcut": acting.shortcut,
            "read": acting.read,
            "dismiss": acting.dismiss,
            "submit": forms.submit,
            "close": forms.close,
            "options": forms.options,
        }

    def routes(self) -> list[Route]:
        """Return the routes below `/control`."""
        return [
            Route("/control/as/{user}", refusing(self.see), methods=["GET"]),
            Route("/control/as/{user}/stream", refusing(self.stream), methods=["GET"]),
            Route("/control/as/{user}/{act}", refusing(self.act), methods=["POST"]),
            Route("/control/state", refusing(self.state), methods=["GET"]),
            Route("/control/log", refusing(self.log), methods=["GET"]),
            Route("/control/faults", refusing(self.faults), methods=["GET", "PUT"]),
            Route("/control/{change}", refusing(self.change), methods=["POST"]),
            Route("/control/{change}/{id}", refusing(self.change), methods=["POST"]),
        ]

    async def see(self, request: Request) -> Response:
        """Return what a person sees."""
        return as_json(seen_by(self._engine.state, self._user(request)))

    async def stream(self, request: Request) -> Response:
        """Tell a person's page about every change."""
        user = self._user(request)
        return StreamingResponse(
            self._events(user), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def act(self, request: Request) -> Response:
        """Do something as a person."""
        act = self._acts.get(request.path_params["act"])
        if act is None:
            raise ActRefusal("unknown_act", f"People can: {', '.join(self._acts)}.", 404)
        person = self._engine.acting.person(request.path_params["user"])
        return as_json(await act(person, await read_object(request)))

    async def state(self, _request: Request) -> Response:
        """Return the whole workspace."""
        return as_json(whole_state(self._engine.state))

    async def log(self, request: Request) -> Response:
        """Return the log."""
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise ActRefusal("invalid_since", "since is the n of the last entry already known.")
        return as_json(self._engine.log.since(int(since)))

    async def faults(self, request: Request) -> Response:
        """List or replace the faults in force."""
        if request.method == "PUT":
            self._engine.faults.replace(await read_json(request))
        return as_json(self._engine.faults.listed())

    async def change(self, request: Request) -> Response:
        """Steer the workspace."""
        name, target = request.path_params["change"], request.path_params.get("id")
        return as_json(await self._changes.make(name, target, await read_object(request)))

    def _user(self, request: Request) -> str:
        user = str(request.path_params["user"])
        if user not in self._engine.state.people:
            raise ActRefusal("user_not_found", f"There is nobody with the id {user}.", 404)
        return user

    async def _events(self, user: str) -> AsyncIterator[str]:
        state = self._engine.state
        changed = state.watch(user)
        changed.set()
        try:
            while not self._engine.stopped:
                try:
                    await asyncio.wait_for(changed.wait(), _STREAM_SIGN_OF_LIFE_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                changed.clear()
                yield f'data: {{"version": {state.version_for(user)}}}\n\n'
        finally:
            state.unwatch(user, changed)


def refusing(handler: Handler) -> Handler:
    """Return the handler with refusals turned into `4xx` answers."""

    async def answered(request: Request) -> Response:
        try:
            refuse_from_elsewhere(request)
            return await handler(request)
        except ActRefusal as refusal:
            return as_json({"ok": False, "error": refusal.code, "detail": refusal.detail}, refusal.status)
        except SlackRefusal as refusal:
            return as_json({"ok": False, "error": refusal.code, "detail": refusal.code, **refusal.extra}, 400)

    return answered


def refuse_from_elsewhere(request: Request) -> None:
    """Refuse what another site's page has sent: known by its Origin, or by a name that is not this machine's."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin", f"http://{host}")
    name = host.rsplit(":", 1)[0].strip("[]").lower()
    server = request.scope.get("server") or ("",)
    if origin != f"http://{host}" or name not in ("127.0.0.1", "localhost", "::1", server[0]):
        raise ActRefusal("foreign_origin", "The control API is for this machine's own page and tests.", 403)


def as_json(content: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(content), status, media_type="application/json")


async def read_json(request: Request) -> Any:
    """Return the body, an empty one as an empty object."""
    body = await request.body()
    try:
        return json.loads(body) if body else {}
    except ValueError as error:
        raise ActRefusal("invalid_json", "The body must be JSON.") from error


async def read_object(request: Request) -> Json:
    """Return the body, which must be an object."""
    content = await read_json(request)
    if not isinstance(content, dict):
        raise ActRefusal("invalid_json", "The body must be a JSON object.")
    return content
