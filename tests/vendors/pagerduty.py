"""PagerDuty's REST API v2, as far as it is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.vendors.server import AT, Asked, Reply, Vendor, page

TOKEN = "pd-token-y_NbAkKc66ryYTWUXYEu"  # pragma: allowlist secret


@dataclass(frozen=True)
class Shift:
    email: str | None
    schedule: str = "PSCHED1"
    policy: str = "PPOLICY"
    level: int = 1
    start: str | None = None
    end: str | None = None

    def document(self, with_user: bool) -> dict[str, Any]:
        who = f"P{(self.email or 'nobody').split('@')[0].upper()}"
        user: dict[str, Any] = {"id": who, "type": "user" if with_user else "user_reference", "summary": who}
        return {
            "escalation_policy": {"id": self.policy, "type": "escalation_policy_reference"},
            "escalation_level": self.level,
            "schedule": {"id": self.schedule, "type": "schedule_reference"},
            "user": user | ({"email": self.email} if with_user and self.email else {}),
            "start": self.start,
            "end": self.end,
        }


class PagerDuty(Vendor):
    """Filters by ids without telling whether they exist; without `date_range=all` only a month is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.known = {"/schedules/PSCHED1", "/schedules/PSCHED2", "/escalation_policies/PPOLICY", "/services/PSERVICE"}
        self.shifts: list[Shift] = []
        self.incidents: list[dict[str, Any]] = []

    def incident(self, number: int, status: str = "triggered", urgency: str = "high", days: int = 0) -> None:
        self.incidents.append(
            {
                "id": f"Q{number}",
                "incident_number": number,
                "status": status,
                "urgency": urgency,
                "service": {"id": "PSERVICE"},
                "created_at": (AT - timedelta(days=days)).isoformat(),
            }
        )

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Token token={TOKEN}":
            return Reply({"error": {"message": "Unauthorized", "code": 2006}}, 401)
        assert asked.headers["accept"] == "application/vnd.pagerduty+json;version=2"
        if asked.path == "/oncalls":
            return self._listed("oncalls", self._oncalls(asked), asked)
        if asked.path == "/incidents":
            return self._listed("incidents", self._incidents(asked), asked)
        if asked.path in self.known:
            return Reply({"ok": True})
        return Reply({"error": {"message": "Not Found", "code": 2100}}, 404)

    def _listed(self, name: str, rows: list[dict[str, Any]], asked: Asked) -> Reply:
        some, more = page(rows, asked, "limit", 100)
        limit, offset = int(asked.one("limit")), int(asked.one("offset"))
        return Reply({name: some, "limit": limit, "offset": offset, "more": more, "total": None})

    def _oncalls(self, asked: Asked) -> list[dict[str, Any]]:
        since, until = (datetime.fromisoformat(asked.one(name)) for name in ("since", "until"))
        assert since < until
        schedules, policies = asked.query.get("schedule_ids[]"), asked.query.get("escalation_policy_ids[]")
        return [
            each.document("users" in asked.query.get("include[]", []))
            for each in self.shifts
            if (schedules is None or each.schedule in schedules)
            and (policies is None or each.policy in policies)
            and (each.start is None or datetime.fromisoformat(each.start) <= until)
            and (each.end is None or datetime.fromisoformat(each.end) >= since)
        ]

    def _incidents(self, asked: Asked) -> list[dict[str, Any]]:
        since = AT - timedelta(days=10_000 if asked.one("date_range") == "all" else 30)
        return [
            each
            for each in self.incidents
            if each["service"]["id"] in asked.query["service_ids[]"]
            and each["status"] in asked.query["statuses[]"]
            and each["urgency"] in asked.query.get("urgencies[]", ["high", "low"])
            and datetime.fromisoformat(each["created_at"]) >= since
        ]
