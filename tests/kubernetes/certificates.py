"""A certificate authority for one run of the tests, and a server's certificate for loopback."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SINCE, UNTIL = datetime.datetime(2020, 1, 1), datetime.datetime(2040, 1, 1)


@dataclass(frozen=True)
class Certificates:
    ca: str
    """The authority's own certificate, in PEM."""
    certificate: Path
    key: Path


def make(folder: Path) -> Certificates:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _signed("tests", ca_key.public_key(), "tests", ca_key, x509.BasicConstraints(ca=True, path_length=0))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    server = _signed("127.0.0.1", key.public_key(), "tests", ca_key, names)
    made = Certificates(ca.public_bytes(serialization.Encoding.PEM).decode(), folder / "tls.crt", folder / "tls.key")
    made.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return made


def _signed(
    name: str, key: ec.EllipticCurvePublicKey, by: str, by_key: ec.EllipticCurvePrivateKey, more: x509.ExtensionType
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=_name(by),
        subject_name=_name(name),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=SINCE,
        not_valid_after=UNTIL,
    )
    identifiers = [
        x509.SubjectKeyIdentifier.from_public_key(key),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()),
    ]
    for each in identifiers:
        builder = builder.add_extension(each, critical=False)
    return builder.add_extension(more, critical=isinstance(more, x509.BasicConstraints)).sign(by_key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
