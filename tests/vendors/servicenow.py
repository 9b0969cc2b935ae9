"""ServiceNow's Table API, as far as it is asked; what it does not understand of a query it leaves out."""

from base64 import b64encode
from typing import Any

from tests.vendors.server import Asked, Reply, Vendor

BASIC = "jitbot:correct horse"
TOKEN = "oauth-token-1234"
CREDENTIALS = {f"Basic {b64encode(BASIC.encode()).decode()}", f"Bearer {TOKEN}"}
FIELDS = {"number", "state", "approval", "cmdb_ci", "business_service", "short_description", "start_date", "end_date"}
REFERRED = {"cmdb_ci.name": "cmdb_ci"}


class ServiceNow(Vendor):
    """Holds change requests; `hidden` are those that the account may not read."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[dict[str, tuple[str, str]]] = []
        self.hidden: set[str] = set()
        self.old = False

    def change(self, number: str, **fields: tuple[str, str]) -> None:
        """Add one; each field is what is shown and what is stored."""
        usual = dict.fromkeys(FIELDS, ("", "")) | {"number": (number, number), "state": ("Implement", "-1")}
        self.changes.append(usual | fields)

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") not in CREDENTIALS:
            error = {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}
            return Reply({"error": error, "status": "failure"}, 401)
        if asked.path != "/api/now/table/change_request":
            return Reply({"error": {"message": "Invalid table", "detail": None}, "status": "failure"}, 400)
        found = [each for each in self.changes if self._matches(each, asked.one("sysparm_query"))]
        if not found and self.old:
            error = {
                "message": "No Record found",
                "detail": "Record doesn't exist or ACL restricts the record retrieval",
            }
            return Reply({"error": error, "status": "failure"}, 404)
        shown = [each for each in found if each["number"][1] not in self.hidden][: int(asked.one("sysparm_limit"))]
        fields = [name for name in asked.one("sysparm_fields").split(",") if name in FIELDS | REFERRED.keys()]
        assert asked.one("sysparm_display_value") == "all"
        rows = [{name: _both(each[REFERRED.get(name, name)]) for name in fields} for each in shown]
        return Reply({"result": rows}, headers={"X-Total-Count": str(len(found))})

    def _matches(self, change: dict[str, tuple[str, str]], query: str) -> bool:
        parts = [part.partition("=") for part in query.split("^")]
        return all(change[name][1] == value for name, sign, value in parts if sign and name in FIELDS)


def _both(value: tuple[str, str]) -> dict[str, Any]:
    return {"display_value": value[0], "value": value[1]}
