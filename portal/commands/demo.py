"""`flask demo`: two white labels with people, apps, servers and templates, to look around in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.commands import demo_desk, demo_domains, demo_hostnames, demo_sending
from portal.commands.provision import carry_out, read_file, show
from portal.commands.provisioning.document import BadDocument
from portal.config import Config
from portal.core.db import db
from portal.white_labels import platform

DOCUMENT = Path(__file__).with_name("demo.toml")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
RELAY_ALLOW = "127.0.0.0/8:*"


@click.command("demo")
@with_appcontext
def demo() -> None:
    """Fill a new installation with made-up tenants; again changes nothing.

    Refuses where people and servers of a real installation are, and where the platform's origin is
    not on this machine: everybody knows the demo's passwords.
    """
    set_stage()


def set_stage() -> None:
    """Provision the demo.

    Raises:
        click.ClickException: this is no place for a demo.
    """
    config: Config = current_app.config["LIVERY"]
    if urlsplit(config.platform_origin).hostname not in LOOPBACK:
        raise click.ClickException(
            f"{config.platform_origin} is not on this machine; the demo's passwords are public."
        )
    found = platform.find_platform()
    is_real = found is not None and not found.is_demo
    db.session.rollback()
    if is_real:
        raise click.ClickException("This installation is a real one; the demo needs its own.")
    try:
        report = carry_out(read_file(DOCUMENT), trusts_domains=True)
    except BadDocument as faults:
        raise click.ClickException(
            f"{faults}\nDoes LIVERY_RELAY_ALLOW have {RELAY_ALLOW}?"
        ) from None
    there = platform.the_platform()
    there.is_demo = True
    platform.change(there, origin=config.platform_origin)  # its port may be another one today
    demo_desk.fill()
    demo_domains.fill()
    demo_hostnames.fill()
    db.session.commit()
    demo_sending.fill()
    show(report)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody to sign in as."""

    address: str  # of the page
    email: str
    password: str
    who: str


def sign_ins(origin: str) -> Iterator[SignIn]:
    """Everybody in the demo, with the page to sign in at."""
    document = tomllib.loads(DOCUMENT.read_text(encoding="utf-8"))
    parts = urlsplit(origin)
    port = f":{parts.port}" if parts.port else ""
    for person in document["people"]:
        yield SignIn(origin, person["email"], person["password"], document["platform"]["name"])
    for white_label in document["white_labels"]:
        address = f"{parts.scheme}://{white_label['hostnames'][0]}{port}"
        for person in white_label["people"]:
            yield SignIn(
                address,
                person["email"],
                person["password"],
                f"{white_label['name']}, {person['role']}",
            )


def api_keys() -> Iterator[tuple[str, str]]:
    """The apps of the demo and their keys."""
    document = tomllib.loads(DOCUMENT.read_text(encoding="utf-8"))
    for white_label in document["white_labels"]:
        for app in white_label["apps"]:
            yield f"{app['name']} of {white_label['name']}", app["api_key"]
