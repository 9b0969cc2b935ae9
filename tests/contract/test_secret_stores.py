"""The published contract suite, passed by every store of secrets that comes with jitbot."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jitbot.outbound.secrets.aws import AwsStore
from jitbot.outbound.secrets.environment import EnvironmentStore
from jitbot.outbound.secrets.file import FileStore
from jitbot.outbound.secrets.vault import VaultStore
from jitbot.ports import SecretStore
from jitbot.testing import ContractStoreSite, SecretStoreContract
from jitbot.testing.secrets import NAME
from tests.vendors.aws import CREDENTIALS, REGION, Amazon, amazon
from tests.vendors.server import listening
from tests.vendors.vault import Vault

Put = Callable[[str, str], None]


class TestEnvironment(SecretStoreContract):
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {}

    @pytest.fixture
    def store(self, environment: dict[str, str]) -> SecretStore:
        return EnvironmentStore(lambda value: None, environment)

    @pytest.fixture
    def put(self, environment: dict[str, str]) -> Put:
        def put(name: str, value: str) -> None:
            environment[f"JITBOT_SECRET_{name.upper().replace('-', '_')}"] = value

        return put

    @pytest.fixture
    def cut(self) -> None:
        """The environment of a process does not go away."""


class TestFile(SecretStoreContract):
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "secrets"
        folder.mkdir(mode=0o700)
        return folder

    @pytest.fixture
    def store(self, folder: Path) -> SecretStore:
        return FileStore(folder)

    @pytest.fixture
    def put(self, folder: Path) -> Put:
        def put(name: str, value: str) -> None:
            (folder / "new").write_text(f"{value}\n")
            (folder / "new").chmod(0o400)
            (folder / "new").replace(folder / name)

        return put

    @pytest.fixture
    def cut(self, folder: Path) -> Callable[[], None]:
        return lambda: shutil.rmtree(folder)


class TestVault(SecretStoreContract):
    @pytest.fixture
    def vault(self) -> Iterator[Vault]:
        with listening(Vault()) as serving:
            yield serving

    @pytest.fixture
    def store(self, vault: Vault, tmp_path: Path) -> SecretStore:
        (tmp_path / "token").write_text(vault.token())
        (tmp_path / "token").chmod(0o400)
        place = {"path": "jitbot/db", "key": "password"}
        section = {"address": vault.url, "auth": {"token_file": str(tmp_path / "token")}, "secrets": {NAME: place}}
        return VaultStore(ContractStoreSite(section))

    @pytest.fixture
    def put(self, vault: Vault) -> Put:
        return lambda name, value: vault.keep("jitbot/db", password=value)

    @pytest.fixture
    def cut(self, vault: Vault) -> Callable[[], None]:
        def cut() -> None:
            vault.shutdown()
            vault.server_close()

        return cut


@pytest.fixture(scope="module")
def shared() -> Iterator[Amazon]:
    with amazon() as serving:
        yield serving


class TestAws(SecretStoreContract):
    @pytest.fixture
    def aws(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
        """Return the server of all tests, and one of its own to the test that cuts it off."""
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        if "cut_off" in request.node.name:
            with amazon() as own:
                yield own
        else:
            yield request.getfixturevalue("shared")

    @pytest.fixture
    def store(self, aws: Amazon) -> SecretStore:
        place = {"id": "jitbot/db", "key": "password"}
        return AwsStore(ContractStoreSite({"region": REGION, "endpoint": aws.url, "secrets": {NAME: place}}))

    @pytest.fixture
    def put(self, aws: Amazon) -> Put:
        return lambda name, value: aws.keep("jitbot/db", json.dumps({"password": value}))

    @pytest.fixture
    def cut(self, aws: Amazon) -> Callable[[], None]:
        return aws.stop
