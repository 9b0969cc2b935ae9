"""Files of secrets: as Docker and Kubernetes mount them, and not where others could read or change them."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.outbound.secrets.file import FileStore
from jitbot.outbound.secrets.private_file import MOST_BYTES, Refused, read_private

VALUE = "sesame-of-the-day"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir(mode=0o700)
    return made


def write(file: Path, content: str | bytes = VALUE, mode: int = 0o400) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)


def refused(folder: Path, name: str = "db") -> str:
    with pytest.raises(SecretUnavailable) as caught:
        FileStore(folder).read(name)
    assert VALUE not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a-b-c-d", "a-b-c-d"),
        ("a-b-c-d\n", "a-b-c-d"),
        ("a-b-c-d\r\n", "a-b-c-d"),
        ("line 1\nline 2\n\n", "line 1\nline 2\n"),
    ],
    ids=["bare", "a line", "a line of Windows", "lines"],
)
def test_a_secret_is_the_file_of_its_name_without_its_last_line_end(folder: Path, written: str, read: str) -> None:
    write(folder / "db", written)
    assert FileStore(folder).read("db") == read


def test_what_is_not_there_is_another_stores_to_answer(folder: Path) -> None:
    with pytest.raises(NotGranted, match="put it into the file db in") as caught:
        FileStore(folder).read("db")
    assert not isinstance(caught.value, SecretUnavailable)


def test_a_folder_that_is_not_there_says_nothing_of_its_secrets(tmp_path: Path) -> None:
    assert "is not there. Mount it" in refused(tmp_path / "nowhere")


def test_as_kubernetes_mounts_them_and_swaps_them(folder: Path) -> None:
    for number, value in enumerate(("old-value", "new-value"), start=1):
        (folder / f"..{number}").mkdir()
        write(folder / f"..{number}" / "db", value, 0o440)
    (folder / "..data").symlink_to("..1")
    (folder / "db").symlink_to("..data/db")
    store = FileStore(folder)
    assert store.read("db") == "old-value"
    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")
    assert store.read("db") == "new-value"


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    write(folder / "db")
    (tmp_path / "link").symlink_to(folder)
    assert FileStore(tmp_path / "link").read("db") == VALUE


@pytest.mark.parametrize("way", ["absolute", "relative", "by a folder", "to a sibling"])
def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path, way: str) -> None:
    outside = tmp_path / "secrets-of-others"
    outside.mkdir()
    write(outside / "db")
    match way:
        case "absolute":
            (folder / "db").symlink_to(outside / "db")
        case "relative":
            (folder / "db").symlink_to("../secrets-of-others/db")
        case "by a folder":
            (folder / "..data").symlink_to(outside)
            (folder / "db").symlink_to("..data/db")
        case _:
            (folder / "db").symlink_to(f"../{outside.name}/db")
    assert "leads out of the folder" in refused(folder)


def test_a_link_to_nothing_is_not_passed_over(folder: Path) -> None:
    (folder / "db").symlink_to("..data/db")
    assert "link to nothing" in refused(folder)


@pytest.mark.parametrize("mode", [0o404, 0o444, 0o644, 0o420, 0o402, 0o401, 0o666])
def test_a_file_that_others_reach_is_refused(folder: Path, mode: int) -> None:
    write(folder / "db", mode=mode)
    assert f"mode {mode:03o}" in refused(folder)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_of_ours_alone_and_of_our_group_is_read(folder: Path, mode: int) -> None:
    write(folder / "db", mode=mode)
    assert FileStore(folder).read("db") == VALUE


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_write_is_refused(folder: Path, mode: int) -> None:
    write(folder / "db")
    folder.chmod(mode)
    assert "others can write the folder" in refused(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(folder: Path) -> None:
    write(folder / "db")
    os.chown(folder / "db", 12345, -1)
    assert "belongs to another user" in refused(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_a_group_that_is_not_ours_is_refused(folder: Path) -> None:
    write(folder / "db", mode=0o440)
    os.chown(folder / "db", -1, 12345)
    assert "a group that jitbot is not in" in refused(folder)


def _pipe(file: Path) -> None:
    os.mkfifo(file, 0o600)


def _folder(file: Path) -> None:
    file.mkdir(mode=0o700)


@pytest.mark.parametrize("make", [_pipe, _folder])
def test_what_is_no_plain_file_is_refused_at_once(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "db")
    assert "no plain file" in refused(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"x" * (MOST_BYTES + 1), "longer than"),
    ],
    ids=["empty", "a line end", "bytes", "huge"],
)
def test_what_can_be_no_secret_is_not_passed_over(folder: Path, content: bytes, why: str) -> None:
    write(folder / "db", content)
    assert why in refused(folder)


def test_only_the_very_name_is_looked_for(folder: Path) -> None:
    write(folder / "DB")
    write(folder / "db.txt")
    write(folder / "db_")
    with pytest.raises(NotGranted):
        FileStore(folder).read("db")


def test_the_last_step_of_a_path_is_not_followed(folder: Path) -> None:
    write(folder / "db")
    (folder / "link").symlink_to("db")
    with pytest.raises(Refused, match="cannot be read"):
        read_private(folder / "link")


def test_a_token_that_kubernetes_mounts_for_all_to_read_may_be_used_but_not_one_for_all_to_write(folder: Path) -> None:
    write(folder / "token", mode=0o644)
    assert read_private(folder / "token", private=False) == VALUE
    (folder / "token").chmod(stat.S_IRUSR | stat.S_IWOTH)
    with pytest.raises(Refused):
        read_private(folder / "token", private=False)
