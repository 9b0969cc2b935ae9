"""files.getUploadURLExternal and files.completeUploadExternal: uploads, kept in memory."""

from __future__ import annotations

import json
from typing import Any

from jitbot.sandbox.messages import Drawing, Json, Message
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.web_api.call import Call, Method

_BINARY = {"filetype": "binary", "pretty_type": "Binary", "mimetype": "application/octet-stream"}
_TEXT = {"filetype": "text", "pretty_type": "Plain Text", "mimetype": "text/plain"}
_KINDS = {"txt": _TEXT, "log": _TEXT}


def get_upload_url(call: Call) -> Json:
    """Return where a file may be posted."""
    name, length = call.need("filename"), call.need("length")
    if not length.isdecimal() or int(length) == 0:
        raise SlackRefusal("invalid_arguments")
    file_id = call.state.next_file_id()
    call.state.files[file_id] = {"id": file_id, "name": name, "title": name, "size": int(length), "content": None}
    return {"upload_url": f"{call.base_url}/files/upload/{file_id}", "file_id": file_id}


def complete_upload(call: Call) -> Json:
    """Finish uploads and share them as one message."""
    files = [_finished(call, one) for one in _listed(call.args.get("files"))]
    if not files:
        raise SlackRefusal("invalid_arguments")
    channels = call.listed("channels") or call.listed("channel_id")
    for channel in channels:
        _share(call, channel, files)
    return {"files": files}


def _finished(call: Call, wanted: Any) -> Json:
    stored = call.state.files.get(str(wanted.get("id"))) if isinstance(wanted, dict) else None
    if stored is None or stored["content"] is None:
        raise SlackRefusal("file_not_found")
    stored["title"] = wanted.get("title") or stored["name"]
    link = f"{call.base_url}/files/{stored['id']}/{stored['name']}"
    shown = {key: stored[key] for key in ("id", "name", "title", "size")}
    kind = _KINDS.get(stored["name"].rpartition(".")[2].lower(), _BINARY)
    addresses = {"url_private": link, "url_private_download": link, "permalink": link}
    return shown | kind | addresses | {"user": call.state.app.bot_user}


def _share(call: Call, channel: str, files: list[Json]) -> None:
    room = call.state.rooms.get(channel)
    if room is None or (room.kind != "channel" and call.state.app.bot_user not in room.members):
        raise SlackRefusal("channel_not_found")
    if call.state.app.bot_user not in room.members:
        raise SlackRefusal("not_in_channel")
    message = Message(
        ts=call.state.clock.next_ts(),
        channel=room.id,
        user=call.state.app.bot_user,
        drawing=Drawing(str(call.args.get("initial_comment") or "")),
        by_app=True,
        thread_ts=call.args.get("thread_ts") or None,
        files=files,
    )
    call.state.add_message(message)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SlackRefusal("invalid_arguments") from error
    if not isinstance(value, list):
        raise SlackRefusal("invalid_arguments")
    return value


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "4", ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, "4", ("files:write",)),
}
