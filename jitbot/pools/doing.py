"""Has a runner do what a call asks, and says what came of it, whatever the runner throws."""

import logging

from jitbot.errors import InvalidInput, NotGranted, NoWarrant, RunnerCutOff, RunnerError, RunnerRefused, SettingsError
from jitbot.model import Receipt
from jitbot.pools.calls import Answer, Call, Kind, Word
from jitbot.pools.hand import NoneGiven
from jitbot.ports import Catalog, Run

log = logging.getLogger(__name__)


def done(catalog: Catalog, call: Call, run: Run) -> Answer:
    """Do it, and return what came of it. Raises: NoneGiven, where nobody has signed for it."""
    try:
        return Answer(Word.DONE, _do(catalog, call, run))
    except NoneGiven:
        raise
    except NoWarrant as error:
        log.error("the call %s was refused: %s", call.id, error)  # noqa: TRY400 - no stack for people
        return Answer(Word.BARRED, said=str(error))
    except (RunnerRefused, InvalidInput, NotGranted, SettingsError) as error:
        return Answer(Word.REFUSED, said=str(error) or "the runner refused")
    except RunnerError as error:
        word = Word.CUT_OFF if isinstance(error, RunnerCutOff) else Word.UNSURE
        return Answer(word, said=str(error) or "the runner did not say")
    except Exception as error:
        log.exception("the call %s failed", call.id)
        return failed(error)


def failed(error: Exception) -> Answer:
    """Return what is said where the worker itself is at fault."""
    return Answer(Word.UNSURE, said=f"The worker failed ({type(error).__name__}): it may have happened.")


def _do(catalog: Catalog, call: Call, run: Run) -> object:
    if call.runner not in catalog.names():
        where = "JITBOT_RUNNERS of the workers lists those that may be loaded"
        raise RunnerRefused(f"The runner {call.runner} is not allowed in this pool: {where}.")
    runner, inputs = catalog.runner(call.runner), catalog.inputs(call.runner, call.inputs)
    receipt = None if call.receipt is None else Receipt(call.receipt)
    given = {
        Kind.PLAN: (inputs,),
        Kind.START: (inputs, run),
        Kind.CHECK: (inputs, receipt),
        Kind.CHECK_BY_KEY: (inputs, call.key),
        Kind.UNDO: (inputs, receipt, run),
        Kind.EXTEND: (inputs, receipt, run),
        Kind.PRIVILEGES: (inputs,),
        Kind.RELEASE: (inputs, run),
    }
    return getattr(runner, call.kind.value)(*given[call.kind])
