"""Commits of one file in the checkout that it stands in: its own path only, without hooks, and no shell."""

import os
import re
import subprocess
import time

from jitbot.errors import RunnerRefused, RunnerUnsure

_LEAST_SECONDS = 1.0
"""What was begun gets a moment to end, also where the time is over."""
_GIT = ("git", "--literal-pathspecs", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
        "-c", "commit.gpgSign=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false")  # fmt: skip
"""No hooks, monitors, signatures or upkeep that the checkout's configuration asks for."""
_WHO = {f"GIT_{role}_{what}": said for role in ("AUTHOR", "COMMITTER")
        for what, said in (("NAME", "jitbot"), ("EMAIL", "jitbot@localhost"))}  # fmt: skip
_NOT_RUN = 1000
_RUN = re.compile("jit-([0-9]+)-")


class Checkout:
    """The checkout that an open folder belongs to, and one file in that folder."""

    def __init__(self, folder: int, name: str, seconds: float) -> None:
        """Have git end within so many seconds, one call after the other."""
        self._folder = folder
        self._name = name
        self._until = time.monotonic() + seconds

    def demand_clean(self) -> None:
        """See that a commit of this file would hold nothing of anybody else. Raises: RunnerRefused."""
        for words, why in (
            (("symbolic-ref", "--quiet", "HEAD"), "its folder is in no git checkout that is on a branch"),
            (("ls-files", "--error-unmatch", "--", self._name), "git does not know it: commit it first"),
        ):
            if self._git(*words) != 0:
                raise RunnerRefused(f"{self._name} cannot be committed: {why}. Nothing was changed.")
        if not self.is_clean():
            raise RunnerRefused(f"{self._name} has changes that nobody has committed: commit them first.")

    def is_clean(self) -> bool:
        """Tell whether the file is as it was committed last."""
        return self._git("diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD", "--", self._name) == 0

    def commit(self, subject: str, key: str) -> bool:
        """Commit the file as it is; False where that is as it was committed last. Raises: RunnerUnsure."""
        if self.is_clean():
            return False
        text = f"{subject}\n\nBy jitbot, for {request(key)} (run {key}).\n"
        done = self._git("commit", "--quiet", "--no-verify", "--only", "--message", text, "--", self._name)
        if done != 0:
            raise RunnerUnsure(f"git does not commit {self._name} (it ended with {done}).")
        return True

    def _git(self, *words: str) -> int:
        """Run git and return its exit code; one that is no code of git's where it was not run to its end."""
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), **quiet, **_WHO}
        try:
            return subprocess.run(  # noqa: S603 - fixed words and one name below a granted folder; no shell
                [*_GIT, *words],
                cwd=f"/proc/self/fd/{self._folder}",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=max(_LEAST_SECONDS, self._until - time.monotonic()),
            ).returncode
        except (OSError, subprocess.SubprocessError):
            return _NOT_RUN


def request(key: str) -> str:
    """Name the request of a run as people know it."""
    found = _RUN.match(key)
    return f"JIT-{found[1]}" if found else key
