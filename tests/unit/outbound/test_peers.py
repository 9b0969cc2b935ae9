"""Names that lead to where clouds hand out the credentials of a machine."""

import socket
from ipaddress import ip_network

import pytest

from jitbot.errors import RunnerRefused
from jitbot.outbound import peers
from jitbot.outbound.peers import hands_out_credentials
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.http import HttpRunner
from jitbot.testing.runners import ContractRun
from tests.servers import a_server

__all__ = ["a_server"]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_metadata_is_known_in_every_form(address: str) -> None:
    assert hands_out_credentials(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "192.168.1.1", "169.253.0.1", "::1", "2001:db8::1"])
def test_ordinary_addresses_are_none(address: str) -> None:
    assert not hands_out_credentials(address)


@pytest.fixture
def told(a_server, monkeypatch):
    """Give a request to a name, which leads to the server, and the list of what was looked up."""
    server, asked = a_server(), []
    port = server.server_address[1]
    look_up = socket.getaddrinfo

    def answer(host, *more, **words):
        asked.append(host)
        return look_up("127.0.0.1" if host == "api.example.com" else host, *more, **words)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    site = EnvironmentSite([f"api.example.com:{port}", f"127.0.0.1:{port}"])
    server.answers["/x"] = (200, {}, b"")

    def run(host: str) -> None:
        runner = HttpRunner(site)
        runner.start(runner.Inputs.model_validate({"method": "PUT", "url": f"http://{host}:{port}/x"}), ContractRun())

    return run, server, asked


def test_the_address_that_was_reached_counts_and_nothing_is_looked_up_twice(told) -> None:
    """Whoever answers for the name could say something else the second time."""
    run, server, asked = told
    run("api.example.com")
    assert asked == ["api.example.com"]
    assert len(server.seen) == 1


def test_a_name_that_leads_to_metadata_is_told_nothing(told, monkeypatch) -> None:
    run, server, _ = told
    monkeypatch.setattr(peers, "_LOCAL", (ip_network("127.0.0.0/8"),))
    with pytest.raises(RunnerRefused, match=r"this name leads to 127\.0\.0\.1, where clouds hand out credentials"):
        run("api.example.com")
    assert server.seen == []


def test_an_address_that_the_operator_allows_itself_is_meant(told, monkeypatch) -> None:
    run, server, _ = told
    monkeypatch.setattr(peers, "_LOCAL", (ip_network("127.0.0.0/8"),))
    run("127.0.0.1")
    assert len(server.seen) == 1
