"""The desk of both faces: conversations between a white label and the Backoffice.

Admins see their white label's, the Backoffice everybody's. Agents have nothing to do with it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

from flask import (
    Blueprint,
    Response,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.desk import conversations, telling, threads
from portal.desk.attachments import PREVIEW_KIND, Attached
from portal.desk.models import About, DeskMessage, Side, Thread
from portal.web.csv_file import Cell, csv_file
from portal.web.desk_forms import ABOUT, MessageForm, ThreadForm, search_form, white_labels
from portal.web.question import same_question
from portal.web.uploads import takes_files
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel

MOST_SENT = 32 * 1024 * 1024
"""Bytes of a form. More than the files may have, so that one which is too large is told at its
field, with what was typed still there, and not by a page that has lost it."""

# Bytes that somebody sent are looked at by themselves: nothing runs, nothing is fetched.
FILE_POLICY = "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'"

Link = tuple[str, str]
LINKS: dict[About, Callable[[Thread], Link | None]] = {}
"""Where a conversation about something leads to: its words and address, by what it is about. The
pages of that something say so."""


def add_desk(bp: Blueprint) -> None:
    """Serve `/desk` and all below it."""
    one = "/desk/<int:thread_id>"
    both = ["GET", "POST"]
    bp.add_url_rule("/desk", "desk", desk)
    bp.add_url_rule("/desk.csv", "desk_csv", desk_csv)
    bp.add_url_rule("/desk/new", "new_thread", new_thread, methods=both)
    bp.add_url_rule(one, "thread", thread, methods=both)
    bp.add_url_rule(f"{one}/close", "close_thread", close_thread, methods=["POST"])
    bp.add_url_rule(f"{one}/reopen", "reopen_thread", reopen_thread, methods=["POST"])
    bp.add_url_rule(f"{one}/files/<int:file_id>", "desk_file", desk_file)
    bp.add_url_rule(f"{one}/files/<int:file_id>/preview", "desk_preview", desk_preview)


def desk() -> str:
    form = search_form()
    page = None
    if form.validate():
        page = conversations.search(
            g.site.white_label_id,
            form.search(),
            reader=g.person,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        )
    return render_template(
        "shared/desk/desk.html",
        form=form,
        page_of_rows=page,
        about=ABOUT,
        has_any=page is not None
        and (bool(page.rows) or not conversations.is_empty(g.site.white_label_id)),
        writer_of=writer_of,
    )


def desk_csv() -> ResponseReturnValue:
    form = search_form()
    if not form.validate():
        return redirect(same_question(".desk"))
    found = conversations.all_of(g.site.white_label_id, form.search(), reader=g.person)
    header = (
        _("Conversation"),
        _("White label"),
        _("Subject"),
        _("About"),
        _("Begun"),
        _("Messages"),
        _("Newest message"),
        _("By"),
        _("Closed"),
    )

    def rows() -> Iterator[tuple[Cell, ...]]:
        for row in found:
            yield (
                row.thread.id,
                row.thread.white_label.name,
                row.thread.subject,
                str(ABOUT[row.thread.about]),
                row.thread.opened_at,
                row.thread.messages,
                row.thread.newest_at,
                writer_of(row.newest) if row.newest else "",
                row.thread.closed_at,
            )

    return csv_file("desk", header, rows())


@takes_files(MOST_SENT)
def new_thread() -> ResponseReturnValue:
    form = ThreadForm(white_label=request.args.get("white_label"))
    if g.site.is_platform:
        # None is chosen for them: what is written to the wrong tenant cannot be taken back.
        form.white_label.choices = [SelectChoice("", lazy("Choose one")), *white_labels()]
    else:
        del form.white_label
    if form.validate_on_submit():
        try:
            # Nothing but the files yet: in the Backoffice the choices were read, so let go of them.
            db.session.rollback()
            files = form.attached()
            begun = threads.open_thread(
                _addressed(form),
                subject=form.subject.data,
                text=form.text.data or "",
                author=g.person,
                files=files,
                once=form.once.data,
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Your message is sent. The answer comes here, and you are told by mail."))
            _tell_what_stopped(files)
            return redirect(url_for(".thread", thread_id=begun.id))
    return render_template("shared/desk/new.html", form=form)


@takes_files(MOST_SENT)
def thread(thread_id: int) -> ResponseReturnValue:
    form = MessageForm()
    if form.validate_on_submit() and (message := write(thread_id, form)) is not None:
        return redirect(url_for(".thread", thread_id=thread_id, _anchor=f"message-{message.id}"))
    shown = _find(thread_id)
    new_from = conversations.first_unread(shown, g.person)
    if new_from is not None and request.method == "GET":
        conversations.mark_read(shown, g.person)
        db.session.rollback()  # what is counted in the menu is then already without it
    return render_template(
        "shared/desk/thread.html",
        form=form,
        thread=shown,
        messages=conversations.page_of_messages(shown, before=request.args.get("before", type=int)),
        new_from=new_from,
        about=ABOUT,
        link=_link_of(shown),
        has_readers=bool(telling.everybody_on(Side.WHITE_LABEL, shown.white_label_id)),
        is_ours_to_answer=conversations.is_ours_to_answer(shown, g.person),
    )


def write(thread_id: int, form: MessageForm) -> DeskMessage | None:
    """Send what was typed, and commit it; None when it was refused, the form then says why.

    Raises:
        NotFound: this thread is not there, or somebody else's.
    """
    try:
        files = form.attached()
    except Refusal as refusal:
        form.refuse(refusal)
        return None
    shown = _find(thread_id)
    try:
        message = threads.write(
            shown, author=g.person, text=form.text.data or "", files=files, once=form.once.data
        )
        if request.form.get("act") == "close":
            threads.close(shown, by=g.person)
    except Refusal as refusal:
        db.session.rollback()
        form.refuse(refusal)
        return None
    db.session.commit()
    _tell_what_stopped(files)
    return message


def close_thread(thread_id: int) -> ResponseReturnValue:
    threads.close(_find(thread_id), by=g.person)
    db.session.commit()
    flash(_("Closed. Whoever writes again opens it again."))
    return redirect(url_for(".thread", thread_id=thread_id))


def reopen_thread(thread_id: int) -> ResponseReturnValue:
    threads.reopen(_find(thread_id))
    db.session.commit()
    return redirect(url_for(".thread", thread_id=thread_id))


def desk_file(thread_id: int, file_id: int) -> Response:
    """A picture to look at, or a text to keep."""
    file = conversations.find_file(g.site.white_label_id, thread_id, file_id)
    return _as_file(file.content, file.kind, name=file.name, as_attachment=not file.is_picture)


def desk_preview(thread_id: int, file_id: int) -> Response:
    """The picture as it stands in the conversation."""
    file = conversations.find_file(g.site.white_label_id, thread_id, file_id)
    if file.preview is None:
        return desk_file(thread_id, file_id)
    return _as_file(file.preview, PREVIEW_KIND, name=f"{file.name}.webp", as_attachment=False)


def writer_of(message: DeskMessage) -> str:
    """Who said it, as a list names them."""
    if message.author is None:
        return str(_("Portal"))
    if message.author_id == g.person.id:
        return str(_("You"))
    return message.author.name


def _tell_what_stopped(files: Sequence[Attached]) -> None:
    for file in files:
        if file.has_stopped:
            flash(_("Of %(name)s, which moves, the first frame is kept.", name=file.name))


def _as_file(content: bytes, kind: str, *, name: str, as_attachment: bool) -> Response:
    response = send_file(
        io.BytesIO(content), mimetype=kind, as_attachment=as_attachment, download_name=name
    )
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _find(thread_id: int) -> Thread:
    return conversations.find(g.site.white_label_id, thread_id)


def _link_of(shown: Thread) -> Link | None:
    find = LINKS.get(shown.about)
    return find(shown) if find else None


def _addressed(form: ThreadForm) -> WhiteLabel:
    """Whose conversation it becomes."""
    if not g.site.is_platform:
        return g.white_label  # type: ignore[no-any-return]
    return tenants.find_white_label(int(form.white_label.data))
