"""What moto's server lacks of AWS, put into it: time that passes, and calls that it does not know.

moto does at once what takes AWS a while. So here deployments, requests of Identity Center and commands go on by one
step whenever somebody looks, as scripted. Shapes and error codes are those of AWS's API references.
"""

import json
import uuid
from collections import defaultdict
from copy import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import unix_time, utcnow
from moto.ecs.models import EC2ContainerServiceBackend, Service
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.rds.exceptions import InvalidParameterValue
from moto.rds.models import DBInstance
from moto.rds.responses import RDSResponse
from moto.ssm.models import Command, SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.ssoadmin.exceptions import ConflictException, ResourceNotFoundException
from moto.ssoadmin.models import PermissionSet
from moto.ssoadmin.responses import SSOAdminResponse

SCRIPT: dict[str, Any] = {}
"""What tests want to happen, by subject; empty means that all goes well."""
STEPS = 2
"""How many looks something takes."""


class Kept:
    """What is kept beside moto, and forgotten with it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.steps: dict[str, int] = defaultdict(int)
        self.assigned: list[dict[str, str]] = []
        self.requests: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = defaultdict(dict)
        self.rebooting: set[str] = set()
        SCRIPT.clear()


KEPT = Kept()


def _deployment(service: Service, task: str) -> dict[str, Any]:
    now = utcnow()
    return {
        "id": f"ecs-svc/{uuid.uuid4().int % 10**19}",
        "status": "PRIMARY",
        "taskDefinition": task,
        "desiredCount": service.desired_count,
        "runningCount": 0,
        "pendingCount": service.desired_count,
        "failedTasks": 0,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": "ECS deployment in progress.",
        "createdAt": now,
        "updatedAt": now,
    }


def _deploy(service: Service, task: str) -> None:
    """Begin a deployment: it is the primary one from now on, the others are drained."""
    for each in service.deployments:
        each["status"] = "ACTIVE"
    service.deployments = [_deployment(service, task), *service.deployments]
    service.task_definition = task


def _schedule(service: Service) -> None:
    """Let one step pass: tasks of the primary deployment begin to run, or the circuit breaker opens."""
    if not service.deployments:
        return
    primary = service.deployments[0]
    script = SCRIPT.get("ecs", "completes")
    if primary["rolloutState"] != "IN_PROGRESS" or script == "hangs":
        return
    if script in ("fails", "rolls back"):
        primary |= {"rolloutState": "FAILED", "failedTasks": 3}
        primary["rolloutStateReason"] = "ECS deployment circuit breaker: tasks failed to start."
        if script == "rolls back":
            _deploy(service, service.deployments[-1]["taskDefinition"])
        SCRIPT["ecs"] = "completes"
        return
    primary["runningCount"] = min(primary["runningCount"] + 1, primary["desiredCount"])
    primary["pendingCount"] = primary["desiredCount"] - primary["runningCount"]
    if not primary["pendingCount"]:
        primary |= {"rolloutState": "COMPLETED", "rolloutStateReason": "ECS deployment completed."}
        service.deployments = [primary]
        service.running_count, service.pending_count = primary["runningCount"], 0


def _update_service(backend: EC2ContainerServiceBackend, words: dict[str, Any]) -> Service:
    service = backend._get_service(words.get("cluster", "default"), words["service"])
    task = service.task_definition
    if words.get("task_definition"):
        found = backend.describe_task_definition(words["task_definition"])
        task = found.arn
    new = words.get("force_new_deployment") or task != service.task_definition
    if words.get("desired_count") is not None:
        service.desired_count = words["desired_count"]
        service.deployments[0]["desiredCount"] = words["desired_count"]
        if not new:
            service.deployments[0]["runningCount"] = words["desired_count"]
    if new:
        _deploy(service, task)
    return service


def _describe_services(response: EC2ContainerServiceResponse) -> ActionResult:
    answer = _moto_describe_services(response)
    for service in answer.result["services"]:
        breaker = {"enable": True, "rollback": SCRIPT.get("rollback", False)}
        service.deployment_configuration = {"deploymentCircuitBreaker": breaker}
        _schedule(service)
    if SCRIPT.pop("late", False) and answer.result["services"]:
        seen = copy(answer.result["services"][0])
        seen.deployments = seen.deployments[1:]
        answer.result["services"] = [seen]
    return answer


_moto_describe_services = EC2ContainerServiceResponse.describe_services


def _permission_set_arn(instance_arn: str) -> str:
    return f"{instance_arn.replace(':instance/', ':permissionSet/')}/ps-{uuid.uuid4().hex[:16]}"


def _create_assignment(response: SSOAdminResponse) -> str:
    return _requested(response, "Creation")


def _delete_assignment(response: SSOAdminResponse) -> str:
    assignment = _assignment(json.loads(response.body))
    if assignment not in KEPT.assigned and not _under_way(assignment):
        raise ResourceNotFoundException("There is no such assignment.")
    return _requested(response, "Deletion")


def _assignment(words: dict[str, str]) -> dict[str, str]:
    names = ("TargetId", "TargetType", "PermissionSetArn", "PrincipalType", "PrincipalId")
    return {name: words[name] for name in names}


def _under_way(assignment: dict[str, str]) -> bool:
    return any(each["Status"] == "IN_PROGRESS" and each["of"] == assignment for each in KEPT.requests.values())


def _requested(response: SSOAdminResponse, kind: str) -> str:
    assignment = _assignment(json.loads(response.body))
    if _under_way(assignment):
        raise ConflictException("Another operation on this assignment is in progress.")
    request = {"RequestId": str(uuid.uuid4()), "Status": "IN_PROGRESS", "CreatedDate": unix_time()}
    KEPT.requests[request["RequestId"]] = {**request, "kind": kind, "of": assignment}
    return json.dumps({f"AccountAssignment{kind}Status": {**request, **assignment}})


def _advance(request: dict[str, Any]) -> None:
    """Let one step pass of a request of Identity Center."""
    KEPT.steps[request["RequestId"]] += 1
    if request["Status"] != "IN_PROGRESS" or SCRIPT.get("sso") == "hangs" or KEPT.steps[request["RequestId"]] < STEPS:
        return
    if SCRIPT.get("sso") == "fails":
        request |= {"Status": "FAILED", "FailureReason": "The account is suspended."}
        return
    request["Status"] = "SUCCEEDED"
    others = [each for each in KEPT.assigned if each != request["of"]]
    KEPT.assigned = [*others, request["of"]] if request["kind"] == "Creation" else others


def _described(kind: str) -> Any:
    def describe(response: SSOAdminResponse) -> str:
        found = KEPT.requests.get(json.loads(response.body)[f"AccountAssignment{kind}RequestId"])
        if found is None:
            raise ResourceNotFoundException("There is no such request.")
        _advance(found)
        told = {name: value for name, value in found.items() if name not in ("kind", "of")}
        return json.dumps({f"AccountAssignment{kind}Status": {**told, **found["of"]}})

    return describe


def _list_creations(response: SSOAdminResponse) -> str:
    wanted = json.loads(response.body).get("Filter", {}).get("Status")
    found = [
        {name: each[name] for name in ("RequestId", "Status", "CreatedDate")}
        for each in KEPT.requests.values()
        if each["kind"] == "Creation" and wanted in (None, each["Status"])
    ]
    return json.dumps({"AccountAssignmentsCreationStatus": found})


def _list_assignments(response: SSOAdminResponse) -> str:
    words = json.loads(response.body)
    for request in KEPT.requests.values():
        _advance(request) if SCRIPT.get("sso") == "lands" else None
    found = [
        {"AccountId": each["TargetId"], **{name: each[name] for name in each if not name.startswith("Target")}}
        for each in KEPT.assigned
        if (each["TargetId"], each["PermissionSetArn"]) == (words["AccountId"], words["PermissionSetArn"])
    ]
    return json.dumps({"AccountAssignments": found})


def _tag_resource(response: SSOAdminResponse) -> str:
    words = json.loads(response.body)
    KEPT.tags[words["ResourceArn"]] |= {each["Key"]: each["Value"] for each in words["Tags"]}
    return "{}"


def _untag_resource(response: SSOAdminResponse) -> str:
    words = json.loads(response.body)
    for key in words["TagKeys"]:
        KEPT.tags[words["ResourceArn"]].pop(key, None)
    return "{}"


def _list_tags(response: SSOAdminResponse) -> str:
    found = KEPT.tags[json.loads(response.body)["ResourceArn"]]
    return json.dumps({"Tags": [{"Key": key, "Value": value} for key, value in found.items()]})


CATALOG = {
    "long_query_time": {"ApplyType": "dynamic", "DataType": "float", "AllowedValues": "0-31536000"},
    "max_connections": {
        "ApplyType": "dynamic",
        "ParameterValue": "{DBInstanceClassMemory/12582880}",
        "DataType": "integer",
        "AllowedValues": "1-100000",
    },
    "performance_schema": {"ApplyType": "static", "ParameterValue": "0", "DataType": "boolean", "AllowedValues": "0,1"},
    "version_comment": {"ApplyType": "static", "ParameterValue": "Source", "DataType": "string", "IsModifiable": False},
}
"""Some of the parameters of mysql8.0, as RDS lists them."""


def _describe_parameters(response: RDSResponse) -> ActionResult:
    [group] = response.backend.describe_db_parameter_groups(
        {"db_parameter_group_name": response.params["DBParameterGroupName"]}
    )
    return ActionResult({"Parameters": [_parameter(group, name) for name in CATALOG]})


def _parameter(group: Any, name: str) -> dict[str, Any]:
    known = {"ParameterName": name, "IsModifiable": True, "Source": "engine-default", **CATALOG[name]}
    if name in group.parameters:
        known |= {"Source": "user", "ParameterValue": group.parameters[name]["ParameterValue"]}
    return known


def _modify_parameters(response: RDSResponse) -> ActionResult:
    for each in response.params["Parameters"]:
        _change(response.params["DBParameterGroupName"], each)
        if "x" in each["ParameterValue"]:
            raise InvalidParameterValue(f"Invalid parameter value: {each['ParameterValue']}")
    return _moto_modify_parameters(response)


_moto_modify_parameters = RDSResponse.modify_db_parameter_group


def _reset_parameters(response: RDSResponse) -> ActionResult:
    name = response.params["DBParameterGroupName"]
    [group] = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    for each in response.params["Parameters"]:
        _change(name, each)
        group.parameters.pop(each["ParameterName"], None)
    return ActionResult({"DBParameterGroupName": name})


def _change(group: str, parameter: dict[str, str]) -> None:
    """See that it is changed as it can be, and remember what waits for a reboot."""
    static = CATALOG[parameter["ParameterName"]]["ApplyType"] == "static"
    if static and parameter["ApplyMethod"] == "immediate":
        raise InvalidParameterValue("cannot use immediate apply method for static parameter")
    if static:
        KEPT.rebooting.add(group)


def _group_states(instance: DBInstance) -> Any:
    groups = instance.db_parameter_groups()
    for group in groups:
        group.ParameterApplyStatus = "pending-reboot" if group.name in KEPT.rebooting else "in-sync"
    return groups


def _list_invocations(response: SimpleSystemManagerResponse) -> ActionResult:
    command = response.ssm_backend.get_command_by_id(response._get_param("CommandId"))
    KEPT.steps[command.command_id] += 1
    over = KEPT.steps[command.command_id] >= STEPS
    return ActionResult({"CommandInvocations": [_invocation(command, each, over) for each in command.invocations]})


def _invocation(command: Command, invocation: dict[str, Any], over: bool) -> dict[str, Any]:
    """Bring what moto keeps of one instance to what is scripted for it, and return it as it is listed."""
    name = invocation["InstanceId"]
    script = SCRIPT.get("ssm", {}).get(name, {})
    status = script.get("Status", "Success") if over else "InProgress"
    details = script.get("StatusDetails", status) if over else "In Progress"
    printed = {"StandardOutputContent": "done\n", "StandardErrorContent": ""} if over else {}
    invocation |= {**printed, **script, "Status": status, "StatusDetails": details}
    step = {"Name": invocation["PluginName"], "Status": status, "ResponseCode": 0, "Output": ""}
    listed = {"CommandId": command.command_id, "InstanceId": name, "Status": status, "StatusDetails": details}
    return {**listed, "CommandPlugins": [step] if status != "Pending" else []}


def _send_command(backend: SimpleSystemManagerBackend, **words: Any) -> Command:
    backend._get_documents(words["document_name"])  # moto takes the name of any document, AWS does not
    return _moto_send_command(backend, **words)


_moto_send_command = SimpleSystemManagerBackend.send_command


def put_in() -> None:
    """Put it all into moto."""
    EC2ContainerServiceBackend.update_service = _update_service
    EC2ContainerServiceResponse.describe_services = _describe_services
    PermissionSet.generate_id = staticmethod(_permission_set_arn)
    SSOAdminResponse.create_account_assignment = _create_assignment
    SSOAdminResponse.delete_account_assignment = _delete_assignment
    SSOAdminResponse.describe_account_assignment_creation_status = _described("Creation")
    SSOAdminResponse.describe_account_assignment_deletion_status = _described("Deletion")
    SSOAdminResponse.list_account_assignment_creation_status = _list_creations
    SSOAdminResponse.list_account_assignments = _list_assignments
    SSOAdminResponse.tag_resource = _tag_resource
    SSOAdminResponse.untag_resource = _untag_resource
    SSOAdminResponse.list_tags_for_resource = _list_tags
    RDSResponse.describe_db_parameters = _describe_parameters
    RDSResponse.modify_db_parameter_group = _modify_parameters
    RDSResponse.reset_db_parameter_group = _reset_parameters
    DBInstance.db_parameter_group_status_list = property(_group_states)
    SimpleSystemManagerResponse.list_command_invocations = _list_invocations
    SimpleSystemManagerBackend.send_command = _send_command
