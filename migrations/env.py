"""How Alembic meets this application: its engine, its models, one transaction for each upgrade.

A migration states what changes and how data move with it; a test compares the migrated schema
with the models on both stores. SQLite cannot alter most things in place, so tables are rebuilt
(`batch_alter_table`); its foreign keys rest meanwhile, or dropping the old table would delete rows.
"""

from __future__ import annotations

from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db


def run() -> None:
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            # Past SQLAlchemy: inside a transaction the pragma would do nothing.
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys = OFF")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=is_sqlite,
            compare_type=True,
            render_item=_in_plain_types,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite:
            connection.commit()
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys = ON")


def _in_plain_types(kind: str, item: object, autogen: object) -> str | bool:
    """Migrations outlive the code: they name SQLAlchemy's own types only."""
    if kind == "type" and type(item).__name__ == "UtcTime":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "JSON":
        autogen.imports.add("from sqlalchemy.dialects import postgresql")  # type: ignore[attr-defined]
        jsonb = "postgresql.JSONB(none_as_null=True)"
        return f"sa.JSON(none_as_null=True).with_variant({jsonb}, 'postgresql')"
    return False


if context.is_offline_mode():
    raise SystemExit("Migrations need the database: some of them move data.")
run()
