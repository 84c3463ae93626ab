"""The forms of the desk: finding conversations, beginning one, and writing in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flask import g
from flask_babel import gettext as _
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.desk import attachments, threads
from portal.desk.attachments import MOST_BYTES, Attached
from portal.desk.conversations import Search, Show
from portal.desk.models import About
from portal.desk.threads import MOST_FILES
from portal.desk.wording import MOST_SUBJECT, MOST_TEXT
from portal.web.forms import Form, Query, tidy
from portal.white_labels import tenants

ABOUT: Mapping[About, Words] = {
    About.GENERAL: lazy("General"),
    About.DOMAIN_REQUEST: lazy("Domain request"),
    About.FEATURE: lazy("Feature"),
}
SHOWN: Mapping[Show, Words] = {
    Show.OPEN: lazy("Open or unread"),
    Show.UNREAD: lazy("Unread"),
    Show.WAITING: lazy("Answered"),
    Show.CLOSED: lazy("Closed"),
    Show.ALL: lazy("All"),
}
ACCEPTED = "image/png,image/jpeg,image/gif,image/webp,text/*,.txt,.log,.csv,.md,.json,.eml,.zone"


class SearchForm(Query):
    q = StringField(lazy("Search"), filters=[tidy], render_kw={"type": "search"})
    show = SelectField(
        lazy("Show"),
        choices=[SelectChoice(show, words) for show, words in SHOWN.items()],
        default=Show.OPEN.value,
    )
    about = SelectField(
        lazy("About"),
        choices=[
            SelectChoice("", lazy("Everything")),
            *(SelectChoice(about, words) for about, words in ABOUT.items()),
        ],
        default="",
    )
    white_label = SelectField(lazy("White label"), default="")

    def search(self) -> Search:
        of = self.white_label.data if self.white_label else ""
        return Search(
            words=self.q.data or "",
            show=Show(self.show.data),
            about=About(self.about.data) if self.about.data else None,
            white_label_id=int(of) if of else None,
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it finds less than what a reader begins with."""
        return self.search() != Search()


class AddressForm(Form):
    """To whom a conversation is addressed, and what it is about."""

    white_label = SelectField(
        lazy("White label"), validators=[DataRequired(lazy("To which white label?"))]
    )
    subject = StringField(
        lazy("Subject"),
        filters=[tidy],
        validators=[
            DataRequired(lazy("What is it about?")),
            Length(max=MOST_SUBJECT, message=lazy("Use at most %(max)d characters.")),
        ],
        render_kw={"maxlength": str(MOST_SUBJECT)},
    )


class MessageForm(Form):
    MOST_FILES, MOST_BYTES = MOST_FILES, MOST_BYTES

    text = TextAreaField(lazy("Message"), render_kw={"rows": "6", "maxlength": str(MOST_TEXT)})
    files = MultipleFileField(
        lazy("Files"),
        description=lazy(
            "Up to %(count)s, each of at most %(size)s MB: pictures (PNG, JPEG, GIF, WebP) and "
            "plain text. No passwords and no keys, please.",
            count=MOST_FILES,
            size=MOST_BYTES >> 20,
        ),
        render_kw={"accept": ACCEPTED},
    )
    once = HiddenField(
        default=lambda: secrets.token_hex(16),
        validators=[Length(max=32, message=lazy("Use at most %(max)d characters."))],
    )

    def attached(self) -> tuple[Attached, ...]:
        """The files, looked into. To be asked before the first query: it takes a moment.

        They are counted before that, and the count is committed: whatever becomes of them, and
        without holding the database meanwhile.

        Raises:
            Refusal: at `files`.
        """
        sent = [file for file in self.files.data or () if file.filename]
        if len(sent) > MOST_FILES:
            raise threads.too_many_files()
        if sent:
            threads.count_files(g.person, len(sent))
            db.session.commit()
        return tuple(attachments.read(file.filename, file.read(MOST_BYTES + 1)) for file in sent)

    def refuse(self, refusal: Refusal) -> None:
        super().refuse(refusal)
        if any(file.filename for file in self.files.data or ()):
            again = _("Choose the files again, too: a browser does not keep them.")
            self.files.errors = [*self.files.errors, again]


class ThreadForm(AddressForm, MessageForm):
    """The first message of a conversation."""


def search_form() -> SearchForm:
    form = SearchForm()
    if g.site.is_platform:
        form.show.choices = [
            SelectChoice(show, lazy("Waiting for you") if show is Show.WAITING else words)
            for show, words in SHOWN.items()
        ]
        form.white_label.choices = [SelectChoice("", lazy("All")), *white_labels()]
    else:
        del form.white_label
    return form


def white_labels() -> list[SelectChoice]:
    return [SelectChoice(str(one.id), one.name) for one in tenants.all_white_labels()]
