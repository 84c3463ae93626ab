"""`flask up`: everything on one machine, in one terminal, ended by one Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext

from portal import config as configuration
from portal.commands import demo
from portal.commands.database import bring_up_to_date
from portal.commands.mailbox.command import PORT as MAILBOX_PORT
from portal.commands.mailbox.doors import plates
from portal.config import Config
from portal.core.schema import PROJECT

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a part that died is started again; doubled each time."""
STEADY = 60.0
"""A part that lived this long has proven itself; the pause begins anew."""
PATIENCE = 30.0
"""How long a part may take to end before it is killed."""


@click.command("up")
@click.option("--demo", "is_demo", is_flag=True, help="With made-up tenants and a mailbox.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the pages.")
@click.option("--port", default=None, type=int, help="Of the pages; else the platform origin's.")
@with_appcontext
def up(*, is_demo: bool, host: str, port: int | None) -> None:
    """Bring the database up to date, then run web, delivery and jobs together.

    What dies is started again. Ctrl-C, or SIGTERM, ends everything in order.
    """
    config: Config = current_app.config["LIVERY"]
    port = port or urlsplit(config.platform_origin).port or 8000
    if is_demo and host not in demo.LOOPBACK:
        raise click.ClickException(
            "The demo listens on this machine only: its passwords are public."
        )
    wanted = [(host, port)]
    if is_demo:
        wanted += [("127.0.0.1", plate.port) for plate in plates(demo.DOCUMENT)]
        wanted.append(("127.0.0.1", MAILBOX_PORT))
    _refuse_taken(wanted)

    bring_up_to_date()
    environ = dict(os.environ, PYTHONUNBUFFERED="1")
    if is_demo:
        environ.setdefault("LIVERY_RELAY_ALLOW", demo.RELAY_ALLOW)
        current_app.config["LIVERY"] = replace(
            config, relay_allow=configuration.relays(environ["LIVERY_RELAY_ALLOW"])
        )
        demo.set_stage()

    # Ended in this order: first what takes new work, last what others talk to.
    parts = [
        Part("web", _flask("serve", f"--host={host}", f"--port={port}")),
        Part("jobs", _flask("jobs")),
        Part("delivery", _flask("deliver")),
    ]
    if is_demo:
        parts.append(Part("mailbox", _flask("mailbox")))
    together = Together(parts, environ)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: together.end_soon())
    together.start()
    if _answers(f"http://{host}:{port}/healthz", together):
        _greet(config, is_demo=is_demo)
    together.run_until_ended()


@dataclass(slots=True)
class Part:
    """One child process."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[str] | None = None
    started: float = 0.0  # monotonic seconds, as the next two
    pause: float = FIRST_PAUSE
    start_at: float = field(default=0.0)

    def start(self, environ: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            cwd=PROJECT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for this process; it ends the others in order
        )
        threading.Thread(target=self._echo, args=(self.process,), daemon=True).start()

    def note_death(self, now: float) -> None:
        """Plan the next start."""
        if now - self.started > STEADY:
            self.pause = FIRST_PAUSE
        self.start_at = now + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.process = None

    def _echo(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is not None:
            with process.stdout as output:
                for line in output:
                    click.echo(f"{self.name:>8} │ {line.rstrip()}")


class Together:
    """The parts: started at once, started again one by one, ended one after the other."""

    def __init__(self, parts: Sequence[Part], environ: Mapping[str, str]) -> None:
        self.parts = parts
        self._environ = environ
        self._asked = 0

    @property
    def is_ending(self) -> bool:
        return self._asked > 0

    def end_soon(self) -> None:
        """From a signal: end in order; asked a second time, kill."""
        self._asked += 1

    def start(self) -> None:
        for part in reversed(self.parts):
            part.start(self._environ)

    def run_until_ended(self) -> None:
        try:
            while not self.is_ending:
                self.look_after()
                time.sleep(0.2)
        finally:
            self._end()

    def look_after(self) -> None:
        """Start again what has died and waited its pause out."""
        now = time.monotonic()
        for part in self.parts:
            if part.process is not None and (code := part.process.poll()) is not None:
                part.note_death(now)
                click.echo(
                    f"{part.name:>8} │ ended with {code}; again in {part.start_at - now:.0f} s"
                )
            if part.process is None and now >= part.start_at:
                part.start(self._environ)

    def _end(self) -> None:
        click.echo("Ending.")
        for part in self.parts:
            process = part.process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            until = time.monotonic() + PATIENCE
            while process.poll() is None:
                if time.monotonic() > until or self._asked > 1:
                    process.kill()
                    process.wait()
                    break
                time.sleep(0.05)


def _flask(*words: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "app", *words]


def _refuse_taken(addresses: Sequence[tuple[str, int]]) -> None:
    """Say at once which port somebody else has, instead of failing again and again.

    Raises:
        click.ClickException: naming all of them.
    """
    taken = []
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError as error:
                taken.append(f"{host}:{port} ({error.strerror})")
    if taken:
        raise click.ClickException(f"These addresses cannot be used: {', '.join(taken)}")


def _answers(address: str, together: Together) -> bool:
    """Wait until the pages are there; False when everything is ended before."""
    while not together.is_ending:
        together.look_after()
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 - our own address
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _greet(config: Config, *, is_demo: bool) -> None:
    click.echo(f"\nLivery is up: {config.platform_origin}")
    if is_demo:
        click.echo(f"Mails of the demo arrive at http://localhost:{MAILBOX_PORT}\n\nSign in:")
        for person in demo.sign_ins(config.platform_origin):
            click.echo(
                f"  {person.address:<30} {person.email:<24} {person.password}   ({person.who})"
            )
        click.echo("\nAPI keys:")
        for app, key in demo.api_keys():
            click.echo(f"  {app:<20} {key}")
        app, key = next(demo.api_keys())
        click.echo(
            f"\nSend as {app}:\n"
            f"  curl {config.platform_origin}/api/v1/messages -H 'Authorization: Bearer {key}' \\\n"
            "    -H 'Content-Type: application/json' \\\n"
            """    -d '{"to": ["you@customer.example"], "template": "welcome", """
            """"variables": {"name": "You"}}'"""
        )
    click.echo("\nCtrl-C ends it.\n")
