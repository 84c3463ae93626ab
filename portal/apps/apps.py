"""Apps: made, renamed, handed over, deleted. The owner decides whose server carries the mail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import contains_eager, selectinload

from portal.accounts.models import Person, Role
from portal.apps.keys import keys_of, revoke
from portal.apps.models import App
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in
from portal.core.words import _
from portal.smtp.addresses import AddressError, parse_address
from portal.white_labels.models import WhiteLabel


def create(
    white_label: WhiteLabel, *, name: str, owner: Person, contact_email: str | None = None
) -> App:
    """A new app of this white label.

    Raises:
        Refusal: the name is taken or not fit, or the owner is nobody who may own it.
    """
    name = _free_name(white_label, name)
    _check_owner(white_label, owner)
    app = App(
        white_label=white_label,
        owner=owner,
        name=name,
        contact_email=_contact(contact_email),
        created_at=clock.now(),
    )
    db.session.add(app)
    db.session.flush()
    trail.record(white_label.id, "app.created", _told(app), {"name": name, "owner": owner.email})
    return app


def change(app: App, *, name: str | None = None, contact_email: str | None = None) -> list[str]:
    """Change what is given and is different; tells which fields. An empty contact removes it."""
    changed = []
    if name is not None and name.strip() != app.name:
        app.name = _free_name(app.white_label, name)
        changed.append("name")
    if contact_email is not None and (contact := _contact(contact_email)) != app.contact_email:
        app.contact_email = contact
        changed.append("contact_email")
    if changed:
        trail.record(
            app.white_label_id,
            "app.changed",
            _told(app),
            {field: getattr(app, field) for field in changed},
        )
    return changed


def change_owner(app: App, *, owner: Person) -> None:
    """Hand the app over. Its mail may leave through other servers from now on, queued mail too.

    Raises:
        Refusal: the person cannot own an app of this white label.
    """
    _check_owner(app.white_label, owner)
    if app.owner_id == owner.id:
        return
    before = app.owner.email
    app.owner = owner
    trail.record(
        app.white_label_id, "app.owner_changed", _told(app), {"from": before, "to": owner.email}
    )


def delete(app: App) -> None:
    """No key of it opens any more; what it sent stays in the log."""
    if app.deleted_at is None:
        for key in keys_of(app):
            revoke(key)
        app.deleted_at = clock.now()
        trail.record(app.white_label_id, "app.deleted", _told(app), {"name": app.name})


def apps_of(white_label: WhiteLabel) -> Sequence[App]:
    """The apps of this white label, by name."""
    query = select(App).where(App.white_label_id == white_label.id, App.deleted_at.is_(None))
    return db.session.scalars(query.order_by(App.name)).all()


def contacts_of(white_label: WhiteLabel) -> list[str]:
    """Where the people behind its apps are reached, each address once: good for a Reply-To."""
    return sorted({app.contact_email for app in apps_of(white_label) if app.contact_email})


def all_apps() -> Sequence[App]:
    """For the Backoffice: every app, by white label and name."""
    query = select(App).join(WhiteLabel).where(App.deleted_at.is_(None))
    return db.session.scalars(query.order_by(WhiteLabel.name, App.name)).all()


def search_apps(
    white_label: WhiteLabel | None,
    words: str = "",
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[App]:
    """One page of the apps of this white label, or, for the Backoffice (None), of all.

    Each of the `words` is in the app's, its owner's or its white label's name, or in the address.
    """
    query = (
        select(App)
        .join(App.owner)
        .join(App.white_label)
        .where(App.deleted_at.is_(None))
        .options(contains_eager(App.owner), contains_eager(App.white_label), selectinload(App.keys))
    )
    if white_label is not None:
        query = query.where(App.white_label_id == white_label.id)
    columns = (App.name, Person.name, Person.email, WhiteLabel.name)
    query = query.where(*each_word_in(words, *columns))
    return page_of(query, App.id, before=before, after=after, size=size)


def apps_owned_by(person: Person) -> Sequence[App]:
    """The apps of this person, by name."""
    query = select(App).where(App.owner_id == person.id, App.deleted_at.is_(None))
    return db.session.scalars(query.order_by(App.name)).all()


def find_app(white_label: WhiteLabel | None, app_id: int) -> App:
    """The app with this id: of this white label, or, for the Backoffice (None), of any.

    Raises:
        NotFound: missing, deleted, or somebody else's.
    """
    query = select(App).where(App.id == app_id, App.deleted_at.is_(None))
    if white_label is not None:
        query = query.where(App.white_label_id == white_label.id)
    app = db.session.scalar(query)
    if app is None:
        raise NotFound(_("app"))
    return app


def find_by_name(white_label: WhiteLabel, name: str) -> App | None:
    """This white label's app of this name."""
    query = select(App).where(
        App.white_label_id == white_label.id, App.name == name.strip(), App.deleted_at.is_(None)
    )
    return db.session.scalar(query)


def _free_name(white_label: WhiteLabel, name: str) -> str:
    tidy = " ".join(name.split())
    if not 0 < len(tidy) <= 80 or not tidy.isprintable():
        raise Refusal("name_length", _("A name of 1 to 80 characters is needed."), field="name")
    if find_by_name(white_label, tidy) is not None:
        raise Refusal("name_taken", _("There is an app of this name already."), field="name")
    return tidy


def _check_owner(white_label: WhiteLabel, owner: Person) -> None:
    """An admin of the same white label: agents write and send, but set nothing up.

    They stay what they are until the caller commits (see `leaving`).
    """
    lock(owner)
    if owner.white_label_id != white_label.id or owner.is_removed:
        raise Refusal("no_such_owner", _("There is no such person here."), field="owner")
    if owner.role is not Role.ADMIN:
        raise Refusal("owner_not_admin", _("An app is owned by an admin."), field="owner")


def _contact(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return str(parse_address(text.strip()))
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field="contact_email") from None


def _told(app: App) -> str:
    return f"app {app.id} {app.name}"
