"""Only paths that the operator grants are ever used on this machine, whatever a policy or a request says."""

from pathlib import Path

from jitbot.errors import NotGranted
from jitbot.ports import Site


def granted(path: str, site: Site) -> Path:
    """Return where a path leads once every link is followed, if that is granted. Raises: NotGranted."""
    real = Path(path).resolve()
    if not any(real.is_relative_to(root.resolve()) for root in site.paths):
        raise NotGranted(f"jitbot may not use {path[:300]}: it is not below JITBOT_RUNNER_PATHS.")
    return real
