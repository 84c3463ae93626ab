"""Why a session could not be opened or broke: one stable word for each cause.

Pure. Programs act on a verdict's kind; people are told the cause (see advice.py).
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    # The name and the way there.
    BAD_HOST = "bad_host"  # no host name and no address
    NAME_NOT_FOUND = "name_not_found"  # DNS says there is no such name
    NAME_LOOKUP_FAILED = "name_lookup_failed"  # DNS could not be asked
    NOT_ALLOWED = "not_allowed"  # our own rule: address or port; never more is said than this
    CONNECTION_REFUSED = "connection_refused"  # nobody listens on this port
    CONNECT_TIMEOUT = "connect_timeout"  # no answer: wrong host, or a firewall on the way
    NO_ROUTE = "no_route"  # this machine has no way to that network
    # The line.
    CLOSED = "closed"  # the server hung up
    TIMEOUT = "timeout"  # connected, but too slow to answer
    # The protocol.
    MALFORMED = "malformed"  # what came is no SMTP reply
    TOO_LONG = "too_long"  # a reply without end
    OUT_OF_STEP = "out_of_step"  # an answer that does not fit the question
    UNSOLICITED = "unsolicited"  # an answer that nobody asked for
    REFUSED_US = "refused_us"  # "no mail from you", before any message
    # Protection.
    TLS_EXPECTED = "tls_expected"  # the port wants TLS from the first byte; we spoke in clear
    NOT_TLS = "not_tls"  # we spoke TLS; the port answers in clear
    STARTTLS_MISSING = "starttls_missing"  # required here, not offered there
    STARTTLS_REFUSED = "starttls_refused"  # offered, then refused
    STARTTLS_INJECTED = "starttls_injected"  # clear text pushed in before the handshake
    TLS_TOO_OLD = "tls_too_old"  # only versions that are not safe any more
    TLS_FAILED = "tls_failed"  # no agreement, for a reason we have no word for
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_WRONG_NAME = "certificate_wrong_name"  # made out to another host
    CERTIFICATE_SELF_SIGNED = "certificate_self_signed"
    CERTIFICATE_UNKNOWN_ISSUER = "certificate_unknown_issuer"
    CERTIFICATE_INVALID = "certificate_invalid"  # any other fault of a certificate
    PIN_MISMATCH = "pin_mismatch"  # not the certificate that was pinned
    BAD_CA_BUNDLE = "bad_ca_bundle"  # our own setting is no list of certificates
    # Signing in.
    AUTH_IN_CLEAR = "auth_in_clear"  # our own rule: no password over an open line
    AUTH_NOT_OFFERED = "auth_not_offered"  # the server knows no sign-in here
    NO_COMMON_MECHANISM = "no_common_mechanism"  # it knows others than we do
    CREDENTIALS_REFUSED = "credentials_refused"
    SIGN_IN_FAILS_FOR_NOW = "sign_in_fails_for_now"
    # Signing in by access token.
    GRANT_REFUSED = "grant_refused"  # the provider gives none for this client, secret and tenant
    PROVIDER_AWAY = "provider_away"  # the provider could not be asked, or not now
    PROVIDER_MALFORMED = "provider_malformed"  # what answered is no token service
    BEARER_REFUSED = "bearer_refused"  # the provider gave one, the server refused it
    SWITCHED_OFF = "switched_off"  # the platform's owner does not allow it here
    # The message.
    SENDER_REFUSED = "sender_refused"  # this server does not send for that address
