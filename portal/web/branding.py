"""The brand of a white label: its name, its colour, its logo, and how they look together."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.file import FileField
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.web.edit_form import EditForm
from portal.web.forms import is_file, tidy
from portal.web.tenant import looked_after, tenant
from portal.white_labels import tenants
from portal.white_labels.brand import LIGHT_SURFACE, READABLE, contrast, in_dark, in_light
from portal.white_labels.colours import check_colour
from portal.white_labels.logo import KIND, read_logo
from portal.white_labels.models import WhiteLabel


class BrandForm(EditForm):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("What your people and the readers of your mails see."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "organization", "maxlength": "80"},
    )
    colour = StringField(
        lazy("Colour"),
        filters=[tidy],
        description=lazy("Six digits after a #, like #1f5fa8."),
        validators=[DataRequired(lazy("Which colour?"))],
        render_kw={"autocomplete": "off", "maxlength": "7", "spellcheck": "false"},
    )
    logo = FileField(
        lazy("Logo"),
        description=lazy("PNG, JPEG or WEBP, at most 1 MB. It is fitted into 176 × 40 pixels."),
        render_kw={"accept": "image/png,image/jpeg,image/webp"},
    )
    removes_logo = BooleanField(lazy("Show the first letter instead of the logo"))
    shows_platform_name = BooleanField(
        lazy("Say below its pages who provides them"),
        description=lazy("Otherwise its people never read the platform's name."),
    )


def add_brand(bp: Blueprint) -> None:
    """Serve `/brand` and what it shows."""
    bp.add_url_rule("/brand", "brand", brand, methods=["GET", "POST"])
    bp.add_url_rule("/brand/preview", "brand_preview", brand_preview)
    bp.add_url_rule("/brand/logo", "brand_logo", brand_logo)


def brand() -> ResponseReturnValue:
    white_label = _white_label()
    form = BrandForm(
        name=white_label.name,
        colour=white_label.colour,
        shows_platform_name=white_label.shows_platform_name,
    )
    if looked_after() is None:
        del form.shows_platform_name  # for the platform's owner to say
    if white_label.logo_mark is None:
        del form.removes_logo
    is_preview = request.form.get("act") == "preview"
    if form.validate_on_submit():
        try:
            _change(white_label, form)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            if not is_preview:
                db.session.commit()
                flash(_("The brand is changed."))
                return redirect(url_for(".brand"))
            db.session.rollback()
    if is_file(form.logo.data):  # and a browser does not keep it
        form.logo.errors = [*form.logo.errors, _("Choose the files once more.")]
    colour = _colour_of(form, else_=white_label.colour)
    return render_template(
        "shared/brand/brand.html",
        form=form,
        white_label=white_label,
        **_preview(white_label, name=form.name.data or white_label.name, colour=colour),
    )


def brand_preview() -> ResponseReturnValue:
    """The preview alone, for a colour that is being chosen; nothing is saved."""
    white_label = _white_label()
    try:
        colour = check_colour(request.args.get("colour", ""))
    except Refusal as refusal:
        return Response(refusal.words, 422, content_type="text/plain; charset=utf-8")
    name = " ".join(request.args.get("name", "").split())[:80]
    return render_template(
        "shared/brand/preview.html",
        **_preview(white_label, name=name or white_label.name, colour=colour),
    )


def brand_logo() -> Response:
    """The logo, on the host of whoever looks after it."""
    white_label = _white_label()
    if white_label.logo_mark is None:
        abort(404)
    return Response(tenants.logo_of(white_label), content_type=KIND)


def _change(white_label: WhiteLabel, form: BrandForm) -> None:
    """Everything that is typed, or nothing.

    Raises:
        Refusal: at the field that is not fit.
    """
    tenants.change(
        white_label,
        name=form.name.data,
        colour=form.colour.data,
        shows_platform_name=form.shows_platform_name.data if form.shows_platform_name else None,
    )
    if form.logo.data:
        tenants.set_logo(white_label, read_logo(form.logo.data.read()))
    elif form.removes_logo and form.removes_logo.data:
        tenants.set_logo(white_label, None)


def _colour_of(form: BrandForm, *, else_: str) -> str:
    """What is typed, if it is a colour."""
    try:
        return check_colour(form.colour.data or "")
    except Refusal:
        return else_


def _preview(white_label: WhiteLabel, *, name: str, colour: str) -> dict[str, object]:
    """What the pictures and the judgement below them are made of."""
    light, dark = in_light(colour), in_dark(colour)
    return {
        "name": name,
        "light": light,
        "dark": dark,
        "logo_url": url_for(".brand_logo", v=white_label.logo_mark)
        if white_label.logo_mark
        else None,
        "on_white": contrast(colour, LIGHT_SURFACE),
        "on_button": contrast(light.on_fill, light.fill),
        "is_darkened": light.text != colour,
        "is_lightened": dark.text != colour,
        "readable": READABLE,
    }


def _white_label() -> WhiteLabel:
    found = tenant()
    if found is None:
        abort(404)
    return found
