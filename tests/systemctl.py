"""A stand-in for systemctl, where there is no systemd: units are files, and `show` answers as the real one does.

A unit is a file of `Name=Value` lines below `$JITBOT_UNITS`. Every process of a unit is only a number here. These keys
steer it: `X-Fails` (a start ends in `failed`), `X-Denied` (the caller may not), `X-Hangs` (seconds before anything is
done), `X-Slow` (how often `show` still says that it is changing).
"""

import os
import sys
import time
import uuid
from pathlib import Path

FOLDER = Path(os.environ["JITBOT_UNITS"])
NEW = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "success", "MainPID": "0",
       "Type": "simple", "RemainAfterExit": "no", "NeedDaemonReload": "no", "InvocationID": "",
       "ActiveEnterTimestamp": "", "InactiveEnterTimestamp": "", "StateChangeTimestampMonotonic": "0"}  # fmt: skip


def read(unit: str) -> dict[str, str]:
    file = FOLDER / unit
    if not file.exists():
        return {"Id": unit, **NEW, "LoadState": "not-found"}
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def write(unit: str, state: dict[str, str]) -> None:
    draft = FOLDER / f".{unit}"
    draft.write_text("".join(f"{name}={value}\n" for name, value in state.items()))
    draft.replace(FOLDER / unit)


def stamp() -> dict[str, str]:
    return {"StateChangeTimestampMonotonic": str(time.monotonic_ns() // 1000)}


def now() -> str:
    return time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime())


def begin(state: dict[str, str]) -> dict[str, str]:
    if state.get("X-Fails"):
        return {**state, **end(state), "ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
    pid = str(int(state.get("X-LastPID", "800")) + 12)
    run = {"MainPID": pid, "X-LastPID": pid, "InvocationID": uuid.uuid4().hex, "ActiveEnterTimestamp": now()}
    return {**state, "ActiveState": "active", "SubState": "running", "Result": "success", **run, **stamp()}


def end(state: dict[str, str]) -> dict[str, str]:
    stopped = {"ActiveState": "inactive", "SubState": "dead", "MainPID": "0", "InactiveEnterTimestamp": now()}
    return {**state, **stopped, **stamp()}


def show(unit: str, names: str) -> int:
    state = read(unit)
    left = int(state.get("X-Slow") or 0)
    if left and state.get("X-Asked"):
        write(unit, {**state, "X-Slow": str(left - 1)})
        state = {**state, "ActiveState": "activating", "SubState": "start"}
    for name in state:  # in its own order, and what is empty only where it is a text that can be
        if name in names.split(",") and (state[name] or name.endswith("Timestamp")):
            sys.stdout.write(f"{name}={state[name]}\n")
    return 0


def change(verb: str, unit: str) -> int:
    state = read(unit)
    with (FOLDER.parent / "calls").open("a") as log:
        log.write(f"{verb} {unit}\n")
    if state["LoadState"] == "not-found":
        sys.stderr.write(f"Failed to {verb} {unit}: Unit {unit} not found.\n")
        return 5
    if state.get("X-Denied"):
        sys.stderr.write(f"Failed to {verb} {unit}: Interactive authentication required.\n")
        return 1
    if state.get("X-Hangs"):
        time.sleep(float(state["X-Hangs"]))
    state["X-Asked"] = "yes"
    up = state["ActiveState"] == "active"
    if verb == "stop":
        state = state if state["ActiveState"] == "inactive" else end(state)
    elif verb == "restart" or not up:
        state = begin(state)
    write(unit, state)
    if state["ActiveState"] == "failed":
        sys.stderr.write(f"Job for {unit} failed because the control process exited with error code.\n")
        return 1
    return 0


def main(words: list[str]) -> int:
    if words[0] == "--stand-in-add":
        more = dict(word.split("=", 1) for word in words[2:])
        state = {"Id": words[1], **NEW}
        write(words[1], {**(begin(state) if more.get("ActiveState") == "active" else state), **more})
        return 0
    words = [word for word in words if word != "--no-ask-password"]
    verb, *options, dashes, unit = words
    assert dashes == "--", words
    if verb == "show":
        return show(unit, options[0].removeprefix("--property="))
    assert verb in ("start", "stop", "restart"), words
    return change(verb, unit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
