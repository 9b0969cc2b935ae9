"""`config.file` passes the published suite on real files, wherever it is cut off, and in a real git checkout."""

import fcntl
import gc
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.config_file.place import Place
from jitbot.runners.config_file.runner import ConfigFile
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun

YAML = """\
# How the service runs.
service:
  level: info   # debug, info or error
  limits: {rps: 100, burst: 20}

  # Who may log in.
  admins: [ann]
"""
JSON = """\
{
    "service": {"level": "info", "limits": {"rps": 100}},
    "admins": ["ann"]
}
"""
TOML = """\
# How the service runs.
[service]
level = "info"   # debug, info or error

[service.limits]
rps = 100
"""
FILES = {"app.yml": YAML, "app.json": JSON, "app.toml": TOML}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o640)
    return folder


@pytest.fixture
def runner(folder: Path) -> ConfigFile:
    return ConfigFile(EnvironmentSite((), {}, [folder]))


def told(folder: Path, **changes: Any) -> Any:
    values = {"folder": str(folder), "file": "app.yml", "key": ["service", "level"], "value": "debug"}
    return ConfigFile.Inputs.model_validate(values | changes)


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all that is there, but what git keeps for itself."""
    files = [path for path in folder.rglob("*") if ".git" not in path.parts and path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) for path in files}


class _Setting(RunnerContract):
    @pytest.fixture
    def runner(self, folder: Path) -> Runner:
        return ConfigFile(EnvironmentSite((), {}, [folder]))

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
        (folder / "broken.yml").write_text("a: [1\n")
        (folder / "link.yml").symlink_to(folder / "app.yml")
        return [
            {**inputs, "key": ["nowhere", "level"]},
            {**inputs, "key": []},
            {**inputs, "file": "missing.yml"},
            {**inputs, "file": "broken.yml"},
            {**inputs, "file": "link.yml"},
            {**inputs, "file": "../config/app.yml"},
            {**inputs, "folder": "/etc"},
            {**inputs, "values": 1},
        ]

    @pytest.fixture
    def effect(self, folder: Path) -> Callable[[], Any]:
        return lambda: {name: found for name, found in seen(folder).items() if not name.startswith(".")}


@pytest.mark.parametrize("file", FILES)
class TestReplacing(_Setting):
    @pytest.fixture
    def inputs(self, folder: Path, file: str) -> dict[str, Any]:
        return {"folder": str(folder), "file": file, "key": ["service", "level"], "value": "debug"}


@pytest.mark.parametrize("file", FILES)
class TestAdding(_Setting):
    @pytest.fixture
    def inputs(self, folder: Path, file: str) -> dict[str, Any]:
        return {"folder": str(folder), "file": file, "key": ["service", "limits", "daily"], "value": {"max": [1, 2.5]}}


class TestCommitting(_Setting):
    @pytest.fixture
    def inputs(self, folder: Path) -> dict[str, Any]:
        checkout(folder)
        return {"folder": str(folder), "file": "app.yml", "key": ["service", "level"], "value": "debug", "git": True}


# What people approve


def test_a_plan_shows_what_changes_and_no_line_around_it(runner: ConfigFile, folder: Path) -> None:
    plan = runner.plan(told(folder))
    assert plan.summary == f'Set /service/level in {folder}/app.yml to "debug" (now "info").'
    assert plan.diff.splitlines() == [
        "--- app.yml",
        "+++ app.yml",
        "@@ -3 +3 @@",
        "-  level: info   # debug, info or error",
        "+  level: debug   # debug, info or error",
    ]
    assert "# How the service runs." in runner.plan(told(folder, context=3)).diff


def test_a_plan_is_another_one_when_the_key_was_changed(runner: ConfigFile, folder: Path) -> None:
    first = runner.plan(told(folder)).fingerprint
    (folder / "app.yml").write_text(YAML.replace("rps: 100", "rps: 99"))
    assert runner.plan(told(folder)).fingerprint == first
    (folder / "app.yml").write_text(YAML.replace("level: info", "level: error"))
    assert runner.plan(told(folder)).fingerprint != first


def test_what_is_so_already_is_left(runner: ConfigFile, folder: Path) -> None:
    before, inode = seen(folder), (folder / "app.yml").stat().st_ino
    inputs = told(folder, value="info")
    assert runner.plan(inputs).diff == ""
    receipt = runner.start(inputs, ContractRun())
    runner.undo(inputs, receipt, ContractRun())
    assert (seen(folder), (folder / "app.yml").stat().st_ino) == (before, inode)


def test_a_secret_of_jitbot_is_not_put_on_record(folder: Path) -> None:
    runner = ConfigFile(EnvironmentSite((), {"JITBOT_SECRET_DB": "hunter2-hunter2"}, [folder]))
    (folder / "app.yml").write_text(YAML.replace("info", "hunter2-hunter2"))
    for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
        with pytest.raises(RunnerRefused, match="holds a secret") as refused:
            step(told(folder))
        assert "hunter2" not in str(refused.value)


# Where it may write


@pytest.mark.parametrize("depth", ["", "below/"])
def test_no_link_is_followed(runner: ConfigFile, folder: Path, tmp_path: Path, depth: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "app.yml").write_text(YAML)
    (folder / "below").symlink_to(tmp_path / "outside")
    (folder / "link.yml").symlink_to(tmp_path / "outside" / "app.yml")
    inputs = told(folder, file=f"{depth}app.yml" if depth else "link.yml")
    for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
        with pytest.raises(RunnerRefused, match="cannot be changed"):
            step(inputs)
    assert (tmp_path / "outside" / "app.yml").read_text() == YAML
    assert runner.check(inputs, None).state is HealthState.UNKNOWN


def test_only_granted_folders_are_written_in(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config2").mkdir()
    (tmp_path / "config2" / "app.yml").write_text(YAML)
    (folder / "out").symlink_to(tmp_path / "config2")
    runner = ConfigFile(EnvironmentSite((), {}, [folder]))
    for path in (tmp_path / "config2", folder / "out", tmp_path):
        with pytest.raises(NotGranted, match="not below JITBOT_RUNNER_PATHS"):
            runner.start(told(path), ContractRun())


def test_a_file_of_two_names_is_refused(runner: ConfigFile, folder: Path, tmp_path: Path) -> None:
    os.link(folder / "app.yml", tmp_path / "other-name")
    with pytest.raises(RunnerRefused, match="one name only"):
        runner.start(told(folder), ContractRun())


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(runner: ConfigFile, folder: Path, kind: str) -> None:
    (folder / "odd.yml").mkdir() if kind == "folder" else os.mkfifo(folder / "odd.yml")
    with pytest.raises(RunnerRefused):
        runner.plan(told(folder, file="odd.yml"))


def test_mode_and_owner_stay(runner: ConfigFile, folder: Path) -> None:
    owner = (1234, 1234) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(folder / "app.yml", *owner)
    (folder / "app.yml").chmod(0o604)
    receipt = runner.start(told(folder), ContractRun())
    notes = [path for path in folder.iterdir() if path.name.endswith(".jitbot")]
    assert len(notes) == 1
    for path in (folder / "app.yml", *notes):
        about = path.stat()
        assert (about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)) == (*owner, 0o604)
    runner.undo(told(folder), receipt, ContractRun())
    assert (folder / "app.yml").stat().st_uid == owner[0]


# What goes wrong


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"service: {level: info}\nservice: 1\n", "not read"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\xef\xbb\xbfservice: {level: info}\n", "byte order mark"),
        (b"service: {level: &x info}\n", "anchor"),
        (b"a: &a {level: info}\nservice: *a\n", "more than this key"),
        (b"service: 5\n", "nothing at /service"),
        (b"", "nothing at /service"),
        (b"# " + b"x" * 128 * 1024, "more than 131072 bytes"),
        (b"[" * 20_000, "nested deeper than 50"),
        (b"service: {level: '" + b"x" * 7000 + b"'}\n", "too long"),
    ],
    ids=range(10),
)
def test_a_file_that_cannot_be_changed_is_refused_and_left(
    runner: ConfigFile, folder: Path, text: bytes, why: str
) -> None:
    (folder / "app.yml").write_bytes(text)
    before = seen(folder)
    for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
        with pytest.raises(RunnerRefused, match=why):
            step(told(folder))
    assert seen(folder) == before


def test_a_disk_that_is_full_leaves_the_file(runner: ConfigFile, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole = seen(folder), os.rename

    def rename(old: str, new: str, **where: int) -> None:
        if new == "app.yml":
            raise OSError(28, "No space left on device")
        whole(old, new, **where)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(RunnerRefused, match="No space left"):
        runner.start(told(folder), ContractRun())
    assert seen(folder) == before


def test_somebody_who_writes_at_the_same_time_is_not_overwritten(
    runner: ConfigFile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, whole = YAML.replace("ann", "bo"), os.rename

    def rename(old: str, new: str, **where: int) -> None:
        whole(old, new, **where)
        (folder / "app.yml").write_text(theirs)  # just after the note

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(RunnerRefused, match="somebody else is writing it"):
        runner.start(told(folder), ContractRun())
    assert (folder / "app.yml").read_text() == theirs


def test_runs_in_one_folder_take_turns(runner: ConfigFile, folder: Path) -> None:
    keys = [["service", "limits", name] for name in ("a", "b", "c", "d", "rps", "burst")]
    with ThreadPoolExecutor(len(keys)) as pool:
        for key in keys:
            pool.submit(runner.start, told(folder, key=key, value=7), ContractRun())
    assert "limits: {rps: 7, burst: 7, " in (folder / "app.yml").read_text()
    for key in keys:
        assert runner.check(told(folder, key=key, value=7), None).state is HealthState.HEALTHY


def test_a_run_that_waits_too_long_for_another_is_refused(runner: ConfigFile, folder: Path) -> None:
    run = ContractRun()
    run.deadline = datetime.fromtimestamp(time.time() + 0.5, UTC)
    holder = os.open(folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(RunnerRefused, match="Another run is busy"):
        runner.start(told(folder), run)
    os.close(holder)
    assert (folder / "app.yml").read_text() == YAML


def test_a_run_whose_time_is_over_changes_nothing(
    runner: ConfigFile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before = ContractRun(), seen(folder)
    read = Place.read

    def slowly(place: Place, name: str = "") -> Any:
        run.deadline = datetime.fromtimestamp(time.time() - 1, UTC)
        return read(place, name)

    monkeypatch.setattr(Place, "read", slowly)
    with pytest.raises(RunnerRefused, match="time for this run was over"):
        runner.start(told(folder), run)
    assert seen(folder) == before


# Undo


def test_undo_gives_back_the_very_bytes(runner: ConfigFile, folder: Path) -> None:
    before = seen(folder)
    for file in FILES:
        for key, value in ((["service", "level"], "debug"), (["service", "new"], [1]), (["top"], 1)):
            inputs = told(folder, file=file, key=key, value=value)
            receipt = runner.start(inputs, ContractRun())
            assert seen(folder) != before
            runner.undo(inputs, receipt, ContractRun())
            assert seen(folder) == before


@pytest.mark.parametrize("file", FILES)
def test_undo_leaves_what_others_changed_elsewhere(runner: ConfigFile, folder: Path, file: str) -> None:
    for key, value in ((["service", "level"], "debug"), (["service", "limits", "daily"], 7)):
        inputs = told(folder, file=file, key=key, value=value)
        receipt = runner.start(inputs, ContractRun())
        path = folder / file
        path.write_text(path.read_text().replace("100", "99"))
        runner.undo(inputs, receipt, ContractRun())
        assert path.read_text() == FILES[file].replace("100", "99")
        path.write_text(FILES[file])


@pytest.mark.parametrize("theirs", ["error", "null", "[debug]", "{debug: 1}"])
def test_undo_leaves_a_key_that_somebody_else_changed_and_says_what_is_there(
    runner: ConfigFile, folder: Path, theirs: str
) -> None:
    receipt = runner.start(told(folder), ContractRun())
    path = folder / "app.yml"
    path.write_text(YAML.replace("info ", f"{theirs} "))
    for given in (receipt, None):
        with pytest.raises(RunnerRefused, match=r"changed by somebody else: it is .* left as it is"):
            runner.undo(told(folder), given, ContractRun())
    assert path.read_text() == YAML.replace("info ", f"{theirs} ")
    assert runner.check(told(folder), receipt).state is HealthState.UNHEALTHY
    path.write_text(YAML)
    runner.undo(told(folder), receipt, ContractRun())
    assert set(seen(folder)) == set(FILES), "the note is gone too"


def test_true_is_not_one(runner: ConfigFile, folder: Path) -> None:
    receipt = runner.start(told(folder, value=1), ContractRun())
    path = folder / "app.yml"
    path.write_text(path.read_text().replace("level: 1", "level: true"))
    with pytest.raises(RunnerRefused, match="it is true, and was set to 1"):
        runner.undo(told(folder, value=1), receipt, ContractRun())


def test_undo_of_a_file_that_is_gone_says_so(runner: ConfigFile, folder: Path) -> None:
    receipt = runner.start(told(folder), ContractRun())
    (folder / "app.yml").unlink()
    for given in (receipt, None):
        with pytest.raises(RunnerUnsure, match="no such file"):
            runner.undo(told(folder), given, ContractRun())
    assert runner.check(told(folder), receipt).state is HealthState.UNKNOWN
    runner.undo(told(folder, file="never.yml"), None, ContractRun())


def test_a_receipt_that_lost_a_part_is_not_written_into_the_file(runner: ConfigFile, folder: Path) -> None:
    receipt = runner.start(told(folder), ContractRun())
    after = seen(folder)
    was = {**receipt.data["was"], "source": "•••"}
    with pytest.raises(RunnerUnsure, match="not whole any more"):
        runner.undo(told(folder), Receipt({**receipt.data, "was": was}), ContractRun())
    assert seen(folder) == after


def test_another_run_without_a_receipt_takes_nothing_back(runner: ConfigFile, folder: Path) -> None:
    change = ContractRun("jit-1-1")
    change.until = None
    runner.start(told(folder), change)
    after = seen(folder)
    runner.undo(told(folder), None, ContractRun("jit-2-1"))
    assert seen(folder) == after


def test_a_grant_that_joins_another_whose_receipt_was_lost_restores_what_was_before_both(
    runner: ConfigFile, folder: Path
) -> None:
    before = seen(folder)
    runner.start(told(folder), ContractRun("jit-1-1"))
    receipt = runner.start(told(folder), ContractRun("jit-2-1"))
    runner.undo(told(folder), receipt, ContractRun("jit-2-1"))
    assert seen(folder) == before


def test_two_keys_of_one_file_are_undone_in_any_order(runner: ConfigFile, folder: Path) -> None:
    before = seen(folder)
    one, other = told(folder), told(folder, key=["service", "limits", "rps"], value=5)
    assert runner.target(one) != runner.target(other)
    first, second = runner.start(one, ContractRun("jit-1-1")), runner.start(other, ContractRun("jit-2-1"))
    runner.undo(one, first, ContractRun("jit-1-1"))
    runner.undo(other, second, ContractRun("jit-2-1"))
    assert seen(folder) == before


UNCLOSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Files that were open when it was killed; a process that is gone has none."""


class Killed(BaseException):
    """What no handler catches, as a kill is not."""


@contextmanager
def killed_at(line: int) -> Iterator[list[int]]:
    """End the runner at its n-th line; yields how many lines were run."""
    ran = [0]

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if "config_file" not in frame.f_code.co_filename or "tests" in frame.f_code.co_filename:
            return None
        if event == "line":
            ran[0] += 1
            if ran[0] == line:
                raise Killed
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        yield ran
    finally:
        sys.settrace(old)


@UNCLOSED
def test_wherever_a_start_is_killed_it_is_told_and_undone(runner: ConfigFile, folder: Path) -> None:
    inputs, before = told(folder, file="app.json"), seen(folder)
    with killed_at(0) as ran:
        runner.start(inputs, ContractRun())
    after = (folder / "app.json").read_bytes()
    runner.undo(inputs, None, ContractRun())
    assert ran[0] > 200
    states = set()
    for line in range(1, ran[0] + 1):
        with pytest.raises(Killed), killed_at(line):
            runner.start(inputs, ContractRun())
        changed = (folder / "app.json").read_bytes() == after
        state = runner.check(inputs, None).state
        assert state is (HealthState.HEALTHY if changed else HealthState.ABSENT)
        states.add(state)
        runner.undo(inputs, None, ContractRun())
        assert seen(folder) == before, line
    assert len(states) == 2
    gc.collect()


@UNCLOSED
def test_wherever_an_undo_is_killed_a_second_one_ends_it(runner: ConfigFile, folder: Path) -> None:
    inputs, before = told(folder, file="app.json"), seen(folder)
    line, over = 0, False
    while not over:
        line += 1
        receipt = runner.start(inputs, ContractRun())
        try:
            with killed_at(line):
                runner.undo(inputs, receipt, ContractRun())
            over = True
        except Killed:
            runner.undo(inputs, receipt, ContractRun())
        assert seen(folder) == before, line
    assert line > 100
    gc.collect()


# In a git checkout


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=ann", "-c", "user.email=ann@acme.example", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def checkout(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "as it was")


def test_the_change_and_its_undo_are_commits_that_name_the_request(runner: ConfigFile, folder: Path) -> None:
    checkout(folder)
    inputs, run = told(folder, git=True), ContractRun("jit-12-1")
    assert runner.plan(inputs).summary.endswith(", and commit it.")
    (folder / "app.toml").write_text(TOML.replace("100", "7"))
    git(folder, "add", "app.toml")
    receipt = runner.start(inputs, run)
    assert git(folder, "show", "--format=%an: %B", "--name-only") == (
        "jitbot: Set /service/level in app.yml\n\nBy jitbot, for JIT-12 (run jit-12-1).\n\n\napp.yml"
    ), "and nothing else that was staged"
    runner.undo(inputs, receipt, run)
    runner.undo(inputs, receipt, run)
    assert git(folder, "log", "--format=%s").splitlines() == [
        "Restore /service/level in app.yml",
        "Set /service/level in app.yml",
        "as it was",
    ]
    assert git(folder, "diff", "HEAD~2", "--stat", "--", "app.yml") == ""


def test_what_others_have_not_committed_is_not_committed_for_them(runner: ConfigFile, folder: Path) -> None:
    with pytest.raises(RunnerRefused, match="in no git checkout"):
        runner.plan(told(folder, git=True))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "empty")
    with pytest.raises(RunnerRefused, match="git does not know it"):
        runner.plan(told(folder, git=True))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "as it was")
    theirs = YAML.replace("ann", "bo")
    (folder / "app.yml").write_text(theirs)
    for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
        with pytest.raises(RunnerRefused, match="nobody has committed"):
            step(told(folder, git=True))
    assert (folder / "app.yml").read_text() == theirs
    (folder / "app.yml").write_text(YAML)
    receipt = runner.start(told(folder, git=True), ContractRun())
    (folder / "app.yml").write_text((folder / "app.yml").read_text().replace("ann", "bo"))
    runner.undo(told(folder, git=True), receipt, ContractRun())
    assert (folder / "app.yml").read_text() == theirs
    assert git(folder, "log", "--format=%s").count("Restore") == 0


def test_a_commit_that_fails_takes_the_change_back(runner: ConfigFile, folder: Path) -> None:
    checkout(folder)
    before = seen(folder)
    (folder / ".git" / "index.lock").touch()
    with pytest.raises(RunnerRefused, match=r"git does not commit app.yml.*as it was"):
        runner.start(told(folder, git=True), ContractRun())
    assert seen(folder) == before


def test_hooks_of_the_checkout_are_not_run(runner: ConfigFile, folder: Path, tmp_path: Path) -> None:
    checkout(folder)
    for name in ("pre-commit", "commit-msg", "post-commit", "prepare-commit-msg"):
        hook = folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    runner.start(told(folder, git=True), ContractRun())
    assert git(folder, "log", "--format=%s", "-1") == "Set /service/level in app.yml"
    assert not (tmp_path / "ran").exists()


def test_a_run_that_is_stopped_while_it_waits_for_another_changes_nothing(runner: ConfigFile, folder: Path) -> None:
    holder = os.open(folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(RunnerRefused, match="stopped by hand before it began"):
        runner.start(told(folder), ContractRun(stopped=2))
    os.close(holder)
    assert (folder / "app.yml").read_text() == YAML
