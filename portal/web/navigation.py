"""What stands in the left column of each face, in the order of the work: send, set up, watch.

An entry appears as soon as its page exists and the person's role opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask, current_app, g, request, url_for

from portal.accounts.models import Person
from portal.core.words import Words, lazy
from portal.desk import conversations, request_listing
from portal.web.guard import may_open


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that one can go to. Everything below its path counts as being there.

    `count` tells how much waits there for this person; each page asks, so it must cost little.
    """

    endpoint: str
    label: Words
    icon: str
    count: Callable[[Person], int] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    label: Words | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it stands in this page."""

    url: str
    label: Words
    icon: str
    is_here: bool
    count: int = 0


WHITE_LABEL = (
    Section(None, (Entry("white_label.overview", lazy("Overview"), "dashboard"),)),
    Section(
        lazy("Send"),
        (
            Entry("white_label.compose", lazy("Compose"), "pencil"),
            Entry("white_label.campaigns", lazy("Campaigns"), "send"),
            Entry("white_label.templates", lazy("Templates"), "template"),
        ),
    ),
    Section(
        lazy("Set up"),
        (
            Entry("white_label.apps", lazy("Apps"), "apps"),
            Entry("white_label.servers", lazy("SMTP servers"), "server"),
            Entry("white_label.senders", lazy("Senders"), "mail"),
            Entry("white_label.domains", lazy("Domains"), "world"),
            Entry("white_label.people", lazy("People"), "users"),
            Entry("white_label.brand", lazy("Brand"), "palette"),
            Entry("white_label.hostnames", lazy("Hostnames"), "browser"),
        ),
    ),
    Section(
        lazy("Watch"),
        (
            Entry("white_label.log", lazy("Delivery log"), "list"),
            Entry("white_label.desk", lazy("Desk"), "inbox", conversations.unread_count),
            Entry("white_label.audit", lazy("Audit"), "shield-check"),
        ),
    ),
    # Last, so that it stands at the lower left, where people look for it.
    Section(None, (Entry("white_label.mail_server", lazy("Settings"), "settings"),)),
)

BACKOFFICE = (
    Section(None, (Entry("backoffice.overview", lazy("Overview"), "dashboard"),)),
    Section(
        lazy("Tenants"),
        (
            Entry("backoffice.white_labels", lazy("White labels"), "building"),
            Entry("backoffice.apps", lazy("Applications"), "apps"),
            Entry(
                "backoffice.domain_requests",
                lazy("Domain requests"),
                "world",
                request_listing.open_count,
            ),
            Entry("backoffice.desk", lazy("Desk"), "inbox", conversations.unread_count),
        ),
    ),
    Section(
        lazy("Set up"),
        (
            Entry("backoffice.templates", lazy("Templates"), "template"),
            Entry("backoffice.features", lazy("Features"), "flask"),
            Entry("backoffice.people", lazy("People"), "users"),
        ),
    ),
    Section(
        lazy("Watch"),
        (
            Entry("backoffice.log", lazy("Delivery log"), "list"),
            Entry("backoffice.audit", lazy("Audit"), "shield-check"),
            Entry("backoffice.health", lazy("Health"), "activity"),
        ),
    ),
    Section(None, (Entry("backoffice.communication", lazy("Settings"), "settings"),)),
)


def open_navigation(app: Flask) -> None:
    """Give templates `navigation()` and `bell()`."""
    app.jinja_env.globals |= {"navigation": navigation, "bell": bell}


def navigation() -> Iterator[tuple[Words | None, list[Link]]]:
    """The sections of this person's face with the entries they may open."""
    for section in BACKOFFICE if g.site.is_platform else WHITE_LABEL:
        links = [_link(entry) for entry in section.entries if _is_open(entry)]
        if links:
            yield section.label, links


def bell() -> Link | None:
    """The desk, for the bell that every page has; None for those who have nothing to do with it."""
    for section in BACKOFFICE if g.site.is_platform else WHITE_LABEL:
        for entry in section.entries:
            if entry.endpoint.endswith(".desk") and _is_open(entry):
                return _link(entry)
    return None


def _is_open(entry: Entry) -> bool:
    return entry.endpoint in current_app.view_functions and may_open(entry.endpoint, g.person)


def _link(entry: Entry) -> Link:
    url = url_for(entry.endpoint)
    # A face's first page is above all others; it alone ends in a slash and has nothing below it.
    is_below = not url.endswith("/") and request.path.startswith(f"{url}/")
    is_here = request.path == url or is_below
    return Link(url, entry.label, entry.icon, is_here, _count(entry))


def _count(entry: Entry) -> int:
    """Asked once a page, however often it shows it."""
    if entry.count is None:
        return 0
    counts = g.setdefault("navigation_counts", {})
    if entry.endpoint not in counts:
        counts[entry.endpoint] = entry.count(g.person)
    return int(counts[entry.endpoint])
