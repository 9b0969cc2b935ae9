"""Commits of one file in the checkout that it stands in: its own path only, without hooks, and no shell."""

import os
import re
import subprocess

from jitbot.errors import RunnerRefused, RunnerUnsure

SECONDS = 20
_GIT = ("git", "--literal-pathspecs", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
        "-c", "commit.gpgSign=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false")  # fmt: skip
"""Nothing that the checkout's own configuration could have git start."""
_WHO = {f"GIT_{role}_{what}": said for role in ("AUTHOR", "COMMITTER")
        for what, said in (("NAME", "jitbot"), ("EMAIL", "jitbot@localhost"))}  # fmt: skip
_RUN = re.compile("jit-([0-9]+)-")


class Checkout:
    """The checkout that an open folder belongs to, and one file in that folder."""

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self._name = name

    def demand_clean(self) -> None:
        """See that a commit of this file would hold nothing of anybody else. Raises: RunnerRefused."""
        for words, why in (
            (("symbolic-ref", "--quiet", "HEAD"), "its folder is in no git checkout that is on a branch"),
            (("ls-files", "--error-unmatch", "--", self._name), "git does not know it: commit it first"),
            (("diff", "--quiet", "HEAD", "--", self._name), "it has changes that nobody has committed: commit them"),
        ):
            if self._git(*words).returncode != 0:
                raise RunnerRefused(f"{self._name} cannot be committed: {why}. Nothing was changed.")

    def commit(self, subject: str, key: str) -> bool:
        """Commit the file as it is; False where that is as it was committed last. Raises: RunnerUnsure."""
        if self._git("diff", "--quiet", "HEAD", "--", self._name).returncode == 0:
            return False
        text = f"{subject}\n\nBy jitbot, for {request(key)} (run {key}).\n"
        done = self._git("commit", "--quiet", "--no-verify", "--only", "--message", text, "--", self._name)
        if done.returncode != 0:
            raise RunnerUnsure(f"git does not commit {self._name} (it ended with {done.returncode}).")
        return True

    def _git(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), **quiet, **_WHO}
        try:
            return subprocess.run(  # noqa: S603 - fixed words and one name below a granted folder; no shell
                [*_GIT, *words],
                cwd=f"/proc/self/fd/{self._folder}",
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise RunnerUnsure(f"git did not end well ({type(error).__name__}).") from error


def request(key: str) -> str:
    """Name the request of a run as people know it."""
    found = _RUN.match(key)
    return f"JIT-{found[1]}" if found else key
