"""GitHub's REST API, as far as runners ask it: what may be seen, what is refused and how, and how things go on.

Nothing happens by time: each look at a workflow's run or at a deployment moves it on by one step of its script.
Shapes and statuses are those of https://docs.github.com/en/rest (version 2022-11-28).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.vendors.server import Asked, Reply, Vendor

TOKEN = "github_pat_11AAbbCCdd"  # pragma: allowlist secret
MAIN, BRANCH = "a" * 40, "b" * 40
NOT_FOUND = Reply({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}, 404)
DONE: Reply = Reply(b"", 204)
Script = Sequence[tuple[str, str | None]]
WELL: Script = (("queued", None), ("in_progress", None), ("completed", "success"))
BADLY: Script = (("queued", None), ("completed", "failure"))
FOR_EVER: Script = (("in_progress", None),)
LEVELS = ("pull", "triage", "push", "maintain", "admin")
ROLES = ("read", "triage", "write", "maintain", "admin")
WORKFLOW = """
name: Maintenance
run-name: "Maintenance (${{ inputs.jitbot }})"
on:
  workflow_dispatch:
    inputs:
      page: {type: string, required: true}
      jitbot: {type: string}
jobs: {}
"""


def refused(message: str, status: int) -> Reply:
    return Reply(
        {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}, status
    )


class GitHub(Vendor):
    """One repository `acme/shop`, one organisation `acme` with the team `payments`."""

    def __init__(self) -> None:
        super().__init__()
        self.app_key: RSAPublicKey | None = None
        self.fetched: dict[str, dict[str, Any]] = {}
        self.given_back: list[str] = []
        self.refs = {"main": MAIN, "v1": BRANCH}
        self.files = {"maintenance.yml": WORKFLOW}
        self.runs: list[dict[str, Any]] = []
        self.scripts: dict[int, list[tuple[str, str | None]]] = {}
        self.script: Script = WELL
        self.hidden = 0
        """So many listings do not show a new run yet."""
        self.details = "known"
        """`known`, `ignored` or `refused`: what becomes of `return_run_details`."""
        self.page_shown = "off"
        """What the workflow does: it sets this to its input `page`."""
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[str]] = {}
        self.deploy: Sequence[str] = ("in_progress", "success")
        self.coming: dict[int, list[str]] = {}
        self.people = {"ann": "member", "bo": "member", "olga": "admin"}
        self.team: dict[str, str] = {"bo": "member", "mia": "maintainer"}
        self.people["mia"] = "member"
        self.collaborators: dict[str, str] = {"bo": "write", "rita": "read"}
        self.base = "read"
        self.invitations: dict[str, str] = {}
        self.lose: tuple[str, bool] | None = None
        """A pattern of `METHOD path`, and whether what was asked happens before the line ends."""
        self.limits: list[Reply] = []
        """Answers that come first, in order, instead of what was asked for."""
        self.page_size = 100

    def reply(self, asked: Asked) -> Reply:
        if asked.headers.get("x-github-api-version") != "2022-11-28" or "user-agent" not in asked.headers:
            return refused("Request forbidden by administrative rules.", 403)
        if self.limits:
            return self.limits.pop(0)
        lost = self.lose and re.fullmatch(self.lose[0], f"{asked.method} {asked.path}")
        if lost and self.lose and not self.lose[1]:
            return Reply(lost=True)
        reply = self._known(asked)
        if lost:
            self.lose = None
            return Reply(lost=True)
        return reply

    # Who asks

    def _known(self, asked: Asked) -> Reply:
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if asked.path == "/app/installations/77/access_tokens":
            return self._installed(given, asked.document())
        allowed = self.fetched.get(given)
        if asked.path == "/installation/token" and allowed is not None:
            self.given_back.append(given)
            del self.fetched[given]
            return DONE
        if given != TOKEN and allowed is None:
            return refused("Bad credentials", 401)
        for need, method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, asked.path)
            if found and method == asked.method:
                if allowed is not None and not _enough(allowed["permissions"], need):
                    return refused("Resource not accessible by integration", 403)
                return answer(asked, *(unquote(part) for part in found.groups()))
        return NOT_FOUND

    def _installed(self, given: str, wanted: dict[str, Any]) -> Reply:
        if self.app_key is None:
            return refused("A JSON web token could not be decoded", 401)
        signed, _, signature = given.rpartition(".")
        try:
            self.app_key.verify(_plain(signature), signed.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return refused("A JSON web token could not be decoded", 401)
        claims = json.loads(_plain(signed.split(".")[1]))
        if claims["iss"] != "4711" or claims["exp"] - claims["iat"] > 600:
            return refused("'Expiration time' claim ('exp') is too far in the future", 401)
        if set(wanted.get("repositories", ())) - {"shop"}:
            return refused("There is at least one repository that does not exist or is not accessible", 422)
        token = f"ghs_{len(self.fetched) + len(self.given_back):036}"
        self.fetched[token] = wanted
        return Reply({"token": token, "expires_at": "2026-11-25T11:00:00Z", **wanted}, 201)

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Reply]]]:
        repo, team = "/repos/[aA]cme/shop", "/orgs/acme/teams/payments"
        return [
            ("contents:read", "GET", f"{repo}/commits/(.+)", self._commit),
            ("contents:read", "GET", f"{repo}/contents/.github/workflows/(.+)", self._file),
            ("contents:read", "GET", f"{repo}/compare/(.+)", self._compare),
            ("actions:write", "POST", f"{repo}/actions/workflows/(.+)/dispatches", self._dispatch),
            ("actions:read", "GET", f"{repo}/actions/workflows/(.+)/runs", self._list_runs),
            ("actions:read", "GET", f"{repo}/actions/runs/([0-9]+)", self._run),
            ("actions:read", "GET", f"{repo}/actions/runs/([0-9]+)/jobs", self._jobs),
            ("actions:write", "POST", f"{repo}/actions/runs/([0-9]+)/cancel", self._cancel),
            ("deployments:read", "GET", f"{repo}/deployments", self._list_deployments),
            ("deployments:write", "POST", f"{repo}/deployments", self._deploy),
            ("deployments:read", "GET", f"{repo}/deployments/([0-9]+)/statuses", self._list_statuses),
            ("members:read", "GET", "/orgs/acme/memberships/(.+)", self._member),
            ("members:read", "GET", f"{team}/memberships/(.+)", self._in_team),
            ("members:write", "PUT", f"{team}/memberships/(.+)", self._join),
            ("members:write", "DELETE", f"{team}/memberships/(.+)", self._leave),
            ("members:read", "GET", f"{team}/members", self._list_team),
            ("metadata:read", "GET", f"{repo}/collaborators/(.+)/permission", self._permission),
            ("metadata:read", "GET", f"{repo}/collaborators", self._list_collaborators),
            ("administration:write", "PUT", f"{repo}/collaborators/(.+)", self._collaborate),
            ("administration:write", "DELETE", f"{repo}/collaborators/(.+)", self._dismiss),
            ("administration:read", "GET", f"{repo}/invitations", self._list_invitations),
            ("administration:write", "DELETE", f"{repo}/invitations/([0-9]+)", self._uninvite),
        ]

    # Code

    def _commit(self, asked: Asked, ref: str) -> Reply:
        sha = self.refs.get(ref, ref)
        if sha not in (MAIN, BRANCH, *(each["sha"] for each in self.deployments)):
            return refused(f"No commit found for SHA: {ref}", 422)
        return Reply({"sha": sha, "commit": {"message": f"Fix the till\n\nof {sha[:4]}"}})

    def _file(self, asked: Asked, name: str) -> Reply:
        if name not in self.files:
            return NOT_FOUND
        content = base64.encodebytes(self.files[name].encode()).decode()
        return Reply({"type": "file", "encoding": "base64", "content": content, "path": f".github/workflows/{name}"})

    def _compare(self, asked: Asked, both: str) -> Reply:
        older, _, newer = both.partition("...")
        known = [each["sha"] for each in self.deployments]
        if older not in known or newer not in known:
            return NOT_FOUND
        between = list(dict.fromkeys(known[known.index(older) + 1 : known.index(newer) + 1]))
        commits = [
            {"sha": sha, "commit": {"message": f"Change {sha[:4]}\n\nmore", "author": {"name": "Ann"}}}
            for sha in between
        ]
        return Reply({"status": "ahead", "ahead_by": len(commits), "behind_by": 0, "total_commits": len(commits),
                      "commits": commits[:250]})  # fmt: skip

    # Workflows

    def _dispatch(self, asked: Asked, file: str) -> Reply:
        told = asked.document()
        if file not in self.files:
            return NOT_FOUND
        if "return_run_details" in told and self.details == "refused":
            return refused('Invalid request.\n\n"return_run_details" is not a permitted key.', 422)
        if told["ref"] not in self.refs:
            return refused(f"No ref found for: {told['ref']}", 422)
        unknown = sorted(set(told["inputs"]) - {"page", "jitbot"})
        if unknown:
            return refused(f"Unexpected inputs provided: {json.dumps(unknown)}", 422)
        run = self.add_run(file, f"Maintenance ({told['inputs'].get('jitbot', '')})", told["ref"], told["inputs"])
        details = {"workflow_run_id": run["id"], "run_url": f"{self.url}/x", "html_url": run["html_url"]}
        return Reply(details) if self.details == "known" and told.get("return_run_details") else DONE

    def add_run(
        self, file: str, title: str, ref: str = "main", inputs: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        number = 9000 + len(self.runs)
        run = {
            "id": number,
            "name": "Maintenance",
            "display_title": title,
            "event": "workflow_dispatch",
            "path": f".github/workflows/{file}",
            "head_branch": ref,
            "head_sha": self.refs[ref],
            "status": "queued",
            "conclusion": None,
            "created_at": f"2026-11-25T10:{len(self.runs) // 60:02}:{len(self.runs) % 60:02}Z",
            "html_url": f"https://github.com/acme/shop/actions/runs/{number}",
            "_inputs": dict(inputs or {}),
            "_hidden": self.hidden,
        }
        self.runs.append(run)
        self.scripts[number] = list(self.script)
        return run

    def _list_runs(self, asked: Asked, file: str) -> Reply:
        shown = []
        for run in reversed(self.runs):
            run["_hidden"] -= 1
            if run["path"].endswith(f"/{file}") and run["_hidden"] < 0 and asked.one("event") == run["event"]:
                shown.append(run)
        return self._paged(asked, [_public(run) for run in shown], "workflow_runs")

    def _run(self, asked: Asked, number: str) -> Reply:
        run = next((each for each in self.runs if str(each["id"]) == number), None)
        if run is None:
            return NOT_FOUND
        if self.scripts[run["id"]]:
            run["status"], run["conclusion"] = self.scripts[run["id"]].pop(0)
            if run["conclusion"] == "success" and "page" in run["_inputs"]:
                self.page_shown = run["_inputs"]["page"]
        return Reply(_public(run))

    def _jobs(self, asked: Asked, number: str) -> Reply:
        run = next(each for each in self.runs if str(each["id"]) == number)
        steps = [{"name": "Show it", "status": run["status"], "conclusion": run["conclusion"], "number": 1}]
        job = {"id": 1, "name": "page", "status": run["status"], "conclusion": run["conclusion"], "steps": steps}
        return Reply({"total_count": 1, "jobs": [job]})

    def _cancel(self, asked: Asked, number: str) -> Reply:
        run = next(each for each in self.runs if str(each["id"]) == number)
        if run["status"] == "completed":
            return refused("Cannot cancel a workflow run that is completed.", 409)
        self.scripts[run["id"]] = [(run["status"], None), ("completed", "cancelled")]
        return Reply({}, 202)

    # Deployments

    def add_deployment(
        self, sha: str, *statuses: str, environment: str = "production", payload: Any = ""
    ) -> dict[str, Any]:
        number = 100 + len(self.deployments)
        row = {"id": number, "sha": sha, "ref": sha, "environment": environment, "task": "deploy", "payload": payload,
               "created_at": f"2026-11-25T09:{len(self.deployments):02}:00Z", "description": None}  # fmt: skip
        self.deployments.append(row)
        self.statuses[number] = list(statuses)
        return row

    def running(self, environment: str = "production") -> str | None:
        """Return what runs: the commit of the newest deployment that went well."""
        here = [each for each in self.deployments if each["environment"] == environment]
        return next((each["sha"] for each in reversed(here) if "success" in self.statuses[each["id"]]), None)

    def _list_deployments(self, asked: Asked) -> Reply:
        found = [each for each in reversed(self.deployments) if each["environment"] == asked.one("environment")]
        return self._paged(asked, found)

    def _deploy(self, asked: Asked) -> Reply:
        told = asked.document()
        if told["ref"] not in [each["sha"] for each in self.deployments]:
            return refused(f"No ref found for: {told['ref']}", 422)
        if told.get("auto_merge", True) or told.get("required_contexts") != []:
            return refused("Conflict: Commit status checks failed for main.", 409)
        row = self.add_deployment(told["ref"], environment=told["environment"], payload=told["payload"])
        self.coming[row["id"]] = list(self.deploy)
        return Reply(row, 201)

    def _list_statuses(self, asked: Asked, number: str) -> Reply:
        coming = self.coming.get(int(number))
        if coming:
            self.statuses[int(number)].append(coming.pop(0))
        rows = [{"id": at, "state": state, "log_url": ""} for at, state in enumerate(self.statuses[int(number)])]
        return self._paged(asked, rows[::-1])

    # Teams

    def _member(self, asked: Asked, user: str) -> Reply:
        role = self.people.get(user.lower())
        return NOT_FOUND if role is None else Reply({"state": "active", "role": role})

    def _in_team(self, asked: Asked, user: str) -> Reply:
        role = self.team.get(user.lower())
        return NOT_FOUND if role is None else Reply({"state": "active", "role": role})

    def _join(self, asked: Asked, user: str) -> Reply:
        if user.lower() not in self.people:
            return refused("You must be a member of acme", 422)
        self.team[user.lower()] = asked.document()["role"]
        return Reply({"state": "active", "role": self.team[user.lower()]})

    def _leave(self, asked: Asked, user: str) -> Reply:
        return NOT_FOUND if self.team.pop(user.lower(), None) is None else DONE

    def _list_team(self, asked: Asked) -> Reply:
        wanted = asked.one("role", "all")
        found = [{"login": user.title()} for user, role in self.team.items() if wanted in ("all", role)]
        return self._paged(asked, found)

    # Permissions

    def _permission(self, asked: Asked, user: str) -> Reply:
        own = self.collaborators.get(user.lower(), "none")
        both = [own, self.base if user.lower() in self.people else "none"]
        best = max(both, key=lambda role: ROLES.index(role) if role in ROLES else -1)
        best = "admin" if self.people.get(user.lower()) == "admin" else best
        legacy = {"triage": "read", "maintain": "write"}.get(best, best)
        return Reply({"permission": legacy, "role_name": best, "user": {"login": user}})

    def _list_collaborators(self, asked: Asked) -> Reply:
        assert asked.one("affiliation") == "direct"
        found = [
            {"login": user.title(), "role_name": role,
             "permissions": {level: LEVELS.index(level) <= ROLES.index(role) for level in LEVELS}}
            for user, role in self.collaborators.items()
        ]  # fmt: skip
        return self._paged(asked, found)

    def _collaborate(self, asked: Asked, user: str) -> Reply:
        role = ROLES[LEVELS.index(asked.document()["permission"])]
        if user.lower() in self.people or user.lower() in self.collaborators:
            self.collaborators[user.lower()] = role
            return DONE
        self.invitations[user.lower()] = role
        return Reply({"id": 1, "permissions": role}, 201)

    def _dismiss(self, asked: Asked, user: str) -> Reply:
        self.collaborators.pop(user.lower(), None)
        return DONE

    def _list_invitations(self, asked: Asked) -> Reply:
        found = [
            {"id": at, "invitee": {"login": user.title()}, "permissions": role}
            for at, (user, role) in enumerate(self.invitations.items(), 1)
        ]
        return self._paged(asked, found)

    def _uninvite(self, asked: Asked, number: str) -> Reply:
        del self.invitations[list(self.invitations)[int(number) - 1]]
        return DONE

    def _paged(self, asked: Asked, rows: list[Any], name: str = "") -> Reply:
        """Answer with one page; the way to the next stands in the `Link` header."""
        size, page = min(int(asked.one("per_page", "30")), self.page_size), int(asked.one("page", "1"))
        some = rows[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(rows):
            query = "&".join(f"{key}={values[-1]}" for key, values in asked.query.items() if key != "page")
            headers = {
                "Link": f'<{self.url}{asked.path}?{query}&page={page + 1}>; rel="next", <{self.url}/x>; rel="last"'
            }
        return Reply({"total_count": len(rows), name: some} if name else some, headers=headers)


def _enough(granted: Mapping[str, str], need: str) -> bool:
    name, _, level = need.partition(":")
    return name == "metadata" or granted.get(name) in ("write", level)


def _public(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if not name.startswith("_")}


def _plain(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
