"""Writing what a template says in one language, with a look at it beside the editor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import BooleanField, HiddenField, StringField, TextAreaField

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.mail_templates import drafting, merge, samples, templates
from portal.mail_templates.drafting import Overtaken
from portal.mail_templates.history import Line, difference
from portal.mail_templates.models import MailTemplate, TemplateVersion
from portal.mail_templates.ready import ReadyText, make_ready
from portal.mail_templates.wordings import Wording
from portal.web.forms import Form, number_in, tidy
from portal.web.headers import policy
from portal.web.mail_templates.frames import PARTS, frame
from portal.web.mail_templates.languages import OFFERED, choices, language_name
from portal.web.mail_templates.showing import find, names_in, names_in_texts


def _lines(source: str | None) -> str:
    """As browsers send it, with the line ends that are kept."""
    return (source or "").replace("\r\n", "\n").replace("\r", "\n")


class TextForm(Form):
    subject = StringField(
        lazy("Subject"), filters=[tidy], render_kw={"autocomplete": "off", "maxlength": "500"}
    )
    html = TextAreaField(
        lazy("HTML"),
        filters=[_lines],
        description=lazy("Styles may stand in a <style> element: they are worked in when saved."),
        render_kw={"autocomplete": "off", "spellcheck": "false", "rows": 20},
    )
    text = TextAreaField(
        lazy("Text"),
        filters=[_lines],
        description=lazy("For readers without HTML. Left empty, it is made out of the HTML."),
        render_kw={"autocomplete": "off", "rows": 10},
    )
    since = HiddenField()
    is_sure = BooleanField(lazy("These names are right"))

    def wording(self) -> Wording:
        """What is typed; a part without anything to read is no part."""
        return Wording(
            self.subject.data or "",
            self.text.data if (self.text.data or "").strip() else None,
            self.html.data if (self.html.data or "").strip() else None,
        )


@dataclass(frozen=True, slots=True)
class Stranger:
    """A name that nothing was known of."""

    name: str
    part: str
    line: int
    meant: str | None  # what it may be a slip for


def edit_template(template_id: int) -> ResponseReturnValue:
    """The editor of one language."""
    shown = find(template_id)
    version = templates.latest(shown)
    language = request.values.get("language") or _first_language(version)
    form = _form_for(version, language)
    rival, asks_if_sure = None, False
    if form.validate_on_submit():
        known, spoken = set(shown.samples), templates.wordings_of(version) if version else {}
        db.session.rollback()  # reading templates takes its time; nobody should wait for a lock
        try:
            text = make_ready(language, form.wording())
            strangers = list(_strangers(text.wording, known.union(names_in_texts(spoken.values()))))
            asks_if_sure = not _is_sure(strangers, form)
            if not asks_if_sure:
                saved = _save(template_id, language, text, form)
                _tell(saved, language, strangers)
                return redirect(url_for(".template", template_id=template_id, language=language))
        except Overtaken as overtaken:
            rival = overtaken.version
            form.form_errors.append(overtaken.words)
            form.since.data = str(rival.number)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
    return _page(find(template_id), language, form, rival, asks_if_sure=asks_if_sure)


def try_template(template_id: int) -> Response:
    """The frame, for what is typed and not saved."""
    shown = find(template_id)
    form = TextForm()
    language = request.form.get("language") or "en"
    return frame(language, form.wording(), shown.samples)


def drop_language(template_id: int) -> ResponseReturnValue:
    """The next version no longer speaks it."""
    shown = find(template_id)
    language = request.form.get("language", "")
    try:
        drafting.drop_language(shown, language, by=g.person)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        flash(
            _(
                "It no longer speaks %(language)s. The history has what it said.",
                language=language_name(language),
            )
        )
    return redirect(url_for(".template", template_id=template_id))


def _form_for(version: TemplateVersion | None, language: str) -> TextForm:
    """With what is stored in this language; one that is new begins with the default's words."""
    spoken = templates.wordings_of(version) if version else {}
    begin = spoken.get(language) or (version and spoken.get(version.default_language))
    return TextForm(
        subject=begin.subject if begin else "",
        text=begin.text if begin else "",
        html=begin.html if begin else "",
        since=str(version.number if version else 0),
    )


def _is_sure(strangers: list[Stranger], form: TextForm) -> bool:
    """No name looks like a slip, or somebody said that they are right; else each is asked about."""
    slips = [one for one in strangers if one.meant]
    if not slips or form.is_sure.data:
        return True
    for slip in slips:
        form.refuse(
            Refusal(
                "name_unknown",
                _(
                    "Line %(line)s: nothing is known of %(name)s. Is %(meant)s meant?",
                    line=slip.line,
                    name=slip.name,
                    meant=slip.meant,
                ),
                field=slip.part,
            )
        )
    return False


def _strangers(wording: Wording, known: set[str]) -> Iterator[Stranger]:
    """Each name once, where it stands first."""
    told: set[str] = set()
    for part, source in (
        ("subject", wording.subject),
        ("html", wording.html),
        ("text", wording.text),
    ):
        if source:
            lines = merge.parse(source, is_html=part == "html").lines
            for name, meant in samples.unknown(lines, known).items():
                if name not in told:
                    told.add(name)
                    yield Stranger(name, part, lines[name], meant)


def _save(template_id: int, language: str, text: ReadyText, form: TextForm) -> TemplateVersion:
    since = number_in(form.since.data) or 0
    saved = drafting.write(find(template_id), language, text, since=since, by=g.person)
    db.session.commit()
    return saved


def _tell(saved: TemplateVersion, language: str, strangers: list[Stranger]) -> None:
    flash(
        _(
            "Saved as version %(number)s. Mail sent from now on says this in %(language)s.",
            number=saved.number,
            language=language_name(language),
        )
    )
    if strangers:
        names = ", ".join(
            _(
                "%(name)s (%(part)s, line %(line)s)",
                name=one.name,
                part=PARTS[one.part],
                line=one.line,
            )
            for one in strangers
        )
        flash(
            _(
                "It asks for values that it did not know before: %(names)s. Whoever sends it has "
                "to give them.",
                names=names,
            )
        )


def _page(
    shown: MailTemplate,
    language: str,
    form: TextForm,
    rival: TemplateVersion | None,
    *,
    asks_if_sure: bool,
) -> Response:
    version = templates.latest(shown)
    languages = templates.languages_of(version) if version else []
    response = Response(
        render_template(
            "shared/templates/edit.html",
            template=shown,
            version=version,
            form=form,
            mail_language=language,
            languages=languages,
            language_name=language_name,
            others=choices(code for code in OFFERED if code not in languages),
            names=names_in(version) if version else [],
            own_names=["email", "name", *(f"brand.{part}" for part in samples.PARTS_OF_BRAND)],
            asks_if_sure=asks_if_sure,
            rival=rival,
            rivals=_rivals(rival, language, form),
            parts=PARTS,
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def _rivals(rival: TemplateVersion | None, language: str, form: TextForm) -> dict[str, list[Line]]:
    """What saving would change in what somebody else saved meanwhile."""
    if rival is None:
        return {}
    return difference(templates.wordings_of(rival).get(language), form.wording())


def _first_language(version: TemplateVersion | None) -> str:
    if version is not None:
        return version.default_language
    speaks: str = g.person.language
    return speaks
