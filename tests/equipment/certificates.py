"""A certificate authority that lives as long as the tests, and what trusts it."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates; `file` is what a client that trusts it is given."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str) -> Path:
        """One PEM file with key and chain for these host names and addresses."""
        chain = self._folder / f"{'-'.join(names).replace('*', 'any')}.pem"
        self._ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(chain))
        return chain

    def issue_expired(self, *names: str) -> Path:
        """As `issue`, but its time is over."""
        chain = self._folder / f"expired-{'-'.join(names)}.pem"
        ended = datetime(2020, 1, 2, tzinfo=UTC)
        issued = self._ca.issue_cert(*names, not_before=ended - timedelta(days=1), not_after=ended)
        issued.private_key_and_cert_chain_pem.write_to_path(str(chain))
        return chain

    def self_signed(self, name: str) -> Path:
        """A certificate that vouches for itself and is known to nobody."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime(2020, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=36500))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        chain = self._folder / f"self-signed-{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        chain.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return chain

    def self_signed_as(self, subject: bytes) -> Path:
        """The same with a common name that is written like this in DER: tag, length, octets."""
        plain = b"A" * (len(subject) - 2)
        chain = self.self_signed(plain.decode())
        key, begin, rest = chain.read_text().partition("-----BEGIN CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert(begin + rest)
        written = der.replace(b"\x0c" + subject[1:2] + plain, subject)
        chain.write_text(key + ssl.DER_cert_to_PEM_cert(written))
        return chain

    @property
    def pem(self) -> str:
        """What a server's settings hold to trust this authority."""
        return self.file.read_text()

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone and checks host names."""
        return ssl.create_default_context(cafile=str(self.file))


def fingerprint(chain: Path) -> str:
    """What pins the first certificate of this file."""
    pem = chain.read_text()
    leaf = pem[pem.index("-----BEGIN CERTIFICATE") :].split("-----END CERTIFICATE-----")[0]
    der = ssl.PEM_cert_to_DER_cert(leaf + "-----END CERTIFICATE-----")
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, 64, 2))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
