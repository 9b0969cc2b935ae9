"""Nothing in the inputs of the runners for GitHub can lead to another address than is meant."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.answers import NoWord, read, rows
from jitbot.runners.github.collaborators import RepositoryPermissionInputs
from jitbot.runners.github.deployment import DeploymentInputs
from jitbot.runners.github.deployments import _mark
from jitbot.runners.github.team_member import TeamMemberInputs
from jitbot.runners.github.workflow_inputs import WorkflowInputs
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import Api

TOKEN = {"token": {"secret": "github"}}
WORKFLOW: dict[str, Any] = {**TOKEN, "repository": "acme/shop", "workflow": "deploy.yml", "ref": "main"}
DEPLOYMENT: dict[str, Any] = {**TOKEN, "repository": "acme/shop", "environment": "production"}
TEAM: dict[str, Any] = {**TOKEN, "organization": "acme", "team": "payments", "user": "ann"}
PERMISSION: dict[str, Any] = {**TOKEN, "repository": "acme/shop", "user": "ann", "permission": "write"}
HOSTILE = [
    *(
        "",
        ".",
        "..",
        "a/../b",
        "a/b/c",
        "../x",
        "a?b=c",
        "a#b",
        "a b",
        "a\n",
        "a\x00",
        "ä",
        "%2e%2e",
        "-a",
        "/a",
        "a//b",
    ),
    *("a" * 400, None, ["a"], {"a": 1}, True),
]
MEANT = [("undo_workflow", None), ("to", ""), *(("ref", ref) for ref in ("a/b/c", "a#b", "ä", "%2e%2e"))]
FIELDS = [
    *((WorkflowInputs, WORKFLOW, field) for field in ("repository", "workflow", "ref", "undo_workflow", "key_input")),
    *((DeploymentInputs, DEPLOYMENT, field) for field in ("repository", "to", "task")),
    *((TeamMemberInputs, TEAM, field) for field in ("organization", "team", "user", "role", "usually")),
    *((RepositoryPermissionInputs, PERMISSION, field) for field in ("repository", "user", "permission", "usually")),
]


@pytest.mark.parametrize(("model", "good", "field"), FIELDS)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_no_name_takes_what_is_none(model: type[BaseModel], good: dict[str, Any], field: str, value: Any) -> None:
    model.model_validate(good)
    if (field, value) in MEANT:
        return
    with pytest.raises(ValidationError):
        model.model_validate({**good, field: value})


@pytest.mark.parametrize(
    "url", ["https://u:p@h/api", "ftp://h", "https://h/api?x", "https://h/../x", "h", "https://h/a b"]
)
def test_an_address_is_a_plain_one(url: str) -> None:
    with pytest.raises(ValidationError):
        WorkflowInputs.model_validate({**WORKFLOW, "url": url})


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"token": "ghp_plain"},
        {"app_id": "1"},
        {"app_id": "1", "installation_id": "2"},
        {**TOKEN, "app_id": "1"},
        {**TOKEN, "app_id": "1", "installation_id": "2", "private_key": {"secret": "k"}},
        {"app_id": "1", "installation_id": "-2", "private_key": {"secret": "k"}},
    ],
)
def test_there_is_one_way_to_be_known(known: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorkflowInputs.model_validate({**{key: value for key, value in WORKFLOW.items() if key != "token"}, **known})


@pytest.mark.parametrize("ref", ["a..b", "a/", "a.lock", "a@{b", "a~1", "a^", "a:b", "a*", "a\\b", "[a", ".a"])
def test_a_ref_is_one_that_git_knows(ref: str) -> None:
    with pytest.raises(ValidationError):
        WorkflowInputs.model_validate({**WORKFLOW, "ref": ref})


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": {"jitbot": "mine"}},
        {"inputs": {"a b": "c"}},
        {"inputs": {f"i{number}": "" for number in range(25)}},
        {"inputs": {"a": "x" * 65_535}},
        {"undo_inputs": {"a": "b"}},
        {"inputs": {"a": {"b": "c"}}},
    ],
)
def test_inputs_are_what_github_takes(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorkflowInputs.model_validate({**WORKFLOW, **wrong})


def test_values_are_written_as_workflows_write_them() -> None:
    told = WorkflowInputs.model_validate({**WORKFLOW, "inputs": {"dry": True, "wet": False, "count": 7}})
    assert told.order.inputs == {"dry": "true", "wet": "false", "count": "7"}


def test_an_enterprise_server_is_another_place() -> None:
    told = WorkflowInputs.model_validate({**WORKFLOW, "url": "https://GHE.acme.example/api/v3/"})
    assert (told.base, told.place) == ("https://GHE.acme.example/api/v3", "github:ghe.acme.example/api/v3")


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_step_of_an_address_stays_one(first: str, second: str) -> None:
    """Whatever stands in it: the environment, a ref with slashes, what GitHub itself has told."""
    api = Api(EnvironmentSite([], {}), "https://h/api", lambda: "token-1", Patience(), {})
    try:
        url = api._url((first, second), {"a": second})
    except (UnicodeEncodeError, NoWord):
        assert {first, second} & {".", ".."} or re.search("[\ud800-\udfff]", first + second), "or it can be sent"
        return
    path, _, query = url.removeprefix("https://h/api/").partition("?")
    assert [unquote(step) for step in path.split("/")] == [first, second]
    assert query.count("=") == 1
    assert query.isascii()
    assert url.isascii()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_an_answer_of_any_shape_is_read_or_is_no_word(document: Any) -> None:
    for kind in (str, int, bool, list, dict):
        try:
            found = read(document, "a", of=kind)
        except NoWord:
            continue
        assert type(found) is kind
    try:
        assert all(isinstance(each, dict) for each in rows(document))
    except NoWord:
        assert not isinstance(document, list) or not all(isinstance(each, dict) for each in document)
    assert isinstance(_mark(document), dict)
