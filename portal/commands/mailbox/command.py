"""`flask mailbox`: the demo's mailbox by itself; `flask up --demo` starts it with the rest."""

from __future__ import annotations

import threading

import click
from werkzeug.serving import WSGIRequestHandler, make_server

from portal.commands.demo import DOCUMENT
from portal.commands.mailbox.doors import Door, plates
from portal.commands.mailbox.page import make_page
from portal.commands.mailbox.shelf import Shelf

PORT = 8025


class Quiet(WSGIRequestHandler):
    """The page looks again every few seconds; nobody wants to read about it."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@click.command("mailbox")
@click.option("--port", default=PORT, show_default=True, help="Of the page, on 127.0.0.1.")
def mailbox(port: int) -> None:
    """Keep every mail of the demo and show it at http://localhost:8025."""
    shelf = Shelf()
    opened = [Door(plate, shelf) for plate in plates(DOCUMENT)]
    for door in opened:
        threading.Thread(target=door.serve_forever, name=door.plate.name, daemon=True).start()
    names = [f"{door.plate.name}: port {door.port}" for door in opened]
    page = make_server(
        "127.0.0.1", port, make_page(shelf, names), threaded=True, request_handler=Quiet
    )
    click.echo(f"mailbox at http://localhost:{port}, " + ", ".join(names))
    try:
        page.serve_forever()
    except KeyboardInterrupt:
        click.echo("mailbox closed")
