"""Giving somebody something, and seeing that they have it: alike for teams and repositories."""

from collections.abc import Callable, Collection

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.answers import NoAnswer, NoWord
from jitbot.runners.patience import Patience, seen_within

APPEAR_SECONDS = 10.0
"""How long is looked for what was given. What did not come in that time will not come after an undo either."""
EVERY_SECONDS = 1.0


def give_and_see(
    give: Callable[[], None], has: Callable[[], str], wanted: Collection[str], run: Run, patience: Patience
) -> str:
    """Give, and return what they have then, which is among what is wanted. Raises: RunnerRefused, RunnerUnsure."""
    try:
        give()
    except NoAnswer as error:
        run.log(f"It may have been given: {error}")
    except NoWord as error:
        raise RunnerRefused(f"Nothing was given: {error}") from error

    def look() -> str | None:
        now = has()
        return now if now in wanted else None

    seen = seen_within(min(APPEAR_SECONDS, patience.left), EVERY_SECONDS, look, run.log)
    if seen is None:
        raise RunnerUnsure("It may have been given, and is not to be seen.")
    return seen
