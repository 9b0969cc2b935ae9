"""Stages: each puts one runner of the house in front of a real system, or one that is faithfully served.

`tests/acceptance/test_bad_paths.py` plays the same bad paths on every stage, through the whole service. A new runner
needs three things: a class here that fills in `Stage`, its place in `STAGES`, and its row in the table of that module.
What cannot go wrong with it is named in `without`, with the reason. Each test gets a stage of its own, so keep it quick
to make: servers that take long to start are fixtures for a module or a session, which `Stage.fixture` returns.
"""

from collections.abc import Mapping

from tests.stages.here import CommandStage, ConfigFileStage
from tests.stages.postgres import BackendStage, LoginStage, ParameterStage, RoleStage, StatementStage
from tests.stages.ssh import CertificateStage, SshCommandStage, SystemdStage
from tests.stages.stage import BadPath, Stage
from tests.stages.web import HaproxyStage, HttpStage

__all__ = ["STAGES", "BadPath", "Stage"]

STAGES: Mapping[str, type[Stage]] = {
    each.runner: each
    for each in (
        CommandStage,
        ConfigFileStage,
        HaproxyStage,
        HttpStage,
        BackendStage,
        LoginStage,
        ParameterStage,
        RoleStage,
        StatementStage,
        CertificateStage,
        SshCommandStage,
        SystemdStage,
    )
}
