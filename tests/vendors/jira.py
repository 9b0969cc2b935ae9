"""Jira's API for one issue, in both editions; who is not signed in is told that nothing is there."""

from base64 import b64encode
from typing import Any
from urllib.parse import unquote

from tests.vendors.server import Asked, Reply, Vendor

CLOUD = "bot@example.com:ATATT3xFfGF0"
TOKEN = "data-center-token"
MISSING = {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}


def status(name: str) -> dict[str, Any]:
    return {"name": name, "id": "3", "statusCategory": {"name": "In Progress", "key": "indeterminate"}}


class Jira(Vendor):
    """Keys are found in any case, and by old keys after a move."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, dict[str, Any]] = {}
        self.moved: dict[str, str] = {}
        self.expired = False

    def issue(self, key: str, state: str = "Approved", **fields: Any) -> None:
        self.issues[key] = {"status": status(state), "summary": "Restart it", "components": [], "labels": []} | fields

    def reply(self, asked: Asked) -> Reply:
        cloud = asked.path.startswith("/rest/api/3/issue/")
        known_as = self._signed_in(asked, cloud)
        if not cloud and not asked.path.startswith("/rest/api/2/issue/"):
            return Reply(b"<html>dead link</html>", 404, known_as)
        asked_for = unquote(asked.path.removeprefix("/rest/api/3/issue/").removeprefix("/rest/api/2/issue/")).upper()
        key = self.moved.get(asked_for, asked_for)
        if key not in self.issues or not known_as or known_as.get("X-AUSERNAME") == "anonymous":
            return Reply(MISSING, 404, known_as)
        fields = {name: value for name, value in self.issues[key].items() if name in asked.one("fields").split(",")}
        return Reply({"id": "10001", "key": key, "self": "", "fields": fields}, headers=known_as)

    def _signed_in(self, asked: Asked, cloud: bool) -> dict[str, str]:
        given = asked.headers.get("authorization")
        if cloud:
            good = given == f"Basic {b64encode(CLOUD.encode()).decode()}" and not self.expired
            return {"X-AACCOUNTID": "5b10ac8d82e05b22cc7d4ef5"} if good else {}
        return {"X-AUSERNAME": "bot" if given == f"Bearer {TOKEN}" and not self.expired else "anonymous"}
