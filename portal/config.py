"""What the environment says, read once: every `LIVERY_…` key, its default and its check."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

TENANT_PORTS = (25, 465, 587, 2525, 2465, 2587)
MICROSOFT = "https://login.microsoftonline.com"
"""Where access tokens for Microsoft 365 come from."""


class ConfigurationError(Exception):
    """One or more keys are wrong or missing; every one of them is named."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Configuration is incomplete:\n" + "\n".join(f"  {f}" for f in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class RelayAllow:
    """A private network that servers may be in, with the port (None: any)."""

    network: IPv4Network | IPv6Network
    port: int | None


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration of one process."""

    instance: Path
    database_url: str
    broker_url: str | None  # None: embedded
    key_file: Path
    secret_key: str
    platform_origin: str
    relay_allow: tuple[RelayAllow, ...] = ()
    tenant_ports: tuple[int, ...] = TENANT_PORTS
    dns_servers: tuple[str, ...] = ()
    microsoft_authority: str = MICROSOFT
    trusted_proxies: int = 0
    metrics_token: str | None = field(default=None, repr=False)
    testing: bool = False

    @property
    def is_https(self) -> bool:
        return self.platform_origin.startswith("https://")

    @property
    def journal_folder(self) -> Path:
        return self.instance / "journal"


def read(environ: Mapping[str, str] | None = None) -> Config:
    """Read the environment.

    Raises:
        ConfigurationError: naming all keys that are wrong or missing at once.
    """
    env = os.environ if environ is None else environ
    faults: list[str] = []
    instance = Path(env.get("LIVERY_INSTANCE", "instance")).absolute()

    origin = env.get("LIVERY_PLATFORM_ORIGIN", "http://localhost:8000").rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
        faults.append("LIVERY_PLATFORM_ORIGIN must look like https://mail.example (no path)")

    database_url = env.get("LIVERY_DATABASE_URL", f"sqlite:///{instance / 'livery.db'}")
    if database_url.startswith(("postgres://", "postgresql://")):
        database_url = "postgresql+psycopg://" + database_url.split("://", 1)[1]
    if not database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        faults.append("LIVERY_DATABASE_URL must begin with sqlite:/// or postgresql://")

    broker_url = env.get("LIVERY_BROKER_URL") or None
    if broker_url and not broker_url.startswith(("redis://", "rediss://", "unix://")):
        faults.append(
            "LIVERY_BROKER_URL must begin with redis://, or be empty for the embedded one"
        )

    secret_key = env.get("LIVERY_SECRET_KEY", "")
    if not secret_key:
        secret_key = _kept_secret_key(instance, faults)
    elif len(secret_key) < 32:
        faults.append("LIVERY_SECRET_KEY must be at least 32 characters long")

    authority = env.get("LIVERY_MICROSOFT_AUTHORITY", MICROSOFT).rstrip("/")
    if not _is_authority(authority):
        faults.append(
            "LIVERY_MICROSOFT_AUTHORITY must look like https://login.microsoftonline.com (no "
            "path); http only on this machine itself"
        )

    config = Config(
        instance=instance,
        database_url=database_url,
        broker_url=broker_url,
        key_file=Path(env.get("LIVERY_KEY_FILE", str(instance / "livery.keys"))).absolute(),
        secret_key=secret_key,
        platform_origin=origin,
        relay_allow=_relays(env.get("LIVERY_RELAY_ALLOW", ""), faults),
        tenant_ports=_ports(env.get("LIVERY_TENANT_PORTS", ""), faults),
        dns_servers=_name_servers(env.get("LIVERY_DNS_SERVERS", ""), faults),
        microsoft_authority=authority,
        trusted_proxies=_count(env, "LIVERY_TRUSTED_PROXIES", faults),
        metrics_token=env.get("LIVERY_METRICS_TOKEN") or None,
    )
    if faults:
        raise ConfigurationError(faults)
    return config


def relays(text: str) -> tuple[RelayAllow, ...]:
    """The private networks in a `LIVERY_RELAY_ALLOW`.

    Raises:
        ConfigurationError: naming what cannot be read.
    """
    faults: list[str] = []
    found = _relays(text, faults)
    if faults:
        raise ConfigurationError(faults)
    return found


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _relays(text: str, faults: list[str]) -> tuple[RelayAllow, ...]:
    relays = []
    for item in _items(text):
        network, _, port = item.rpartition(":")
        try:
            number = None if port == "*" else int(port)
            bare = network.replace("[", "").replace("]", "")
            relays.append(RelayAllow(ip_network(bare), number))
        except ValueError:
            faults.append(
                f"LIVERY_RELAY_ALLOW: {item!r} must look like 10.0.0.0/8:25 or [::1]/128:*"
            )
    return tuple(relays)


def _ports(text: str, faults: list[str]) -> tuple[int, ...]:
    try:
        ports = tuple(int(item) for item in _items(text))
    except ValueError:
        ports = (0,)
    if not all(0 < port < 65536 for port in ports):
        faults.append("LIVERY_TENANT_PORTS must be port numbers separated by commas")
    return ports or TENANT_PORTS


def _name_servers(text: str, faults: list[str]) -> tuple[str, ...]:
    servers = _items(text)
    for server in servers:
        address, _colon, port = (server, "", "53") if _is_ip(server) else server.rpartition(":")
        if not _is_ip(address.strip("[]")) or not port.isdecimal():
            faults.append(
                f"LIVERY_DNS_SERVERS: {server!r} must look like 192.0.2.1 or [2001:db8::1]:5353"
            )
    return tuple(servers)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_authority(origin: str) -> bool:
    """An origin that client secrets may be sent to: encrypted, or not over any network."""
    parts = urlsplit(origin)
    host = parts.hostname
    if host is None or f"{parts.scheme}://{parts.netloc}" != origin or parts.username is not None:
        return False
    is_here = _is_ip(host) and ip_address(host).is_loopback
    return parts.scheme == "https" or (parts.scheme == "http" and is_here)


def _count(env: Mapping[str, str], key: str, faults: list[str]) -> int:
    text = env.get(key, "0")
    if not text.isdecimal():
        faults.append(f"{key} must be the number of proxies in front, 0 for none")
        return 0
    return int(text)


def _kept_secret_key(instance: Path, faults: list[str]) -> str:
    """The key that signs cookies, made at the first start and kept beside the data."""
    path = instance / "cookie.key"
    try:
        instance.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(descriptor, "w") as file:
            key = secrets.token_urlsafe(48)
            file.write(key)
        return key
    except OSError as fault:
        faults.append(f"LIVERY_SECRET_KEY is not set and {path} cannot be kept: {fault.strerror}")
        return ""
