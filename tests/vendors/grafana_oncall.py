"""Grafana OnCall's API, as far as it is asked; pages hold two."""

from typing import Any

from tests.vendors.server import Asked, Reply, Vendor

TOKEN = "oncall-token-1234"
STACK = "https://acme.grafana.net"


class GrafanaOnCall(Vendor):
    """Links to next pages name the host by which it knows itself, which is not the one that it is asked by."""

    def __init__(self, cloud: bool = False) -> None:
        super().__init__()
        self.cloud = cloud
        self.shifts: list[dict[str, Any]] = []
        self.groups: list[dict[str, str]] = []

    def shift(self, email: str, start: str, end: str) -> None:
        who = f"U{email.split('@')[0].upper()}"
        row = {"user_pk": who, "user_email": email, "user_username": who, "shift_start": start, "shift_end": end}
        self.shifts.append(row)

    def group(self, number: int, state: str, integration: str = "CINT1") -> None:
        self.groups.append({"id": f"I{number}", "state": state, "integration_id": integration})

    def reply(self, asked: Asked) -> Reply:
        wanted = (
            {"authorization": f"Bearer {TOKEN}", "x-grafana-url": STACK} if self.cloud else {"authorization": TOKEN}
        )
        if any(asked.headers.get(name) != value for name, value in wanted.items()):
            return Reply({"detail": "Invalid token."}, 403)
        if asked.path == "/oncall/api/v1/schedules/SBM7/final_shifts/":
            first, last = asked.one("start_date"), asked.one("end_date")
            rows = [
                each for each in self.shifts if first <= each["shift_end"][:10] and each["shift_start"][:10] <= last
            ]
            return self._listed(rows, asked)
        if asked.path == "/oncall/api/v1/alert_groups/":
            filters = {name: asked.one(name) for name in ("integration_id", "state")}
            return self._listed([each for each in self.groups if filters.items() <= each.items()], asked)
        if asked.path in ("/oncall/api/v1/integrations/CINT1/", "/oncall/api/v1/integrations/CINT2/"):
            return Reply({"id": asked.path.split("/")[-2]})
        return Reply({"detail": "Not found."}, 404)

    def _listed(self, rows: list[Any], asked: Asked) -> Reply:
        page = int(asked.one("page", "1"))
        more = len(rows) > page * 2
        following = f"http://engine.internal/api/v1/elsewhere/?page={page + 1}" if more else None
        return Reply(
            {
                "count": len(rows),
                "next": following,
                "previous": None,
                "results": rows[page * 2 - 2 : page * 2],
                "current_page_number": page,
                "page_size": 2,
                "total_pages": (len(rows) + 1) // 2,
            }
        )
