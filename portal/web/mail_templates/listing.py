"""The list of templates."""

from __future__ import annotations

from flask import Response, g, render_template, request
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField

from portal.core.words import lazy
from portal.mail_templates.listing import (
    TemplateRow,
    TemplateSearch,
    all_templates,
    count_archived,
    page_of_templates,
)
from portal.smtp_settings.models import SmtpServer
from portal.web.csv_file import Cell, csv_file
from portal.web.forms import Query, tidy
from portal.web.mail_templates.languages import OFFERED, choices, language_name


class SearchForm(Query):
    q = StringField(lazy("Name"), filters=[tidy], render_kw={"type": "search"})
    language = SelectField(lazy("Language"), default="", validate_choice=False)
    state = SelectField(
        lazy("State"),
        choices=[SelectChoice("", lazy("In use")), SelectChoice("archived", lazy("Archived"))],
        default="",
        validate_choice=False,
    )

    def search(self) -> TemplateSearch:
        return TemplateSearch(
            self.q.data or "", self.language.data or "", self.state.data == "archived"
        )


def templates() -> str:
    """One page of them, the newest first."""
    form = SearchForm()
    form.language.choices = [SelectChoice("", _("All")), *choices(OFFERED)]
    search = form.search()
    return render_template(
        "shared/templates/list.html",
        form=form,
        page_of=page_of_templates(
            g.white_label,
            search,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        search=search,
        archived=count_archived(g.white_label),
        language_name=language_name,
        server_name=server_name,
    )


def templates_csv() -> Response:
    """The whole list as a file, archived ones too."""
    header = (
        _("Name"),
        _("Short name"),
        _("Languages"),
        _("Preferred server"),
        _("Version"),
        _("Saved"),
        _("Saved by"),
        _("Archived"),
    )
    return csv_file("templates", header, [_cells(row) for row in all_templates(g.white_label)])


def _cells(row: TemplateRow) -> tuple[Cell, ...]:
    version, template = row.version, row.template
    return (
        template.name,
        template.slug,
        ", ".join(row.languages),
        server_name(template.preferred_server) if template.preferred_server else "",
        version.number if version else None,
        version.created_at if version else None,
        version.created_by.name if version and version.created_by else "",
        template.archived_at,
    )


def server_name(server: SmtpServer) -> str:
    """What a server is called here: a white label does not read the platform's names."""
    if server.is_platform and g.white_label is not None:
        return str(_("The platform's server"))
    return server.name
