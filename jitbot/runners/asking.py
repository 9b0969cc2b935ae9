"""From inputs to bytes: fills places, quotes them, checks the host, and looks the secrets up."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from jitbot.errors import RunnerRefused
from jitbot.outbound.addresses import has_dots, header_value
from jitbot.outbound.exchange import Call
from jitbot.outbound.hosts import allowed
from jitbot.outbound.values import plain
from jitbot.ports import Site
from jitbot.runners.http_inputs import PLACE, Ask, Change, HttpInputs

Places = Mapping[str, Any]
"""What may stand for `{receipt.NAME}` and `{run.key}`, by the name between the braces."""


def call(told: HttpInputs, ask: Ask, method: str, places: Places, site: Site) -> Call:
    """Return the request as it is sent. Raises: NotGranted, RunnerRefused when it cannot be sent."""
    headers = {"accept": "*/*", "accept-encoding": "identity", "connection": "close", "user-agent": "jitbot"}
    body = b""
    if isinstance(ask, Change):
        body, kind = _body(ask, places)
        headers |= {"content-type": kind} if kind else {}
    for name, value in ask.headers.items():
        filled = _one_line(name, _text(plain(value, site), places) if isinstance(value, str) else plain(value, site))
        headers[name.lower()] = filled
    return Call(method, allowed(address(told, ask, places), site), headers, body)


def address(told: HttpInputs, ask: Ask, places: Places) -> str:
    """Return the URL, with everything that was filled in quoted. Raises: RunnerRefused."""
    url, path = (ask.url, ask.path) if ask.url else (told.url, ask.path or told.path)
    url = PLACE.sub(lambda found: quote(_word(places, found[1]), safe=""), url)
    steps = [_text(step, places) for step in path]
    if has_dots(url.partition("://")[2]) or any(has_dots(step) for step in steps):
        raise RunnerRefused("A step of the URL's path would be `.` or `..`; nothing was sent.")
    full = "/".join([url.rstrip("/") if steps else url, *(quote(step, safe="") for step in steps)])
    query = urlencode({name: _text(value, places) for name, value in ask.query.items()})
    return f"{full}?{query}" if query else full


def _body(ask: Change, places: Places) -> tuple[bytes, str]:
    if ask.json_body is not None:
        filled = _filled(ask.json_body, places)
        return json.dumps(filled, ensure_ascii=False).encode(), "application/json"
    if ask.text is not None:
        return _text(ask.text, places).encode(), "text/plain; charset=utf-8"
    return b"", ""


def _filled(value: Any, places: Places) -> Any:
    """Fill places in a JSON value; a text that is one place becomes what stands there, with its type."""
    if isinstance(value, str):
        whole = PLACE.fullmatch(value)
        return _known(places, whole[1]) if whole else _text(value, places)
    if isinstance(value, list):
        return [_filled(item, places) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, places) for key, item in value.items()}
    return value


def _text(text: str, places: Places) -> str:
    return PLACE.sub(lambda found: _word(places, found[1]), text)


def _word(places: Places, name: str) -> str:
    value = _known(places, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise RunnerRefused(f"{{{name}}} is neither a text nor a whole number; nothing was sent.")
    return str(value)


def _known(places: Places, name: str) -> Any:
    if name not in places:
        raise RunnerRefused(f"{{{name}}} is not known, since the start never answered; nothing was sent.")
    return places[name]


def _one_line(name: str, value: str) -> str:
    try:
        return header_value(value)
    except ValueError as error:
        raise RunnerRefused(f"The header {name} cannot be sent: {error}.") from error
