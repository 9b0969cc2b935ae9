"""The published contract suite, passed by the sources that ask vendors, against answers as vendors document them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from jitbot.facts.vendors import grafana_oncall, jsm, opsgenie, pagerduty
from jitbot.facts.vendors.jira import IssueSource
from jitbot.facts.vendors.servicenow import ChangeSource
from jitbot.testing import FarSide, HttpSourceContract


class VendorContract(HttpSourceContract):
    """What a vendor's suite is told: the source, its arguments without an address, and what is said to them."""

    source_of: ClassVar[Callable[..., Any]]
    given: ClassVar[Mapping[str, Any]]
    says: ClassVar[Mapping[str, Any]]
    broken: ClassVar[Sequence[Mapping[str, Any]]]
    comes_to: ClassVar[Any]
    addresses: ClassVar[Sequence[str]] = ("url",)

    @pytest.fixture
    def make(self) -> Callable[..., Any]:
        source_of = type(self).source_of
        return lambda site: source_of(site=site)

    @pytest.fixture
    def arguments(self, far: FarSide) -> Mapping[str, Any]:
        for path, answer in self.says.items():
            far.say(path, answer)
        return {**self.given, **dict.fromkeys(self.addresses, far.url)}

    @pytest.fixture
    def broken_arguments(self, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [{**arguments, **wrong} for wrong in self.broken]

    @pytest.fixture
    def expected(self) -> Any:
        return self.comes_to


class TestPagerDutyOnCall(VendorContract):
    secrets: ClassVar = {"pagerduty": "pd-token-1234"}
    source_of = pagerduty.on_call
    given: ClassVar = {"schedule": "PI7DH85", "level": [1, 2]}
    says: ClassVar = {
        "/oncalls": {
            "oncalls": [
                {
                    "user": {"id": "PT23IWX", "type": "user", "summary": "Tim", "email": "tim@acme.example"},
                    "schedule": {"id": "PI7DH85", "type": "schedule_reference"},
                    "escalation_policy": {"id": "PT20YPA", "type": "escalation_policy_reference"},
                    "escalation_level": 2,
                    "start": "2026-11-25T05:00:00-05:00",
                    "end": "2026-11-26T05:00:00-05:00",
                }
            ],
            "limit": 100,
            "offset": 0,
            "more": False,
            "total": None,
        }
    }
    broken: ClassVar = [{"schedule": []}, {"schedule": "a/b"}, {"level": 0}, {"url": "ftp://a"}, {"secret": "a b"}]
    comes_to = frozenset({"tim@acme.example"})


class TestPagerDutyOpenIncidents(VendorContract):
    secrets: ClassVar = {"pagerduty": "pd-token-1234"}
    source_of = pagerduty.open_incidents
    given: ClassVar = {"service": ["PIJ90N7", "PIJ90N8"], "urgency": "high"}
    says: ClassVar = {
        "/incidents": {
            "incidents": [
                {"id": "PT4KHLK", "incident_number": 1234, "status": "acknowledged"},
                {"id": "PT4KHLL", "incident_number": 1235, "status": "triggered"},
            ],
            "more": False,
        }
    }
    broken: ClassVar = [{"service": []}, {"urgency": "medium"}, {"status": "resolved"}, {"status": []}]
    comes_to = 2


class TestOpsgenieOnCall(VendorContract):
    secrets: ClassVar = {"opsgenie": "genie-key-1234"}
    source_of = opsgenie.on_call
    given: ClassVar = {"schedule": "d875-sched"}
    says: ClassVar = {
        "/v2/schedules/d875-sched/on-calls": {
            "data": {"_parent": {"id": "d875", "enabled": True}, "onCallRecipients": ["ann@acme.example"]},
            "took": 0.1,
            "requestId": "1",
        }
    }
    broken: ClassVar = [{"schedule": ""}, {"schedule": "a\nb"}, {"by": "tinyId"}]
    comes_to = frozenset({"ann@acme.example"})


class TestOpsgenieOpenAlerts(VendorContract):
    secrets: ClassVar = {"opsgenie": "genie-key-1234"}
    source_of = opsgenie.open_alerts
    given: ClassVar = {"tag": "api", "priority": ["P1", "P2"]}
    says: ClassVar = {"/v2/alerts/count": {"data": {"count": 4}, "took": 0.1, "requestId": "1"}}
    broken: ClassVar = [{"tag": 'a" OR status: "closed'}, {"tag": ""}, {"priority": "P6"}]
    comes_to = 4


class TestJsmOnCall(VendorContract):
    secrets: ClassVar = {"jira": "bot@acme.example:token-1234"}
    source_of = jsm.on_call
    given: ClassVar = {"cloud": "c1", "schedule": "s1"}
    addresses: ClassVar = ("url", "site")
    says: ClassVar = {
        "/c1/v1/schedules/s1/on-calls": {"onCallUsers": ["5b10a2844c20165700ede21g"]},
        "/rest/api/3/user/bulk": {
            "values": [{"accountId": "5b10a2844c20165700ede21g", "emailAddress": "mia@acme.example", "active": True}],
            "isLast": True,
        },
    }
    broken: ClassVar = [{"cloud": "a/../b"}, {"schedule": "a?b"}, {"site": "https://a.example/?b"}]
    comes_to = frozenset({"mia@acme.example"})


class TestJsmOpenAlerts(VendorContract):
    secrets: ClassVar = {"jira": "bot@acme.example:token-1234"}
    source_of = jsm.open_alerts
    given: ClassVar = {"cloud": "c1", "team": "payments"}
    says: ClassVar = {"/c1/v1/alerts": {"values": [{"id": "a"}, {"id": "b"}], "links": {}, "count": 2}}
    broken: ClassVar = [{"cloud": ""}, {"team": "a\\"}]
    comes_to = 2


class TestGrafanaOnCall(VendorContract):
    secrets: ClassVar = {"grafana-oncall": "oncall-token-1234"}
    source_of = grafana_oncall.on_call
    given: ClassVar = {"schedule": "SBM7DV7BKFUYU"}
    says: ClassVar = {
        "/api/v1/schedules/SBM7DV7BKFUYU/final_shifts/": {
            "count": 1,
            "next": None,
            "previous": None,
            "results": [
                {
                    "user_pk": "UC2CHRT5SD34X",
                    "user_email": "alice@example.com",
                    "user_username": "alice",
                    "shift_start": "2026-11-25T09:00:00Z",
                    "shift_end": "2026-11-25T17:00:00Z",
                }
            ],
        }
    }
    broken: ClassVar = [{"schedule": "a b"}, {"grafana": "acme.grafana.net"}]
    comes_to = frozenset({"alice@example.com"})


class TestGrafanaAlertGroups(VendorContract):
    secrets: ClassVar = {"grafana-oncall": "oncall-token-1234"}
    source_of = grafana_oncall.open_alert_groups
    given: ClassVar = {"integration": "CFRPV98RPR1U8", "state": "new"}
    says: ClassVar = {"/api/v1/alert_groups/": {"count": 1, "next": None, "results": [{"id": "I68T24C13IFW1"}]}}
    broken: ClassVar = [{"integration": []}, {"state": "resolved"}]
    comes_to = 1


ISSUE = {"key": "OPS-7", "fields": {"status": {"name": "Approved"}, "summary": "Restart api", "labels": []}}


class TestJiraIssue(VendorContract):
    secrets: ClassVar = {"jira": "bot@acme.example:token-1234"}
    source_of = IssueSource
    given: ClassVar = {
        "in": "OPS-7: stuck",
        "find": "OPS-[0-9]+",
        "status": "Approved",
        "names": "api",
        "named_in": ["summary", "labels"],
    }
    says: ClassVar = {"/rest/api/3/issue/OPS-7": ISSUE}
    broken: ClassVar = [{"find": "("}, {"find": ""}, {"as": "text"}, {"as": "people"}, {"window": {"from": "a"}}]
    comes_to = True


class TestServiceNowChange(VendorContract):
    secrets: ClassVar = {"servicenow": "jitbot:correct horse"}
    source_of = ChangeSource
    given: ClassVar = {"in": "CHG0030192", "status": ["Implement"], "fields": {"approval": "approved"}}
    says: ClassVar = {
        "/api/now/table/change_request": {
            "result": [
                {
                    "number": {"display_value": "CHG0030192", "value": "CHG0030192"},
                    "state": {"display_value": "Implement", "value": "-1"},
                    "approval": {"display_value": "Approved", "value": "approved"},
                }
            ]
        }
    }
    broken: ClassVar = [{"table": "sys_user?x"}, {"fields": {"a^b": "c"}}, {"names": ""}, {"auth": "digest"}]
    comes_to = True
