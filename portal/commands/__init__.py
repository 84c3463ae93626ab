"""The operator: `flask …`, one file a command."""

from __future__ import annotations

from flask import Flask

from portal.commands import (
    audit,
    check,
    deliver,
    demo,
    keys,
    outbox,
    provision,
    route,
    serve,
    setup_link,
    up,
)
from portal.commands.mailbox import command as mailbox

COMMANDS = (
    up.up,
    serve.serve,
    deliver.deliver,
    outbox.outbox,
    provision.provision,
    demo.demo,
    mailbox.mailbox,
    setup_link.setup_link,
    check.check,
    route.route,
    keys.keys,
    audit.audit,
)


def open_door(app: Flask) -> None:
    """Open this door of the application."""
    for command in COMMANDS:
        app.cli.add_command(command)
