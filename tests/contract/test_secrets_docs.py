"""What the pages on secrets say is true: files are written and commands run as they say, and their store is a store."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from jitbot.errors import SecretUnavailable
from jitbot.outbound.secrets.aws import Aws
from jitbot.outbound.secrets.listed import KEEP_SECONDS, MOST_CHARACTERS
from jitbot.outbound.secrets.registry import GROUP, open_secrets
from jitbot.outbound.secrets.vault_section import AppRole, Auth, Kubernetes, Place, Vault
from jitbot.settings import Settings
from tests.contract.howto import ROOT, Package, blocks
from tests.vendors.aws import CREDENTIALS, amazon
from tests.vendors.server import listening
from tests.vendors.vault import SECRET_ID
from tests.vendors.vault import Vault as AVault

HOWTO = (ROOT / "docs/howto/keep-secrets.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/reference/secrets.md").read_text(encoding="utf-8")
TOKEN, PASSWORD = "sesame-of-pagerduty", "sesame-of-the-database"

POLICY = """
team: payments
channel: "#payments"
actions:
  restart:
    title: Restart
    runner: http
    with: {method: POST, url: "https://db.example/restart", headers: {X-Key: {secret: db-api}}}
    requesters: ["user:U0ANN"]
    facts:
      incidents: {source: pagerduty.open_incidents, service: PX12}
    rules:
      - {when: facts.incidents > 0, allow: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what stands for `/etc/jitbot`, beside a folder of policies that name two secrets."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "payments.yml").write_text(
        POLICY.replace("service: PX12", "service: PX12, secret: pager-key")
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "jitbot").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m jitbot "$@"\n')
    (tmp_path / "bin" / "jitbot").chmod(0o755)
    (tmp_path / "etc").mkdir(mode=0o755)
    return tmp_path / "etc"


@pytest.fixture
def vault() -> Iterator[AVault]:
    with listening(AVault()) as serving:
        serving.keep("jitbot/pagerduty", token=TOKEN)
        serving.keep("jitbot/db", password=PASSWORD)
        yield serving


def done(commands: str, folder: Path) -> str:
    """Run a block of commands as it stands on the page, with another folder for `/etc/jitbot`."""
    environment = {
        "PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "JITBOT_RUNNERS": "http",
        "JITBOT_FACTS": "pagerduty.open_incidents",
        "JITBOT_HTTP_HOSTS": "db.example",
        "NO_COLOR": "1",
    }
    told = subprocess.run(
        ["sh", "-c", commands.replace("/etc/jitbot", str(folder))],
        cwd=folder.parent, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "Traceback" not in told.stderr, told.stderr
    return told.stdout


def test_secrets_in_files_are_found_as_the_page_prints_it(folder: Path) -> None:
    said = done(next(block for block in blocks(HOWTO, "sh") if "install -d" in block), folder)
    for line in blocks(HOWTO, "text")[0].splitlines():
        assert line in said, said
    assert "✗ secret db-api (action restart): The secret 'db-api' is not set: put it into the file db-api in" in said
    assert TOKEN not in said


def test_secrets_in_vault_are_found(folder: Path, vault: AVault) -> None:
    written = blocks(HOWTO, "yaml")[0].replace("https://vault.acme.example:8200", vault.url)
    (folder / "secrets.yml").write_text(written.replace("/etc/jitbot", str(folder)))
    (folder / "vault-secret-id").write_text(SECRET_ID)
    (folder / "vault-secret-id").chmod(0o400)
    said = done(next(block for block in blocks(HOWTO, "sh") if "JITBOT_SECRETS=vault" in block), folder)
    assert "✓ secret db-api (action restart): can be read, from vault" in said
    assert "✓ secret pager-key (pagerduty.open_incidents for incidents): can be read, from vault" in said
    assert PASSWORD not in said
    [path] = [line.split('"')[1] for line in blocks(HOWTO, "hcl")[0].splitlines() if line.startswith("path")]
    asked = [each.path.removeprefix("/v1/") for each in vault.asked if each.method == "GET"]
    assert asked
    assert all(each.startswith(path.removesuffix("*")) for each in asked), "the policy in Vault lets it read these"


def test_secrets_in_aws_are_read_with_the_one_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with amazon() as aws:
        aws.keep("jitbot/pagerduty", TOKEN)
        aws.keep("jitbot/db", json.dumps({"password": PASSWORD}))
        told = yaml.safe_load(blocks(HOWTO, "yaml")[1])
        told["aws"]["endpoint"] = aws.url
        (folder / "secrets.yml").write_text(yaml.safe_dump(told))
        secrets = open_secrets(Settings(secrets=("aws",), secrets_file=folder / "secrets.yml"), {})
        assert (secrets.read("pager-key").value, secrets.read("db-api").value) == (TOKEN, PASSWORD)
    [allowed] = json.loads(blocks(HOWTO, "json")[0])["Statement"]
    assert allowed["Action"] == "secretsmanager:GetSecretValue"
    assert allowed["Resource"].endswith(":secret:jitbot/*")


@pytest.mark.parametrize("model", [Vault, Auth, AppRole, Kubernetes, Place, Aws])
def test_every_key_of_the_operators_file_is_documented(model: type) -> None:
    for name in model.model_fields:  # type: ignore[attr-defined]
        assert f"`{name}`" in PAGE or f".{name}`" in PAGE or f"`{name}.NAME" in PAGE or f"`{name}:`" in PAGE, name


def test_the_limits_are_those_of_the_code() -> None:
    assert f"used for {KEEP_SECONDS:.0f} seconds" in PAGE
    assert f"more than {MOST_CHARACTERS:,} characters" in PAGE


def test_the_store_of_the_page_passes_the_suite(tmp_path: Path) -> None:
    assert Package(PAGE, tmp_path).passes() > 10


def test_the_store_of_the_page_is_found_and_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "safe").mkdir()
    package = Package(PAGE, tmp_path / "package")
    [name] = package.installed(GROUP)
    monkeypatch.syspath_prepend(str(package.folder))
    (tmp_path / "secrets.yml").write_text(f"{name}: {{folder: {tmp_path / 'safe'}}}\n")
    (tmp_path / "safe" / "db.secret").write_text(PASSWORD)
    settings = Settings(secrets=(name, "environment"), secrets_file=tmp_path / "secrets.yml")
    secrets = open_secrets(settings, {"JITBOT_SECRET_DB": "an-older-value", "JITBOT_SECRET_PAGER": TOKEN})
    assert (secrets.read("db").store, secrets.read("pager").store) == (name, "environment")
    (tmp_path / "safe" / "db.secret").unlink()
    (tmp_path / "safe").rmdir()
    with pytest.raises(SecretUnavailable, match="the safe is closed"):
        secrets.read("other")
    monkeypatch.delitem(sys.modules, "acme_safe")
