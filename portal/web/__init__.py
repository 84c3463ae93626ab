"""Pages for people: public, account, white label, Backoffice.

What happens to a request, in order: whose portal is it for (site) · is the form ours (CSRF) ·
who asks and may they (guard) · the view · the headers.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Config
from portal.web import (
    account,
    assets,
    backoffice,
    brand,
    cross_site,
    errors,
    guard,
    headers,
    icons,
    navigation,
    public,
    question,
    reader,
    site,
    states,
    tenant,
    uploads,
    white_label,
)
from portal.web.smtp_servers import expiring

csrf = CSRFProtect()


def open_door(app: Flask) -> None:
    """Serve the pages."""
    config: Config = app.config["LIVERY"]
    app.config.from_mapping(
        SESSION_COOKIE_NAME="__Host-session" if config.is_https else "session",
        SESSION_COOKIE_SECURE=config.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=7),
        PREFERRED_URL_SCHEME="https" if config.is_https else "http",
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,  # of the fields alone; a template may be long
        # A token lives as long as the sign-in: a form may stay open over lunch.
        WTF_CSRF_TIME_LIMIT=None,
        # Flask-WTF would compare the Referer, which our own policy keeps browsers from sending;
        # cross_site asks the browser itself where a request comes from.
        WTF_CSRF_SSL_STRICT=False,
    )
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=config.trusted_proxies, x_proto=config.trusted_proxies
        )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    site.open_site(app)
    cross_site.open_cross_site(app)
    uploads.open_uploads(app)  # before the token is looked for in the form
    csrf.init_app(app)
    # RFC 8058 3.1: a mail program sends it, and has no page of ours that a token could stand in.
    csrf.exempt(public.unsubscribe.take_off)
    guard.open_guard(app)
    reader.open_reader(app)
    question.open_question(app)
    icons.open_icons(app)
    assets.open_assets(app)
    states.open_states(app)
    navigation.open_navigation(app)
    tenant.open_tenant(app)
    expiring.open_expiring(app)
    headers.open_headers(app)
    errors.open_errors(app)
    app.jinja_env.globals["brand_style_url"] = brand.style_url

    app.register_blueprint(brand.bp)
    for face in (public, account, white_label, backoffice):
        app.register_blueprint(face.bp)
