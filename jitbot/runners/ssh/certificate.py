"""Signs somebody's own public key for a time: a certificate that ends by itself, even where jitbot is gone.

A certificate is no secret, since it is worth nothing without its key: it is handed out in the log and kept in the
receipt. It cannot be called back, so an end before its time is a line in a file of revoked ones. Its serial number
comes from the run's key, so that it can be revoked even where the start never answered.
"""

import hashlib
import time
from typing import cast

import asyncssh
from pydantic import BaseModel

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.paths import granted
from jitbot.outbound.text import LINE_CHARACTERS, shown
from jitbot.outbound.values import digest
from jitbot.policy.durations import parse_duration
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.ssh.certificate_inputs import CertificateInputs, Extension
from jitbot.runners.ssh.login import private_key
from jitbot.runners.ssh.revocation import NoKrl, demand_writable, is_revoked, revoke

LOOK_SECONDS = 10.0
EARLY_SECONDS = 60
"""How much before it was signed a certificate begins, for hosts whose clocks are behind."""
SHORTEST_RSA_BITS = 2048


class CertificateRunner:
    """See `CertificateInputs` for what it can be told."""

    Inputs: type[BaseModel] = CertificateInputs
    repeatable = True
    """What is signed again under one key has the same serial number and the same end."""
    undoable = True
    ends_by_itself = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(CertificateInputs, inputs)
        whom = hashlib.sha256(" ".join(sorted(set(told.principals))).encode()).hexdigest()[:16]
        return f"ssh-certificate:{_public_key(told).get_fingerprint()}:{told.ca.secret}:{whom}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(CertificateInputs, inputs)
        ca = self._ready(told)
        diff = "".join(f"+ {line}\n" for line in _in_words(told)).rstrip()
        summary = (
            f"Sign the key {_public_key(told).get_fingerprint()} with the authority {told.ca.secret!r} "
            f"({ca.get_fingerprint()}), to log in as {', '.join(told.principals)}"
        )
        return Plan(summary, digest(told, ca.get_fingerprint()), diff=diff, undoable=told.krl is not None)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(CertificateInputs, inputs)
        seconds_left(run)
        ca = self._ready(told)
        now = time.time()
        until = _until(told, run, now)
        if until <= now:
            raise RunnerRefused("The time of this certificate is over already; nothing was signed.")
        signed = _signed(told, ca, run.key, int(now) - EARLY_SECONDS, until)
        ends = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
        _hand_out(signed, ends, run)
        kept = {"certificate": signed, "serial": str(serial(run.key)), "valid_before": until}
        return Receipt(kept, summary=f"certificate {_name(run.key)} for {', '.join(told.principals)}, until {ends}")

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        """Sign the same key once more, under the same serial number, with the later end."""
        told = cast(CertificateInputs, inputs)
        if told.krl is None:
            raise RunnerRefused("This certificate has an end of its own (`valid_for`), so it is not extended.")
        if receipt is not None and self.check(inputs, receipt).state is HealthState.ABSENT:
            raise RunnerRefused("The certificate is revoked or has ended, so a new one would be worth nothing.")
        signed = self.start(inputs, run)
        before = {} if receipt is None else receipt.data
        until = max(signed.data["valid_before"], before.get("valid_before", 0))
        serials = {"serial": before["serial"]} if before else {}  # that of the first holder, by which the last undoes
        return Receipt({**signed.data, **serials, "valid_before": until}, summary=signed.summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(CertificateInputs, inputs)
        if receipt is None:
            return Health(
                HealthState.UNKNOWN, "Whether a certificate was handed out before jitbot stopped is not known."
            )
        if time.time() >= receipt.data["valid_before"]:
            return Health(HealthState.ABSENT, "The certificate has ended.")
        if told.krl is None:
            return Health(HealthState.HEALTHY, "The certificate is valid.")
        try:
            revoked = is_revoked(self._krl(told.krl), receipt.data["certificate"], LOOK_SECONDS)
        except (NoKrl, NotGranted) as error:
            return Health(HealthState.UNKNOWN, f"Whether it is revoked is not known: {error}")
        if revoked:
            return Health(HealthState.ABSENT, "The certificate is revoked.")
        return Health(HealthState.HEALTHY, "The certificate is valid and not revoked.")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(CertificateInputs, inputs)
        numbers = {serial(run.key)}
        if receipt is not None:
            numbers.add(int(receipt.data["serial"]))  # that of the first holder, where this is the last of several
        if receipt is not None and len(numbers) == 1 and time.time() >= _ends(receipt, run):
            run.log("the certificate has ended by itself")
            return
        if told.krl is None:
            raise RunnerRefused("A certificate without a krl cannot be called back: it ends by itself.")
        authority = private_key(told.ca.secret, self._site).export_public_key().decode().strip()
        try:
            revoke(self._krl(told.krl), authority, sorted(numbers), seconds_left(run))
        except NoKrl as error:
            raise RunnerUnsure(f"The certificate {_name(run.key)} is not revoked: {error}.") from error
        run.log(f"revoked in {told.krl}, by number: {', '.join(map(str, sorted(numbers)))}")

    def _krl(self, path: str) -> str:
        """Return where a file of revoked certificates is. Raises: NotGranted."""
        return str(granted(path, self._site))

    def _ready(self, told: CertificateInputs) -> asyncssh.SSHKey:
        """Return the authority's key, and see that everything that is needed is there. Raises: RunnerRefused."""
        key = _public_key(told)
        if key.get_algorithm() == "ssh-rsa" and _bits(key) < SHORTEST_RSA_BITS:
            raise RunnerRefused(f"An RSA key of less than {SHORTEST_RSA_BITS} bits is not signed: make a new key.")
        if told.krl is not None:
            try:
                demand_writable(self._krl(told.krl))
            except NoKrl as error:
                raise RunnerRefused(f"What is handed out could not be revoked: {error}.") from error
        return private_key(told.ca.secret, self._site)


def serial(key: str) -> int:
    """Return the serial number of what is signed in a run: 64 bits from its key."""
    return int.from_bytes(hashlib.sha256(f"jitbot:{key}".encode()).digest()[:8])


def _public_key(told: CertificateInputs) -> asyncssh.SSHKey:
    return asyncssh.import_public_key(told.public_key)


def _bits(key: asyncssh.SSHKey) -> int:
    return int(getattr(key.pyca_key, "key_size", 0))


def _name(key: str) -> str:
    return f"jitbot:{key}"


def _until(told: CertificateInputs, run: Run, now: float) -> int:
    """Return when the certificate ends, in whole seconds and never after the grant. Raises: RunnerRefused."""
    if told.valid_for is not None:
        ends = now + parse_duration(told.valid_for).total_seconds()
        return int(ends if run.until is None else min(ends, run.until.timestamp()))
    if run.until is None:
        raise RunnerRefused("This action has no timebox, so nothing says when to revoke: give valid_for, not krl.")
    return int(run.until.timestamp())


def _ends(receipt: Receipt, run: Run) -> float:
    """Return when the last of what was signed in this run ends; one may have been extended without a receipt."""
    last: float = receipt.data["valid_before"]
    return last if run.until is None else max(last, int(run.until.timestamp()))


def _signed(told: CertificateInputs, ca: asyncssh.SSHKey, key: str, since: int, until: int) -> str:
    certificate = ca.generate_user_certificate(
        _public_key(told),
        _name(key),
        serial=serial(key),
        principals=list(told.principals),
        valid_after=since,
        valid_before=until,
        force_command=told.force_command,
        source_address=list(told.source_addresses) or None,
        permit_pty=Extension.PTY in told.extensions,
        permit_port_forwarding=Extension.PORT_FORWARDING in told.extensions,
        permit_agent_forwarding=Extension.AGENT_FORWARDING in told.extensions,
        permit_x11_forwarding=Extension.X11_FORWARDING in told.extensions,
        permit_user_rc=Extension.USER_RC in told.extensions,
        comment=None,
    )
    return certificate.export_certificate().decode().strip()


def _hand_out(signed: str, ends: str, run: Run) -> None:
    """Log the certificate, in pieces as long as a line may be."""
    pieces = [signed[i : i + LINE_CHARACTERS] for i in range(0, len(signed), LINE_CHARACTERS)]
    joined = "" if len(pieces) == 1 else f" (these {len(pieces)} lines joined into one)"
    run.log(f"Put this into a file beside your key, named like it with -cert.pub{joined}; it is valid until {ends}:")
    for piece in pieces:
        run.log(piece)


def _in_words(told: CertificateInputs) -> list[str]:
    """Tell what the certificate allows, line by line."""
    lines = [f"log in as {name}" for name in told.principals]
    lines += [extension.value for extension in Extension if extension in told.extensions]
    lines += [f"only from {network}" for network in told.source_addresses]
    if told.force_command is not None:
        lines.append(f"only to run {shown(told.force_command)}")
    if told.valid_for is not None:
        lines.append(f"for {told.valid_for}, and nothing ends it before")
    return lines
