"""Stages on this machine: programs, and files."""

import fcntl
import os
from pathlib import Path
from typing import Any

from jitbot.outbound.site import EnvironmentSite
from tests.stages.stage import Stage

PROGRAM = """#!/bin/sh
cd {folder} || exit 1
case "$1" in
act) test -e refuse && exit 3
     test -e done && exit 3
     echo "$TOKEN" > done
     test -e hang && sleep 20
     exit 0 ;;
undo) rm -f done ;;
check) test -e done || exit 4 ;;
esac
"""
"""Does one thing once; refuses where it is done, where it is told to, and may be slow to say that it is done."""


class Program:
    """The program, and what becomes of the folder that it works in."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "act"
        self._folder = folder / "far"
        self._folder.mkdir()
        self._write()

    def _write(self) -> None:
        self.path.write_text(PROGRAM.format(folder=self._folder))
        self.path.chmod(0o755)

    def argvs(self) -> dict[str, list[str]]:
        words = {"argv": "act", "undo_argv": "undo", "check_argv": "check"}
        return {name: [str(self.path), word] for name, word in words.items()}

    def seen(self) -> bool:
        return (self._folder / "done").exists()

    def mark(self, name: str) -> None:
        (self._folder / name).touch()

    def unmark(self, name: str) -> None:
        (self._folder / name).unlink()

    def take_away(self) -> None:
        self.path.unlink()

    def bring_back(self) -> None:
        self._write()


class CommandStage(Stage):
    runner = "command"

    def prepare(self) -> None:
        self.program = Program(self.folder)
        self.secrets = {"JITBOT_SECRET_TOKEN": "a-token-of-jitbot"}

    def site(self) -> EnvironmentSite:
        return EnvironmentSite((), self.secrets)

    def inputs(self) -> dict[str, Any]:
        return {**self.program.argvs(), "variables": {"TOKEN": {"secret": "token"}}, "refused": [3]}

    def seen(self) -> bool:
        return self.program.seen()

    def refuse(self) -> None:
        self.program.mark("refuse")

    def down(self) -> None:
        self.program.take_away()

    def up(self) -> None:
        self.program.bring_back()

    def hang(self) -> None:
        self.program.mark("hang")

    def release(self) -> None:
        self.program.unmark("hang")

    def lock_out(self) -> None:
        self.secrets = {}

    def do_before(self) -> None:
        self.program.mark("done")


class ConfigFileStage(Stage):
    runner = "config.file"

    def prepare(self) -> None:
        self.place = self.folder / "etc" / "app"
        self.place.mkdir(parents=True)
        self.file = self.place / "app.yml"
        self.file.write_text("logging:\n  level: info  # as in production\n")

    def site(self) -> EnvironmentSite:
        return EnvironmentSite((), {}, [self.place.parent])

    def inputs(self) -> dict[str, Any]:
        return {"folder": str(self.place), "file": "app.yml", "key": ["logging", "level"], "value": "debug"}

    def seen(self) -> dict[str, str]:
        place = self.place if self.place.exists() else self._aside
        return {path.name: path.read_text() for path in place.iterdir() if path.suffix != ".jitbot"}

    @property
    def _aside(self) -> Path:
        return self.folder / "aside"

    def refuse(self) -> None:
        self.file.write_text("logging: [level, info\n")

    def down(self) -> None:
        self.place.rename(self._aside)

    def up(self) -> None:
        self._aside.rename(self.place)

    def hang(self) -> None:
        """Be another run in that folder."""
        turn = os.open(self.place, os.O_RDONLY)
        self.closing.callback(os.close, turn)
        fcntl.flock(turn, fcntl.LOCK_EX)
        self._turn = turn

    def release(self) -> None:
        fcntl.flock(self._turn, fcntl.LOCK_UN)

    def lock_out(self) -> None:
        """Have the folder lead to a place that the operator does not grant."""
        self.place.rename(self._aside)
        self.place.symlink_to(self._aside)

    def do_before(self) -> None:
        self.file.write_text("logging:\n  level: debug\n")
