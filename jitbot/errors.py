"""Everything that can go wrong, named by who has to act on it.

```
JitbotError
├── UserFault              the person who asked    -> told at once, in words; logged at info
│   ├── InvalidInput
│   ├── NotFound
│   ├── NotPermitted
│   ├── Settled
│   ├── Stale
│   └── Unavailable
│       └── InNewerHands   a newer jitbot beside this one carries it out
├── PolicyError            the policy's author     -> refused at load, with file and line
├── SettingsError          the operator            -> refused at start
├── Conflict               nobody                  -> read again, try once more
├── Tampered               the operator, at once   -> nothing runs; alarm
├── StoreUnavailable       the operator            -> the person is told that nothing was taken in
│   ├── StoreRefused       the operator            -> not tried again: it is what was to be written
│   └── StoreUnsure        nobody                  -> the person is told that it may have been taken in
├── DirectoryUnavailable   nobody                  -> people and groups are unread; conditions on them err
├── FactUnavailable        nobody                  -> the fact is unread; conditions on it err
├── NotGranted             the operator            -> a secret that is not set, a host that is not allowed
│   └── SecretUnavailable  the operator            -> a secret's store does not hand it out; no other is asked
├── SinkUnavailable        the operator            -> a head of the record is sent again; late ones are an alarm
├── NotifyError            the notifier            -> tried again, or the fallback channel
│   ├── NotifyRefused
│   └── NotifyUnsure
└── RunnerError            the operator
    ├── RunnerRefused      nothing happened
    │   ├── NoWarrant         the operator, at once -> what was to be done is not permitted where it was to be done
    │   └── PoolUnavailable   no worker of the pool took it, or answered what was only looked at
    └── RunnerUnsure       it may have happened
        └── RunnerCutOff   it may even happen yet, until its deadline
            └── WorkerLost   nothing is heard of the worker that had begun
```
"""

from collections.abc import Mapping
from datetime import timedelta


class JitbotError(Exception):
    """Root of every error that jitbot raises on purpose."""


class UserFault(JitbotError):
    """Something the person who asked can mend; the text is shown to them as it is."""

    decided: object = None
    """The decision by which it was refused, for the record; None where none was made."""


class InvalidInput(UserFault):
    """What was typed cannot be taken; `fields` says which field is wrong and why."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotFound(UserFault):
    """There is no such action or request, or it is not this person's to see."""


class NotPermitted(UserFault):
    """This person may not do that, whatever the state."""


class Settled(UserFault):
    """Too late: the request has moved on."""


class Stale(UserFault):
    """The click belongs to an older drawing of the request."""


class Unavailable(UserFault):
    """jitbot cannot take this now (ends-only, for example); nothing was taken in."""


class InNewerHands(Unavailable):
    """Only a newer jitbot beside this one understands the request; it carries out what is taken in for it."""


class PolicyError(JitbotError):
    """A policy file is wrong; the message begins with `file:line:column`."""


class SettingsError(JitbotError):
    """The environment is wrong; the message names the variable and what to set."""


class Conflict(JitbotError):
    """Somebody else moved the row first."""


class Tampered(JitbotError):
    """Rows and signed events differ, or a signature does not hold."""


class StoreUnavailable(JitbotError):
    """The database cannot be reached or refuses to write; nothing was committed."""


class StoreRefused(StoreUnavailable):
    """The database answers, and will never take this: a table is missing, or a value does not fit."""


class StoreUnsure(StoreUnavailable):
    """The connection was lost in the commit: it may have been committed."""


class DirectoryUnavailable(JitbotError):
    """People or groups could not be read in time."""


class FactUnavailable(JitbotError):
    """A fact could not be read, in time or at all; the message says why, in words for people."""


class NotGranted(JitbotError):
    """The operator does not let jitbot do this here; nothing was sent. The message says what to set."""


class SecretUnavailable(NotGranted):
    """A store has this secret, or may have it, and does not hand it out; the message says why, and what to do."""


class SinkUnavailable(JitbotError):
    """A head of the record did not arrive where it is to be kept; the message says why."""


class NotifyError(JitbotError):
    """A message was not posted; trying again may help, after `retry_after` where it is known."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotifyRefused(NotifyError):
    """The other side will never take it (no such channel, archived); trying again is useless."""


class NotifyUnsure(NotifyError):
    """It may have been posted: the connection ended before the answer."""


class RunnerError(JitbotError):
    """A runner did not finish what it was told to."""


class RunnerRefused(RunnerError):
    """Nothing happened: the runner said no before it touched anything."""


class RunnerUnsure(RunnerError):
    """It may have happened; settled by `check`, a late result or a person."""


class NoWarrant(RunnerRefused):
    """Nobody has signed for this act, or it goes beyond the ceiling of the machine: never an accident."""


class PoolUnavailable(RunnerRefused):
    """No worker of the pool took it, or none has answered what only looks; nothing was done, and later it may work."""


class RunnerCutOff(RunnerUnsure):
    """The order is out and nobody waits for the answer: it may be carried out yet, until the run's time is over."""


class WorkerLost(RunnerCutOff):
    """Nothing is heard of the worker that had begun; what it does may still land, until its deadline."""
