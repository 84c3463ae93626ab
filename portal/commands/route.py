"""`flask route`: by which server would this leave, and why? The portal's own rule, nothing sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import with_appcontext

from portal.accounts import people
from portal.apps import apps
from portal.apps.models import App
from portal.core.db import db, reading
from portal.core.errors import Refusal
from portal.outbox.accept import explain_only
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission
from portal.routing import explain
from portal.routing.decide import NoRoute
from portal.smtp.addresses import Mailbox, parse_address
from portal.white_labels import tenants


@click.command("route")
@click.option("--app", "app_name", required=True, help="As acme/Shop: white label and app.")
@click.option("--to", required=True, multiple=True, help="A recipient; may be given again.")
@click.option("--sender", help="The id or address of a sender chosen for the message.")
@click.option("--template", help="The slug of a template.")
@click.option("--agent", help="The address of the agent who writes.")
@with_appcontext
def route(
    app_name: str, to: tuple[str, ...], sender: str | None, template: str | None, agent: str | None
) -> None:
    """Explain the route of a message without sending it; exit 1 when there is none."""
    with _asking():
        app = _app(app_name)
        submission = Submission(
            white_label_id=app.white_label_id,
            app_id=app.id,
            agent_id=_person(app, agent),
            to=tuple(Recipient(Mailbox(parse_address(address))) for address in to),
            sender=int(sender) if sender and sender.isdecimal() else sender,
            content=FromTemplate(template) if template else OwnContent("", ""),
        )
        decision, facts = explain_only(submission)
        click.echo(explain.answer(decision, facts))
        for step in explain.trace_words(decision.trace, owner=facts.owner_name):
            where = " · ".join(part for part in (step.candidate, step.server, step.sender) if part)
            click.echo(f"  {'→' if step.is_used else ' '} {where}: {step.words}")
    if isinstance(decision, NoRoute):
        raise click.exceptions.Exit(1)


@contextmanager
def _asking() -> Iterator[None]:
    """Only read, and tell a refusal as the command's own fault."""
    try:
        with reading():
            yield
    except Refusal as refusal:
        raise click.ClickException(refusal.words) from None
    finally:
        db.session.rollback()


def _app(name: str) -> App:
    slug, slash, rest = name.partition("/")
    white_label = tenants.find_by_slug(slug)
    app = apps.find_by_name(white_label, rest) if white_label and slash else None
    if app is None:
        raise click.ClickException(f"There is no app {name}; write it as acme/Shop.")
    return app


def _person(app: App, email: str | None) -> int | None:
    if email is None:
        return None
    person = people.by_email(app.white_label_id, email)
    if person is None:
        raise click.ClickException(f"There is nobody called {email} in this white label.")
    return person.id
