"""Opsgenie's API, as far as it is asked."""

from datetime import datetime
from urllib.parse import unquote

from tests.vendors.alerts import Alert
from tests.vendors.server import Asked, Reply, Vendor

KEY = "0e7c7a1f-genie-key"


class Opsgenie(Vendor):
    """One schedule, asked for by id or by name; who is on call changes at an instant."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = ["ann@example.com"], ["bo@example.com", "cy@example.com"]
        self.change_at = "2026-11-25T11:00:00+01:00"
        self.alerts: list[Alert] = []

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"GenieKey {KEY}":
            return Reply({"message": "Could not authenticate", "took": 0.1, "requestId": "1"}, 401)
        name = {"id": "d875-sched", "name": "Payments / primary"}[asked.one("scheduleIdentifierType", "id")]
        if asked.path.startswith("/v2/schedules/") and unquote(asked.path) == f"/v2/schedules/{name}/on-calls":
            return Reply({"data": self._on_calls(asked), "took": 0.0, "requestId": "1"})
        if asked.path == "/v2/alerts/count":
            count = sum(each.matches(asked.one("query")) for each in self.alerts)
            return Reply({"data": {"count": count}, "took": 0.0, "requestId": "1"})
        return Reply({"message": "Schedule could not be found", "took": 0.0, "requestId": "1"}, 404)

    def _on_calls(self, asked: Asked) -> dict[str, object]:
        parent = {"_parent": {"id": "d875-sched", "name": "Payments / primary", "enabled": True}}
        now = datetime.strptime(asked.one("date"), "%Y-%m-%dT%H:%M:%S%z")
        names = self.before if now < datetime.fromisoformat(self.change_at) else self.after
        if asked.one("flat", "false") == "true":
            return parent | {"onCallRecipients": names}
        return parent | {"onCallParticipants": [{"id": "u", "name": name, "type": "user"} for name in names]}
