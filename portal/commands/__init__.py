"""The operator: `flask …`, one file a command."""

from __future__ import annotations

from flask import Flask

from portal.commands.audit import audit
from portal.commands.demo import demo
from portal.commands.mailbox.command import mailbox
from portal.commands.provision import provision
from portal.commands.serve import serve
from portal.commands.setup_link import setup_link
from portal.commands.up import up

COMMANDS = (up, serve, provision, demo, mailbox, setup_link, audit)


def open_door(app: Flask) -> None:
    """Open this door of the application."""
    for command in COMMANDS:
        app.cli.add_command(command)
