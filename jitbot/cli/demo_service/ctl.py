"""Steers the little service from a command line: what the demo's policies give to the command runner.

Exit codes: 0 done (or healthy), 1 unhealthy, 2 wrong usage, 3 refused and nothing happened, 4 not there, 5 unsure.
The supervisor is found by the variable DEMO_SERVICE_URL. Under a run (JITBOT_RUN_KEY) every change is made once.
"""

import argparse
import http.client
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

DEFAULT_URL = "http://127.0.0.1:8031"
DONE, UNHEALTHY, REFUSED, ABSENT, UNSURE = 0, 1, 3, 4, 5
WAIT_SECONDS = 30


class _Ended(Exception):
    """The end, with an exit code and what to say."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(words: Sequence[str] | None = None) -> int:
    told = _parser().parse_args(words)
    try:
        _STEPS[told.step](told)
    except _Ended as end:
        _say(str(end))
        return end.code
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ctl", description="Steer the demo's checkout service.")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("restart", help="end the process and start another")
    steps.add_parser("rollback", help="go back to the release before this one")
    forward = steps.add_parser("roll-forward", help="go to a release; without one, take this run's rollback back")
    forward.add_argument("release", type=int, nargs="?")
    grant = steps.add_parser("grant", help="make somebody admin")
    grant.add_argument("user")
    grant.add_argument("--seconds", type=int, help="for so long; until revoked if left out")
    steps.add_parser("revoke", help="make somebody no admin").add_argument("user")
    steps.add_parser("fail", help="make checkout fail, so that there is something to do")
    steps.add_parser("status", help="tell how checkout stands").add_argument("--admin", metavar="USER")
    plan = steps.add_parser("plan", help="tell what a step would do")
    plan.add_argument("what", choices=["restart", "rollback", "roll-forward", "grant"])
    plan.add_argument("of", nargs="?", default="")
    return parser


def _restart(told: argparse.Namespace) -> None:
    _say("asking the supervisor to restart checkout")
    answer = _ask("POST", "/restart", once=True)
    _say(f"process {answer['was']} ended, process {answer['now']} serves")
    _receipt(answer)


def _rollback(told: argparse.Namespace) -> None:
    previous = _ask("GET", "/state")["previous"]
    done = _done_before()
    if previous is None and done is None:
        raise _Ended(REFUSED, "there is no release before this one")
    answer = done or _to_release(previous, once=True)
    _receipt(answer)


def _roll_forward(told: argparse.Namespace) -> None:
    if told.release is not None:
        _receipt(_to_release(told.release, once=False))
        return
    rolled_back = _given_receipt() or _done_before()
    if not rolled_back:
        _say("nothing was rolled back, so there is nothing to take back")
    elif _ask("GET", "/state")["release"] != rolled_back["now"]:
        _say(f"checkout does not run release {rolled_back['now']} any more; it is left as it is")
    else:
        _to_release(rolled_back["was"], once=False)


def _grant(told: argparse.Namespace) -> None:
    body = {} if told.seconds is None else {"seconds": told.seconds}
    answer = _ask("PUT", f"/admins/{quote(told.user, safe='')}", body, once=True)
    _say(f"{answer['user']} is admin until {answer['until'] or 'revoked'}")
    _receipt(answer)


def _revoke(told: argparse.Namespace) -> None:
    _ask("DELETE", f"/admins/{quote(told.user, safe='')}")
    _say(f"{told.user} is no admin")


def _fail(told: argparse.Namespace) -> None:
    _ask("POST", "/fail")
    _say("checkout fails until it is restarted or replaced")


def _status(told: argparse.Namespace) -> None:
    state = _ask("GET", "/state")
    if told.admin is not None:
        if told.admin not in state["admins"]:
            raise _Ended(ABSENT, f"{told.admin} is no admin")
        _say(f"{told.admin} is admin until {state['admins'][told.admin] or 'revoked'}")
        return
    _say(f"checkout is {state['health']}: process {state['pid']}, release {state['release']}")
    if state["health"] != "healthy":
        raise _Ended(UNHEALTHY, "a restart or another release would help")


def _plan(told: argparse.Namespace) -> None:
    state = _ask("GET", "/state")
    if told.what == "rollback" and state["previous"] is None:
        raise _Ended(REFUSED, f"There is no release before {state['release']}.")
    _say(
        {
            "restart": f"Restart checkout, which runs release {state['release']}.",
            "rollback": f"Roll checkout back from release {state['release']} to {state['previous']}.",
            "roll-forward": f"Take checkout from release {state['release']} to {told.of}.",
            "grant": f"Make {told.of} admin of checkout.",
        }[told.what]
    )


_STEPS = {
    "restart": _restart,
    "rollback": _rollback,
    "roll-forward": _roll_forward,
    "grant": _grant,
    "revoke": _revoke,
    "fail": _fail,
    "status": _status,
    "plan": _plan,
}


def _to_release(release: int, once: bool) -> dict[str, Any]:
    _say(f"asking the supervisor for release {release}")
    answer = _ask("POST", f"/releases/{release}", once=once)
    _say(f"release {answer['was']} replaced by {answer['now']}")
    return answer


def _done_before() -> dict[str, Any] | None:
    """Return what this run's key did already, if anything."""
    key = os.environ.get("JITBOT_RUN_KEY", "")
    try:
        return _ask("GET", f"/runs/{quote(key, safe='')}") if key else None
    except _Ended as end:
        if end.code == REFUSED:
            return None
        raise


def _given_receipt() -> dict[str, Any]:
    receipt: dict[str, Any] = json.loads(os.environ.get("JITBOT_RECEIPT", "{}"))
    return receipt


def _ask(method: str, path: str, body: Mapping[str, Any] | None = None, once: bool = False) -> dict[str, Any]:
    """Ask the supervisor, under this run's key if it is to happen once. Raises: _Ended."""
    address = urlsplit(os.environ.get("DEMO_SERVICE_URL", DEFAULT_URL))
    headers = {"Content-Type": "application/json"}
    if once and "JITBOT_RUN_KEY" in os.environ:
        headers["Idempotency-Key"] = os.environ["JITBOT_RUN_KEY"]
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=WAIT_SECONDS)
    try:
        connection.connect()
    except OSError as error:
        raise _Ended(REFUSED, f"the supervisor cannot be reached at {address.geturl()}: {error}") from error
    try:
        connection.request(method, path, json.dumps(body or {}) if method == "PUT" else None, headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Ended(UNSURE, f"the supervisor gave no answer: {error}") from error
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise _Ended(REFUSED, f"the supervisor refused: {told['error']}")
    return told


def _receipt(answer: Mapping[str, Any]) -> None:
    _say("::receipt " + json.dumps(answer))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
