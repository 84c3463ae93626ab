"""TLS with a mail server: always verified, and every failure has a cause that can be told."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from portal.smtp.causes import Cause
from portal.smtp.target import TlsVersion
from portal.smtp.transcript import tidy

_VERSIONS = {
    TlsVersion.TLS_1_0: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS_1_1: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed and whom we talk to, for the page.

    What stands in the certificate is empty where only OpenSSL can read it: OpenSSL is the judge of
    it, and forgives more (a star in a PrintableString, as in many an old one).
    """

    version: str  # "TLSv1.3"
    cipher: str
    subject: str
    issuer: str
    expires_at: datetime | None  # UTC
    sha256: str  # of the certificate in DER form, hex: what a pin is made of


class BadCaBundle(ValueError):
    """The text is no list of PEM certificates."""


@lru_cache(maxsize=256)  # reading the system's authorities takes milliseconds
def context_for(min_tls: TlsVersion, ca_pem: str | None, *, is_pinned: bool) -> ssl.SSLContext:
    """The rules of one handshake: certificate and name are checked, or else a pin (`check_pin`).

    Args:
        ca_pem: authorities to trust instead of the system's.
        is_pinned: the certificate will be compared with a pin, which is stricter than any
            authority; without `ca_pem` nothing else is asked of it then, so that a self-signed
            one can be pinned.

    Raises:
        BadCaBundle: `ca_pem` cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise BadCaBundle(str(error)) from error
    with warnings.catch_warnings():
        # That an old version is deprecated was said to the platform's owner, who chose it.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[min_tls]
    if min_tls.is_deprecated:
        # OpenSSL 3 signs TLS 1.0 and 1.1 handshakes with SHA-1, which needs its lowest level.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if is_pinned and ca_pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def check_pin(tls: ssl.SSLSocket, pin_sha256: str) -> bool:
    """Whether the server's certificate is the pinned one; colons and case in the pin are free."""
    pin = pin_sha256.replace(":", "").lower()
    return hmac.compare_digest(hashlib.sha256(_certificate(tls)).hexdigest(), pin)


def facts_of(tls: ssl.SSLSocket) -> TlsFacts:
    """What the handshake agreed on."""
    der = _certificate(tls)
    cipher = tls.cipher()
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, issuer = _name(certificate.subject), _name(certificate.issuer)
        expires_at = certificate.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        subject, issuer, expires_at = "", "", None
    return TlsFacts(
        version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        subject=subject,
        issuer=issuer,
        expires_at=expires_at,
        sha256=hashlib.sha256(der).hexdigest(),
    )


# X509_V_ERR_… of OpenSSL's x509_vfy.h
_CERTIFICATE_CAUSES = {
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    18: Cause.CERTIFICATE_SELF_SIGNED,
    19: Cause.CERTIFICATE_UNKNOWN_ISSUER,  # a root that we do not know came along
    20: Cause.CERTIFICATE_UNKNOWN_ISSUER,
    21: Cause.CERTIFICATE_UNKNOWN_ISSUER,
    62: Cause.CERTIFICATE_WRONG_NAME,
    64: Cause.CERTIFICATE_WRONG_NAME,  # the host is an IP address
}
# Reasons of OpenSSL's sslerr.h: the first group means that no TLS was spoken.
_REASONS = {
    "WRONG_VERSION_NUMBER": Cause.NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": Cause.NOT_TLS,
    "BAD_RECORD_TYPE": Cause.NOT_TLS,
    "RECORD_LAYER_FAILURE": Cause.NOT_TLS,
    "HTTP_REQUEST": Cause.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": Cause.TLS_TOO_OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": Cause.TLS_TOO_OLD,
    "WRONG_SSL_VERSION": Cause.TLS_TOO_OLD,
    "DH_KEY_TOO_SMALL": Cause.TLS_TOO_OLD,
    "EE_KEY_TOO_SMALL": Cause.TLS_TOO_OLD,
    "CA_MD_TOO_WEAK": Cause.TLS_TOO_OLD,
}


def cause_of(error: OSError) -> Cause:
    """Why a handshake failed, from what OpenSSL or the socket said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_CAUSES.get(error.verify_code, Cause.CERTIFICATE_INVALID)
    if isinstance(error, ssl.SSLError):
        return _REASONS.get(error.reason or "", Cause.TLS_FAILED)
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT
    return Cause.CLOSED


def _certificate(tls: ssl.SSLSocket) -> bytes:
    return tls.getpeercert(binary_form=True) or b""


def _name(name: x509.Name) -> str:
    """The common name, or else all of it; fit to be shown."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tidy(str(common[0].value) if common else name.rfc4514_string())
