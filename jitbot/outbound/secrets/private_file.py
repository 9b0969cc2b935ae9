"""Files that hold a credential: read whole, and refused where others on this machine could read or change them."""

import os
import stat
from pathlib import Path

MOST_BYTES = 256 * 1024


class Refused(Exception):
    """A file that cannot be believed or kept secret; the message ends the sentence `… cannot be read: `."""


def read_private(path: Path, *, private: bool = True) -> str:
    """Return the text of a file, without the end of its last line. Raises: Refused, FileNotFoundError.

    The last step of the path may be no link. With `private=False` others may read it, as they can where Kubernetes
    mounts the token of a service account.
    """
    try:
        # Not waiting and not following: what is checked is what is read, and a pipe does not hold anybody up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _demand_ours(os.fstat(descriptor), private)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"its file cannot be read ({error.strerror}). Let jitbot's own user read it") from None
    if len(content) > MOST_BYTES:
        raise Refused(f"its file is longer than {MOST_BYTES} bytes. Take the right one")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Refused("its file is no text in UTF-8. Write it anew") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Refused("its file is empty. Write the secret into it, or take the file away")
    return text


def _demand_ours(about: os.stat_result, private: bool) -> None:
    mode = stat.S_IMODE(about.st_mode)
    if not stat.S_ISREG(about.st_mode):
        raise Refused("what is there is no plain file")
    if about.st_uid not in (0, os.geteuid()):
        raise Refused("its file belongs to another user. Make it root's or jitbot's own")
    if mode & (stat.S_IWGRP | stat.S_IWOTH) or (private and mode & stat.S_IRWXO):
        raise Refused(f"its file has mode {mode:03o}, so others reach it. Make it 400, or 440")
    if private and mode & stat.S_IRGRP and about.st_gid not in {os.getegid(), *os.getgroups()}:
        raise Refused("a group that jitbot is not in can read its file. Make it mode 400")
