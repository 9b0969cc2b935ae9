"""Secrets from Vault: every way in, every way it says no, and what it does while it cannot be reached."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.secrets import vault as module
from jitbot.outbound.secrets.vault import VaultStore
from tests.unit.outbound.secrets.conftest import StoreSite
from tests.vendors.server import Reply, listening
from tests.vendors.vault import JWT, ROLE_ID, SECRET_ID, Vault, Version

VALUE = "sesame-of-the-vault"


@pytest.fixture
def vault() -> Iterator[Vault]:
    with listening(Vault()) as serving:
        serving.keep("jitbot/db", password=VALUE, number=7)
        serving.plain["/old/jitbot/db"] = {"password": VALUE}
        serving.readable.add("/old/jitbot/db")
        yield serving


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, text: str) -> str:
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).write_text(text + "\n")
        (tmp_path / name).chmod(0o400)
        return str(tmp_path / name)

    return write


Make = Callable[..., tuple[VaultStore, StoreSite]]


@pytest.fixture
def make(vault: Vault, files: Callable[[str, str], str]) -> Make:
    def made(place: Mapping[str, Any] | None = None, auth: Mapping[str, Any] | None = None, **more: Any):
        told = {"path": "jitbot/db", "key": "password", **(place or {})}
        auth = auth or {"token_file": files("token", vault.token())}
        site = StoreSite({"address": vault.url, "auth": auth, "secrets": {"db": told}, **more})
        return VaultStore(site), site

    return made


@pytest.fixture
def approle(files: Callable[[str, str], str]) -> Mapping[str, Any]:
    return {"approle": {"role_id": ROLE_ID, "secret_id_file": files("secret_id", SECRET_ID)}}


def refused(store: VaultStore) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        store.read("db")
    assert "jitbot/db" not in str(caught.value), "what people are told holds no path of Vault"
    return str(caught.value)


# Reading


def test_a_key_of_kv_2(make: Make, vault: Vault) -> None:
    assert make()[0].read("db") == VALUE
    assert vault.asked[-1].path == "/v1/secret/data/jitbot/db"


def test_a_key_of_kv_1(make: Make) -> None:
    assert make({"mount": "old", "version": 1})[0].read("db") == VALUE


def test_in_a_namespace(make: Make, vault: Vault) -> None:
    vault.keep("jitbot/db", "teams/ops", password="of-the-namespace")
    assert make(namespace="teams/ops")[0].read("db") == "of-the-namespace"


def test_a_new_version_is_read_the_next_time(make: Make, vault: Vault) -> None:
    store, _ = make()
    store.read("db")
    vault.keep("jitbot/db", password="rotated-value")
    assert store.read("db") == "rotated-value"


def test_what_the_operator_did_not_mean_for_jitbot_is_not_asked_for(make: Make, vault: Vault) -> None:
    vault.keep("jitbot/other", value="not-for-jitbot")
    store, _ = make()
    for name in ("other", "jitbot/other", "../jitbot/other", "db/../other"):
        with pytest.raises(NotGranted, match="to `vault: secrets:`") as caught:
            store.read(name)
        assert not isinstance(caught.value, SecretUnavailable)
    assert vault.asked == []


# Who jitbot is


def test_a_token_that_its_agent_renews_is_read_each_time(make: Make, vault: Vault, files: Callable[..., str]) -> None:
    first = vault.token()
    store, site = make(auth={"token_file": files("token", first)})
    store.read("db")
    vault.tokens.clear()
    assert "does not let jitbot read it (403)" in refused(store)
    files("token", vault.token())
    assert store.read("db") == VALUE
    assert site.redactor.redact(f"<{first[4:]}>") == f"<{first[4:]}>"
    assert site.redactor.redact(first) == HIDDEN


def test_a_login_by_approle_serves_until_its_token_ends(
    make: Make, vault: Vault, approle: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, site = make(auth=approle)
    now = [1000.0]
    monkeypatch.setattr("jitbot.outbound.secrets.vault_login.time.monotonic", lambda: now[0])
    for _ in range(3):
        assert store.read("db") == VALUE
    assert vault.logins() == ["/v1/auth/approle/login"]
    now[0] += vault.lease * 0.8
    assert store.read("db") == VALUE
    assert len(vault.logins()) == 2
    assert site.redactor.redact(SECRET_ID) == HIDDEN
    assert site.redactor.redact(" ".join(sorted(vault.tokens))) == f"{HIDDEN} {HIDDEN}"


def test_a_token_without_an_end_is_kept(make: Make, vault: Vault, approle: Mapping[str, Any]) -> None:
    vault.lease = 0
    store, _ = make(auth=approle)
    store.read("db")
    store.read("db")
    assert len(vault.logins()) == 1


def test_a_revoked_token_is_replaced_by_one_more_login(make: Make, vault: Vault, approle: Mapping[str, Any]) -> None:
    store, _ = make(auth=approle)
    store.read("db")
    vault.tokens.clear()
    assert store.read("db") == VALUE
    assert len(vault.logins()) == 2


def test_what_may_not_be_read_is_not_asked_for_by_ever_more_logins(
    make: Make, vault: Vault, approle: Mapping[str, Any]
) -> None:
    vault.readable.clear()
    store, _ = make(auth=approle)
    assert "Look at the policy of jitbot's role" in refused(store)
    assert len(vault.logins()) == 2


def test_a_login_by_the_service_account_of_kubernetes(make: Make, vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "sa").write_text(JWT)  # as kubelet mounts it: others may read it
    (tmp_path / "sa").chmod(0o644)
    auth = {"kubernetes": {"role": "jitbot", "token_file": str(tmp_path / "sa")}}
    assert make(auth=auth)[0].read("db") == VALUE
    assert vault.logins() == ["/v1/auth/kubernetes/login"]
    wrong = {"kubernetes": {"role": "other", "token_file": str(tmp_path / "sa")}}
    assert "does not let jitbot log in (400)" in refused(make(auth=wrong)[0])
    (tmp_path / "sa").write_text("another.jwt")
    assert "does not let jitbot log in (403)" in refused(make(auth=auth)[0])


def test_a_wrong_secret_id_and_a_wrong_mount(make: Make, files: Callable[[str, str], str]) -> None:
    auth = {"approle": {"role_id": ROLE_ID, "secret_id_file": files("secret_id", "of-another-role")}}
    said = refused(make(auth=auth)[0])
    assert "does not let jitbot log in (400)" in said
    assert "of-another-role" not in said
    auth["approle"]["mount"] = "elsewhere"  # type: ignore[index]
    assert "does not let jitbot log in (404)" in refused(make(auth=auth)[0])


@pytest.mark.parametrize("mode", [0o444, 0o404])
def test_a_secret_id_that_others_can_read_is_not_used(
    make: Make, vault: Vault, approle: Mapping[str, Any], tmp_path: Path, mode: int
) -> None:
    (tmp_path / "secret_id").chmod(mode)
    assert "others reach it" in refused(make(auth=approle)[0])
    assert vault.asked == []


def test_a_token_file_that_is_not_there(make: Make, tmp_path: Path) -> None:
    assert "is not there, by which jitbot proves" in refused(make(auth={"token_file": str(tmp_path / "none")})[0])


@pytest.mark.parametrize("text", ["hvs.one\nhvs.two", "hvs.one two", "hvs.ünicode", "hvs.\x07bell"])
def test_a_file_that_holds_no_token_is_not_repeated(
    make: Make, vault: Vault, files: Callable[..., str], text: str
) -> None:
    said = refused(make(auth={"token_file": files("token", text)})[0])
    assert "holds no token" in said
    assert "hvs." not in said
    assert vault.asked == []


# How it says no


def _sealed(vault: Vault) -> None:
    vault.sealed = True


def _deleted(vault: Vault) -> None:
    vault.versions["/secret/jitbot/db"].append(Version(None))


def _destroyed(vault: Vault) -> None:
    vault.versions["/secret/jitbot/db"].append(Version(None, destroyed=True))


def _gone(vault: Vault) -> None:
    vault.versions.clear()


def _denied(vault: Vault) -> None:
    vault.readable.clear()


def _other_keys(vault: Vault) -> None:
    vault.keep("jitbot/db", user="app")


def _number(vault: Vault) -> None:
    vault.keep("jitbot/db", password=1234567)


def _instead(reply: Reply) -> Callable[[Vault], None]:
    return lambda vault: setattr(vault, "instead", reply)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_sealed, "sealed or being maintained (503). Unseal it"),
        (_deleted, "its newest version is deleted in Vault"),
        (_destroyed, "its newest version is deleted in Vault"),
        (_gone, "Vault has nothing there (404)"),
        (_denied, "does not let jitbot read it (403)"),
        (_other_keys, "has no such key"),
        (_number, "is no text"),
        (_instead(Reply({}, 307, {"Location": "http://127.0.0.2/v1/x"})), "sends us elsewhere"),
        (_instead(Reply({"errors": ["rate limit quota exceeded"]}, 429)), "asked too often"),
        (_instead(Reply({"errors": ["1 error occurred"]}, 500)), "Vault answers 500"),
        (_instead(Reply(b"<html>")), "is not to be read"),
        (_instead(Reply([VALUE])), "no answer of Vault's"),
        (_instead(Reply({"data": VALUE})), "has no such key"),
        (_instead(Reply({"data": {"data": [VALUE]}})), "has no such key"),
        (_instead(Reply(b'{"data": "' + b"x" * 600_000 + b'"}')), "longer than"),
        (_instead(Reply(b"[" * 100_000)), "is not to be read"),
    ],
)  # fmt: skip
def test_each_way_to_say_no_has_its_words(make: Make, vault: Vault, change: Callable[[Vault], None], why: str) -> None:
    store, _ = make()
    change(vault)
    said = refused(store)
    assert why in said
    assert VALUE not in said


def test_kv_1_asked_as_kv_2_and_the_other_way_round(make: Make, vault: Vault) -> None:
    vault.readable |= {"/secret/jitbot/db", "/old/data/jitbot/db"}
    assert "Look at its `path`, `mount` and `version`" in refused(make({"version": 1})[0])
    assert "Look at its `path`, `mount` and `version`" in refused(make({"mount": "old"})[0])


@pytest.mark.parametrize("given", [{}, {"auth": None}, {"auth": {"client_token": ""}}, {"auth": {"client_token": "x"}}])
def test_a_login_without_a_token_is_none(make: Make, vault: Vault, approle: Mapping[str, Any], given: Any) -> None:
    store, _ = make(auth=approle)
    vault.instead = Reply(given)
    assert "a login without a token" in refused(store)


def test_a_vault_that_is_down(make: Make, vault: Vault) -> None:
    store, _ = make()
    vault.shutdown()
    vault.server_close()
    assert "Vault does not answer" in refused(store)


def test_a_vault_that_hangs_in_the_middle_is_left(
    make: Make, a_rude_server: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        connection.settimeout(30)
        connection.recv(1)

    host = a_rude_server(drip)
    monkeypatch.setattr(module, "SECONDS", 0.3)
    store, _ = make(address=f"http://{host}")
    assert "no whole answer within" in refused(store)


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[Vault]:
    """A Vault whose certificate only `tmp_path/ca.pem` vouches for."""
    (tmp_path / "ca.pem").write_bytes(self_signed(tmp_path / "server.pem"))
    serving = Vault()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    serving.socket = context.wrap_socket(serving.socket, server_side=True)
    serving.url = f"https://{serving.host}"
    serving.keep("jitbot/db", password=VALUE)
    with listening(serving):
        yield serving


def test_whoever_cannot_prove_to_be_vault_is_not_told_the_token(
    make: Make, over_tls: Vault, files: Callable[[str, str], str], tmp_path: Path
) -> None:
    auth = {"token_file": files("token", over_tls.token())}
    assert "Vault does not answer" in refused(make(auth=auth, address=over_tls.url)[0])
    assert over_tls.asked == []
    store, _ = make(auth=auth, address=over_tls.url, ca_file=str(tmp_path / "ca.pem"))
    assert store.read("db") == VALUE
    elsewhere = over_tls.url.replace("127.0.0.1", "localhost")  # the certificate is for the address alone
    assert "does not answer" in refused(make(auth=auth, address=elsewhere, ca_file=str(tmp_path / "ca.pem"))[0])


def self_signed(file: Path) -> bytes:
    """Write a key with its certificate for 127.0.0.1, and return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    return certificate
