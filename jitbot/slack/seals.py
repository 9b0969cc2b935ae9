"""The seal on a card: what it shows, so that nobody gets an Approve for a card that was made to show something else.

Whoever holds the bot's token can edit our cards, and Slack says of a click only which message it was on and what that
shows by now. The button carries a keyed digest of all that was drawn; what Slack says is compared with it.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from jitbot.audit import canonical
from jitbot.slack.spans import Block, Drawing
from jitbot.slack.views import ids

SEALED = frozenset({ids.APPROVE})
"""The buttons that count at once for what is shown. Others open a view drawn from the record, or loosen nothing."""
_READ = frozenset({"text", "url", "user_id", "timestamp", "format", "action_id", "image_url", "alt_text"})
_LENGTH = 32
_AS_EMOJI = "\ufe0f"


class Seals:
    """Seals drawings, and tells whether a message shows what was sealed."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        """`secret` returns what only jitbot's processes know; after it has changed, older seals do not hold."""
        self._secret = secret

    def put(self, drawing: Drawing) -> Drawing:
        """Return a drawing whose sealed buttons carry the seal of all of it."""
        shown = told(drawing.blocks)
        return replace(drawing, blocks=[self._sealed(block, shown) for block in drawing.blocks])

    def holds(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a click was on a button that was sealed, on a message that shows what was."""
        message = body.get("message") or {}
        if message.get("attachments") or message.get("files"):
            return False  # a card has none: something stands below it that we did not draw
        carried, _, seal = str(body["actions"][0].get("value", "")).rpartition(".")
        return hmac.compare_digest(seal.encode(), self._seal(carried, told(message.get("blocks") or [])).encode())

    def _sealed(self, block: Block, shown: str) -> Block:
        if block.get("type") != "actions":
            return block
        return {**block, "elements": [self._button(each, shown) for each in block["elements"]]}

    def _button(self, button: Block, shown: str) -> Block:
        if button["action_id"] not in SEALED:
            return button
        return {**button, "value": f"{button['value']}.{self._seal(button['value'], shown)}"}

    def _seal(self, carried: str, shown: str) -> str:
        said = canonical([carried, shown])
        return hmac.new(self._secret(), said.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def told(blocks: list[Block]) -> str:
    """Return all that blocks say, in order, but for spaces and symbols: Slack gives some of these back in another way.

    It splits and joins texts, writes emoji as elements of their own, and escapes `&`, `<` and `>` where it interprets.
    """
    return "\n".join(f"{block.get('type')}:{''.join(_told(block))}" for block in blocks)


def _told(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key in sorted(part, key=lambda key: (key != "text", key)):
            if key in _READ and isinstance(part[key], str | int):
                yield _plain(str(part[key]))
            elif key == "style" and isinstance(part[key], Mapping) and part[key].get("strike"):
                yield "~"
            else:
                yield from _told(part[key])
    elif isinstance(part, list):
        for each in part:
            yield from _told(each)


def _plain(text: str) -> str:
    for escaped, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, sign)
    return "".join(each for each in text if not each.isspace() and not _is_symbol(each))


def _is_symbol(sign: str) -> bool:
    """Tell whether this may come back as an emoji, or is left over from one; what changes letters beside it is none."""
    return sign == _AS_EMOJI or unicodedata.category(sign) in ("So", "Sk")
