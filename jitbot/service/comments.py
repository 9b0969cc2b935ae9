"""What a reviewer writes beside a verdict."""

from jitbot.errors import InvalidInput
from jitbot.model import Delivery
from jitbot.policy.parameters import refuse_unprintable


def comment_of(delivery: Delivery, *, missing: str) -> str:
    """Return the comment; `missing` says why one is needed, and is empty where none is. Raises: InvalidInput."""
    comment = str(delivery.body.get("comment", "")).strip()
    if missing and not comment:
        raise InvalidInput(missing, {"comment": missing})
    try:
        refuse_unprintable(comment)
    except InvalidInput as error:
        raise InvalidInput(f"The comment {error}", {"comment": f"It {error}"}) from None
    return comment
