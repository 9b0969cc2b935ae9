"""What runs have said, in direct messages: a few lines as they are, more of them as a file.

The rows of the outbox only name what is to be said; it is read when it is sent, so that no copy of it stays behind.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from jitbot.errors import NotFound
from jitbot.model import Outgoing, OutputId, Request, RequestId, UserId
from jitbot.slack.sending import Refused, Sender
from jitbot.slack.text import size
from jitbot.slack.views import notices

log = logging.getLogger(__name__)


class HandedOut(Protocol):
    """Where output is read for sending (`service.handing_out`)."""

    def files(self, user: UserId, request_id: RequestId) -> Mapping[str, str]:
        """Return the texts for somebody who may have them, by file name. Raises: NotFound."""

    def result(self, request_id: RequestId, output_id: OutputId) -> tuple[Request, str]:
        """Return what one run found. Raises: NotFound."""


class OutputPosts:
    """Sends output to one person. Raises, from both: NotifyError, NotFound."""

    def __init__(self, handed_out: HandedOut, sender: Sender) -> None:
        self._handed_out = handed_out
        self._sender = sender

    def output(self, rows: Sequence[Outgoing]) -> None:
        """Send what a request's runs said to whoever asked for it."""
        row, request = rows[0], _request_of(rows)
        files = self._handed_out.files(UserId(row.to), request)
        if not files:
            raise NotFound(f"nothing is kept of the output of JIT-{request} any more")
        self._send(row.to, files, f"The output of JIT-{request}, as far as it is kept.", request)

    def result(self, rows: Sequence[Outgoing]) -> None:
        """Send what a run found to the requester; a requester who is nobody in Slack asks elsewhere."""
        row = rows[0]
        if row.to[:1] not in ("U", "W"):
            return
        request, text = self._handed_out.result(_request_of(rows), OutputId(int(row.text)))
        said = f"{request.name} {request.snapshot.title}: the result, for you alone."
        if size(text) <= notices.VERBATIM:
            self._sender.post(row.to, notices.verbatim_saying(said, text))
        else:
            self._send(row.to, {f"{request.name}-results.txt": text}, said, request.id)

    def _send(self, person: str, files: Mapping[str, str], said: str, request: RequestId) -> None:
        """Send files; where Slack takes none, the end of each."""
        try:
            self._sender.upload(person, files, said)
        except Refused as refusal:
            log.warning("the output of JIT-%s cannot be sent as a file: %s", request, refusal.code)
            for text in files.values():
                why = f"{said} Slack takes no file from me ({refusal.code}), so this is how it ends"
                whole = f"; whoever runs me finds all of it by `jitbot output JIT-{request}`."
                self._sender.post(person, notices.verbatim_saying(why + whole, text))


def _request_of(rows: Sequence[Outgoing]) -> RequestId:
    request = rows[0].request
    assert request is not None  # noqa: S101 - rows of output are about a request
    return request
