"""Sends one HTTP request to an allowed host, and another one to take it back."""

import json
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import httpx2
from pydantic import BaseModel

from jitbot.errors import RunnerCutOff, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.exchange import Answer, NoAnswer, NotSent, exchange
from jitbot.outbound.pointer import look_up
from jitbot.outbound.text import shown, visible
from jitbot.outbound.values import Secret, digest
from jitbot.ports import Run, Site
from jitbot.runners.asking import Places, address, call
from jitbot.runners.deadline import seconds_left
from jitbot.runners.http_inputs import PLACE, Ask, Check, HttpInputs, Look

LOOK_SECONDS = 10.0
"""How long a plan or a check may take."""

_PRETENDED: Places = {"run.key": "key"}
"""Stands for what is known only at the start."""
_CANNOT_TELL = frozenset({401, 403, 407, 429})
"""Answers about us, not about the target."""


class HttpRunner:
    """See `HttpInputs` for what it can be told."""

    Inputs: type[BaseModel] = HttpInputs
    repeatable = False
    """Servers are told the run's key, but whether they heed it only their authors know."""
    undoable = True
    stoppable = True
    reserved = PLACE

    def __init__(self, site: Site, look_seconds: float = LOOK_SECONDS) -> None:
        self._site = site
        self._look_seconds = look_seconds

    def target(self, inputs: BaseModel) -> str:
        told = cast(HttpInputs, inputs)
        return told.target or address(told, Ask(), _PRETENDED)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(HttpInputs, inputs)
        self._rehearse(told)
        now = self._present(told, told.plan) if told.plan else None
        target = address(told, told, _PRETENDED)
        summary = f"{told.method} {visible(target)}"
        if now is not None:
            summary += f" (now {shown(now)})"
        return Plan(summary, digest(told, now), diff=_in_words(told), undoable=told.undo is not None)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(HttpInputs, inputs)
        answer = self._change(told, told, told.method, run, {"run.key": run.key}, {"idempotency-key": run.key})
        if answer.status in told.refused:
            raise RunnerRefused(f"The server refused: {_said(answer)}")
        if answer.status not in told.expect:
            raise RunnerUnsure(f"The server answered neither done nor refused: {_said(answer)}")
        return Receipt(_receipt(told, answer), summary=_said(answer))

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(HttpInputs, inputs)
        if told.check is None:
            return Health(HealthState.UNKNOWN, "This action has no check: there is nothing to look at.")
        try:
            answer = self._get(told, told.check, _places(receipt))
        except RunnerRefused as error:
            return Health(HealthState.UNKNOWN, str(error))
        return _health(told.check, answer)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(HttpInputs, inputs)
        if told.undo is None:
            raise RunnerRefused("This action has no undo: it cannot be taken back by jitbot.")
        places = {**_places(receipt), "run.key": run.key}
        answer = self._change(told, told.undo, told.undo.method, run, places, {})
        if answer.status not in told.undo.expect | told.undo.gone:
            raise RunnerUnsure(f"The server did not take it back: {_said(answer)}")

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Trust the authorities of this machine (`SSL_CERT_FILE` is heeded; proxies are not)."""
        return httpx2.create_ssl_context()

    def _change(
        self, told: HttpInputs, ask: Ask, method: str, run: Run, places: Places, headers: Mapping[str, str]
    ) -> Answer:
        """Send something that changes something. Raises: RunnerRefused when not sent, RunnerCutOff."""
        ready = call(told, ask, method, places, self._site)
        ready = type(ready)(ready.method, ready.url, {**ready.headers, **headers}, ready.body)
        try:
            answer = exchange(ready, seconds_left(run), self._trust, stopping=run.stopping)
        except NotSent as error:
            raise RunnerRefused(f"Nothing was sent to {ready.url.host}: {error}") from error
        except NoAnswer as error:
            raise RunnerCutOff(f"{ready.url.host} may have done it: {error}") from error
        run.log(f"{method} {ready.url} -> {_said(answer)}")
        return answer

    def _get(self, told: HttpInputs, ask: Ask, places: Places) -> Answer:
        """Look without changing anything. Raises: RunnerRefused when there is no answer."""
        ready = call(told, ask, "GET", places, self._site)
        try:
            return exchange(ready, self._look_seconds, self._trust)
        except (NotSent, NoAnswer) as error:
            raise RunnerRefused(f"{ready.url.host} did not answer: {error}") from error

    def _present(self, told: HttpInputs, look: Look) -> str:
        answer = self._get(told, look, {})
        try:
            if answer.status != httpx2.codes.OK:
                raise ValueError(_said(answer))  # noqa: TRY301 - one way out for all that cannot be read
            return json.dumps(look_up(answer.document(), look.pointer), sort_keys=True, ensure_ascii=False)
        except (ValueError, LookupError) as error:
            raise RunnerRefused(f"The present state could not be read, so there is no plan: {error}") from error

    def _rehearse(self, told: HttpInputs) -> None:
        """Build every request that may be sent later, so that nobody approves what cannot be sent."""
        pretended = {**_PRETENDED, **{f"receipt.{name}": "receipt" for name in told.receipt}}
        for ask in (told, told.undo, told.check, told.plan):
            if ask is not None:
                call(told, ask, "GET", pretended, self._site)


def _places(receipt: Receipt | None) -> dict[str, Any]:
    return {} if receipt is None else {f"receipt.{name}": value for name, value in receipt.data.items()}


def _said(answer: Answer) -> str:
    words = shown(answer.body.decode(errors="replace").strip())
    return f"{answer.status} {words}".rstrip()


def _in_words(told: HttpInputs) -> str:
    """Tell the rest of what is sent: header by header, then the body; secrets only by name."""
    lines = [
        f"{name}: " + (f"the secret {value.secret!r}" if isinstance(value, Secret) else visible(value))
        for name, value in told.headers.items()
    ]
    if told.json_body is not None:
        lines.append(json.dumps(told.json_body, indent=2, sort_keys=True, ensure_ascii=False))
    if told.text is not None:
        lines += [visible(line) for line in told.text.split("\n")]
    return "\n".join(lines)


def _receipt(told: HttpInputs, answer: Answer) -> Mapping[str, Any]:
    if not told.receipt:
        return {}
    try:
        document = answer.document()
        return {name: look_up(document, pointer) for name, pointer in told.receipt.items()}
    except (ValueError, LookupError) as error:
        raise RunnerUnsure(f"It was done, but the answer holds no receipt ({error}): {_said(answer)}") from error


def _health(check: Check, answer: Answer) -> Health:
    said = _said(answer)
    if answer.status in check.absent:
        return Health(HealthState.ABSENT, said)
    if answer.status in _CANNOT_TELL:
        return Health(HealthState.UNKNOWN, said)
    if answer.status not in check.expect:
        return Health(HealthState.UNHEALTHY, said)
    if check.pointer is None:
        return Health(HealthState.HEALTHY, said)
    try:
        value = look_up(answer.document(), check.pointer)
    except (ValueError, LookupError) as error:
        return Health(HealthState.UNKNOWN, f"{check.pointer} could not be read ({error}): {said}")
    state = HealthState.HEALTHY if value == check.equals else HealthState.UNHEALTHY
    return Health(state, f"{check.pointer} is {shown(json.dumps(value, ensure_ascii=False))}")
