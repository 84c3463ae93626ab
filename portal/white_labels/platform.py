"""The platform itself: its one row, its name and its address."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.audit import trail
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import AddressError, parse_address
from portal.white_labels.colours import check_colour
from portal.white_labels.models import Platform


class NotSetUp(Refusal):
    """There is no platform yet: nobody has run `flask provision`, `demo` or the setup link."""

    def __init__(self) -> None:
        super().__init__("not_set_up", _("This installation has not been set up yet."))


def the_platform() -> Platform:
    """The one row.

    Raises:
        NotSetUp: the installation is new.
    """
    platform = find_platform()
    if platform is None:
        raise NotSetUp
    return platform


def find_platform() -> Platform | None:
    """The one row, or None on a new installation."""
    return db.session.get(Platform, 1)


def set_up(*, name: str, origin: str, is_demo: bool = False) -> Platform:
    """Write the first row.

    Raises:
        Refusal: it is there already, or a value is not fit.
    """
    if find_platform() is not None:
        raise Refusal("already_set_up", _("This installation is set up already."))
    platform = Platform(id=1, name=check_name(name), origin=check_origin(origin), is_demo=is_demo)
    db.session.add(platform)
    db.session.flush()
    trail.record(None, "platform.set_up", "platform", {"name": platform.name})
    return platform


def change(
    platform: Platform,
    *,
    name: str | None = None,
    origin: str | None = None,
    colour: str | None = None,
    support_email: str | None = None,
) -> dict[str, str]:
    """Change what is given and is different; tells each change as field → new value.

    An empty `support_email` removes the address.
    """
    wanted: dict[str, str | None] = {}
    if name is not None:
        wanted["name"] = check_name(name)
    if origin is not None:
        wanted["origin"] = check_origin(origin)
    if colour is not None:
        wanted["colour"] = check_colour(colour)
    if support_email is not None:
        wanted["support_email"] = _support(support_email)
    changes = {
        field: value or "" for field, value in wanted.items() if getattr(platform, field) != value
    }
    for field in changes:
        setattr(platform, field, wanted[field])
    if changes:
        trail.record(None, "platform.changed", "platform", changes)
    return changes


def _support(email: str) -> str | None:
    if not email:
        return None
    try:
        return str(parse_address(email))
    except AddressError as fault:
        raise Refusal(fault.code, fault.words, field="support_email") from None


def check_name(name: str) -> str:
    """A name that people read: of the platform or of a white label."""
    tidy = " ".join(name.split())
    if not 0 < len(tidy) <= 80:
        raise Refusal("name_length", _("A name of 1 to 80 characters is needed."), field="name")
    if not tidy.isprintable():
        raise Refusal(
            "name_unprintable", _("A name cannot contain invisible characters."), field="name"
        )
    return tidy


def check_origin(origin: str) -> str:
    """Scheme, host and port, and nothing behind them: links in mails begin with it."""
    tidy = origin.strip().rstrip("/")
    try:
        parts = urlsplit(tidy)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, is_whole = urlsplit(""), False
    extra = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not is_whole or extra or len(tidy) > 300:
        raise Refusal(
            "origin_malformed",
            _("An origin looks like https://mail.example, with nothing behind the name and port."),
            field="origin",
        )
    return tidy.lower()
