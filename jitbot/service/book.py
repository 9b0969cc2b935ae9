"""The policies in force: the last good set, whatever the files say now.

A bad edit never replaces a good set. A bad set at start-up leaves jitbot *ends-only*: what runs still ends, is undone
and can be dropped, and new requests are refused with the file and line.
"""

import threading
from collections.abc import Callable, Mapping

from jitbot.errors import PolicyError, Unavailable
from jitbot.model import Policy


class Book:
    """Holds the policies; `read` gives the files' text, `load` checks them, `keep` stores a good set."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, str]],
        load: Callable[[Mapping[str, str]], Policy],
        keep: Callable[[str, Mapping[str, str]], None],
    ) -> None:
        self._read = read
        self._load = load
        self._keep = keep
        self._turn = threading.Lock()
        self._seen: Mapping[str, str] | None = None
        self._policy: Policy | None = None
        self.fault = ""
        """Why the files as they are now are not in force; empty when they are."""

    @property
    def policy(self) -> Policy:
        """Return the set in force; empty while there is none."""
        return self._policy or Policy()

    @property
    def ends_only(self) -> bool:
        """Tell whether there is no good set at all."""
        return self._policy is None

    def for_new(self) -> Policy:
        """Return the set by which new requests are decided. Raises: Unavailable, with the file and line."""
        if self._policy is None:
            raise Unavailable(f"No new requests now: the policies are broken.\n{self.fault}")
        return self._policy

    def reload(self) -> bool:
        """Read the files again if they changed; True when what is in force, or the fault, has changed."""
        with self._turn:
            try:
                files = self._read()
                if files == self._seen:
                    changed, self.fault = bool(self.fault), ""
                    return changed
                policy = self._load(files)
            except PolicyError as error:
                changed = str(error) != self.fault
                self.fault = str(error)
                return changed
            self._keep(policy.digest, files)
            self._seen, self._policy, self.fault = dict(files), policy, ""
            return True
