"""Who changed the policy files, as the git checkout they stand in says. It only looks, and never fails.

What is said of a commit is said of the very text that was read: each file is compared with its blob in the commit, so
an edit that nobody committed is not laid at the door of whoever committed last.
"""

import hashlib
import logging
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from jitbot.model import Author
from jitbot.policy.files.load import belongs

log = logging.getLogger(__name__)

SECONDS = 5
MOST_BYTES = 1 << 20
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "core.quotePath=false")
"""Nothing that the checkout's own configuration could have git start."""
_SHA = {40: "sha1", 64: "sha256"}


def author(folder: Path, files: Mapping[str, str]) -> Author:
    """Return who made the newest commit that touched these files; nobody where that cannot be told."""
    newest = _git(folder, "log", "-1", "--format=%H%n%an%n%s", "--", ".").splitlines()
    if len(newest) < 2:
        return Author()
    commit, name, subject = (*newest, "")[:3]
    return Author(name, commit, subject, _is_commit(files, _git(folder, "ls-tree", "-z", commit, "./")))


def _git(folder: Path, *words: str) -> str:
    """Run git, without a shell and for a few seconds at most; nothing where it is not there or does not want to."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), **quiet}
    try:
        ended = subprocess.run(  # noqa: S603 - fixed words, no shell, and the folder is the operator's
            [*_GIT, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.info("git does not tell who changed the policies: %s", type(error).__name__)
        return ""
    return ended.stdout[:MOST_BYTES].decode(errors="replace") if ended.returncode == 0 else ""


def _is_commit(files: Mapping[str, str], listing: str) -> bool:
    """Tell whether these files are, byte for byte, those of a commit's folder as `ls-tree -z` lists it."""
    blobs = {}
    for line in listing.split("\0"):
        about, tab, path = line.partition("\t")
        if tab:
            blobs[path.rsplit("/", 1)[-1]] = about.split()[-1]
    committed = {name: blob for name, blob in blobs.items() if belongs(name)}
    return committed == {name: _blob(text, committed.get(name, "")) for name, text in files.items()}


def _blob(text: str, like: str) -> str:
    """Return the id that git gives this text, by the same hash as another id."""
    content = text.encode()
    return hashlib.new(
        _SHA.get(len(like), "sha1"), b"blob %d\0%s" % (len(content), content), usedforsecurity=False
    ).hexdigest()
