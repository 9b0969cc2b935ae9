"""Jira Service Management's operations API, and the part of Jira that knows people, as far as they are asked."""

from base64 import b64encode

from tests.vendors.alerts import Alert
from tests.vendors.server import Asked, Reply, Vendor, page

SECRET = "bot@example.com:ATATT3xFfGF0"
CLOUD = "cloud-1234"


class Jsm(Vendor):
    """Names people by account ids; Jira hides the addresses of those who want it so."""

    def __init__(self) -> None:
        super().__init__()
        self.on_call = ["acc:1"]
        self.emails: dict[str, str | None] = {"acc:1": "ann@example.com", "acc:2": "bo@example.com"}
        self.alerts: list[Alert] = []
        self.shows_links = True

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Basic {b64encode(SECRET.encode()).decode()}":
            return Reply({"code": 401, "message": "Unauthorized"}, 401)
        if asked.path == f"/{CLOUD}/v1/schedules/sched-1/on-calls":
            assert asked.one("date") == "2026-11-25T10:00:00Z"
            if asked.one("flat") == "true":
                return Reply({"onCallUsers": self.on_call})
            return Reply({"onCallParticipants": [{"id": each, "type": "user"} for each in self.on_call]})
        if asked.path == "/rest/api/3/user/bulk":
            return self._users(asked)
        if asked.path == f"/{CLOUD}/v1/alerts":
            return self._alerts(asked)
        return Reply({"errors": [{"title": "Not found", "code": "NOT_FOUND"}]}, 404)

    def _users(self, asked: Asked) -> Reply:
        known = [each for each in asked.query["accountId"] if each in self.emails]
        some = known[: min(int(asked.one("maxResults", "10")), 200)]
        users = [
            {"accountId": each, "displayName": each, "active": True}
            | ({"emailAddress": self.emails[each]} if self.emails[each] else {})
            for each in some
        ]
        return Reply({"values": users, "maxResults": len(some), "startAt": 0, "total": len(known), "isLast": True})

    def _alerts(self, asked: Asked) -> Reply:
        found = [(number, each) for number, each in enumerate(self.alerts) if each.matches(asked.one("query"))]
        some, more = page(found, asked, "size", 100)
        values = [{"id": f"alert-{number}", "status": each.status, "count": 7} for number, each in some]
        links = {"links": {"next": "/v1/alerts?offset=100&size=100"} if more and self.shows_links else {}}
        return Reply({"values": values, **links, "count": len(found)})
