"""Livery: the outgoing-mail desk of a platform that is resold under other people's names.

`create_app` configures, connects and opens the doors. The rooms, lowest first; each knows only
the ones before it:

    core · audit · smtp · accounts · white_labels · domains · smtp_settings · senders · apps ·
    mail_templates · routing · outbox · campaigns · notices · delivery · desk

The doors, which may enter any room and never each other:

    web (public, white_label, backoffice) · api · commands · jobs
"""

from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate

import portal.api
import portal.commands
import portal.jobs
import portal.web
from portal import config as configuration
from portal.config import Config
from portal.core import db as database
from portal.core import logs, schema, sealed
from portal.core.db import db


def create_app(config: Config | None = None) -> Flask:
    """The application, ready to serve, deliver or be asked by a command."""
    config = config or configuration.read()
    app = Flask(
        "portal",
        root_path=str(schema.PROJECT),
        instance_path=str(config.instance),
        template_folder="templates",
        static_folder="static",
    )
    app.config.from_mapping(
        LIVERY=config,
        SECRET_KEY=config.secret_key,
        TESTING=config.testing,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(config.database_url),
    )
    logs.configure()
    db.init_app(app)
    Migrate(app, db, directory=str(schema.MIGRATIONS), render_as_batch=True, compare_type=True)
    with app.app_context():
        database.tune(db.engine)
        sealed.open_vault(config.key_file)
    for door in (portal.web, portal.api, portal.commands, portal.jobs):
        door.open_door(app)
    # A program proves itself with its key and has no form that another site could send.
    portal.web.csrf.exempt(app.blueprints["api"])
    return app
