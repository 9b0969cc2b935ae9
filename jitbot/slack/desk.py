"""What every listener works with, and the one way in which what people do is taken in and worked on."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt import Ack

from jitbot.errors import JitbotError, StoreUnavailable, StoreUnsure, UserFault
from jitbot.explain import named
from jitbot.hurry import hurry
from jitbot.model import Answer, DeliveryKind, RequestId
from jitbot.service import Service
from jitbot.slack.cards import Cards
from jitbot.slack.directory import SlackDirectory
from jitbot.slack.door import Caller, Door
from jitbot.slack.hands import Hands
from jitbot.slack.replies import Replies

log = logging.getLogger(__name__)

ACK_SECONDS = 2.3
"""How long the database may take before somebody is told that it is away: Slack waits three seconds for that."""

Body = Mapping[str, Any]
Listener = Callable[[Ack, Body], None]
Sorry = Callable[[Ack, Body, str], None]

NOT_TAKEN_IN = "This could not be taken in: my database does not answer. Nothing was done; try again in a minute."
PERHAPS_TAKEN_IN = (
    "My database stopped answering while this was taken in, so I cannot tell whether it counts. Look at the request "
    "before you do it again: what was taken in is carried out as soon as the database is back."
)
BROKEN = "Something is wrong on my side, and this could not be taken in. Try again; if it stays so, tell my operators."
TAKEN_IN = "This is taken in, but takes longer than usual. I tell you in a direct message when it is done."


@dataclass(frozen=True, slots=True)
class Desk:
    """The listeners' tools."""

    service: Service
    cards: Cards
    directory: SlackDirectory
    door: Door
    replies: Replies
    hands: Hands

    def take_in(
        self,
        key: str,
        kind: DeliveryKind,
        caller: Caller,
        body: Mapping[str, Any],
        request: RequestId | None = None,
    ) -> None:
        """Commit what somebody did, before it is acknowledged. Raises: StoreUnavailable."""
        new = self.service.intake.take_in(
            key=key, kind=kind, user=caller.user, team=caller.team, body=body, request=request
        )
        if not new:
            log.info("%s came again", kind.value)

    def work(self, key: str) -> Answer | None:
        """Carry out what was taken in. Never raises: what fails here is found by the sweep."""
        try:
            answer = self.service.intake.work(key)
            return answer and replace(answer, text=named(answer.text, self.directory.display_name))
        except JitbotError as error:
            log.warning("left to the sweep: %s", error)
        except Exception:
            log.exception("left to the sweep")
        return Answer(TAKEN_IN)


def typed_key(body: Body) -> str:
    """Return the delivery's key of a command: made of its trigger, which itself is kept nowhere."""
    return f"cmd:{hashlib.sha256(str(body['trigger_id']).encode()).hexdigest()[:32]}"


def guarded(listener: Listener, sorry: Sorry) -> Listener:
    """Return a listener from which nothing escapes: an exception after an ack would undo the ack in Bolt.

    `sorry` acknowledges and tells the person; a listener raises only before its own ack.
    """

    def on(ack: Ack, body: Body) -> None:
        try:
            with hurry(ACK_SECONDS):
                listener(ack, body)
        except UserFault as fault:
            sorry(ack, body, str(fault))
        except StoreUnsure as error:
            log.warning("perhaps taken in: %s", error)
            sorry(ack, body, PERHAPS_TAKEN_IN)
        except StoreUnavailable as error:
            log.warning("not taken in: %s", error)
            sorry(ack, body, NOT_TAKEN_IN)
        except Exception:
            log.exception("a listener failed")
            sorry(ack, body, BROKEN)

    return on
