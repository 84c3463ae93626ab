"""DNS records of domains and hostnames: what is wanted, what was found.

Domains that are on the list already have no records and are left alone by the checks: somebody
vouched for them. So did somebody for hostnames that are served already.

Revision: 0002
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "domain_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "ownership",
                "spf",
                "dkim",
                "dmarc",
                "return_path",
                "provider",
                "hostname",
                name="purpose",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "type",
            sa.Enum("TXT", "CNAME", name="recordtype", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "found",
                "wrong",
                "missing",
                "unknown",
                name="recordstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("found", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("publish", sa.Text(), nullable=True),
        sa.Column("asked", sa.String(length=200), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domain.id"], name=op.f("fk_domain_record_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_record")),
    )
    with op.batch_alter_table("domain_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_domain_record_domain_id"), ["domain_id"])

    with op.batch_alter_table("domain", schema=None) as batch_op:
        batch_op.add_column(sa.Column("proof_token", sa.String(length=64), nullable=True))
        _add_columns_of_checks(batch_op, "domain")
    _give_tokens()
    with op.batch_alter_table("domain", schema=None) as batch_op:
        batch_op.alter_column("proof_token", existing_type=sa.String(length=64), nullable=False)

    with op.batch_alter_table("hostname", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_vouched", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("code", sa.String(length=40), nullable=False, server_default="not_asked")
        )
        batch_op.add_column(sa.Column("found", JSON, nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("facts", JSON, nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("asked", sa.String(length=200), nullable=True))
        _add_columns_of_checks(batch_op, "hostname")
        batch_op.drop_constraint(op.f("uq_hostname_name"), type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_hostname_white_label_id_name"), ["white_label_id", "name"]
        )
        batch_op.create_index(
            "uq_hostname_served",
            ["name"],
            unique=True,
            sqlite_where=sa.text("proven_at IS NOT NULL AND suspended_at IS NULL"),
            postgresql_where=sa.text("proven_at IS NOT NULL AND suspended_at IS NULL"),
        )
    op.execute("UPDATE hostname SET is_vouched = (proven_at IS NOT NULL)")
    op.execute("UPDATE hostname SET next_check_at = created_at")


def downgrade() -> None:
    # One name has one row again: the one that is served, else the oldest wish.
    op.execute(
        "DELETE FROM hostname WHERE EXISTS (SELECT 1 FROM hostname AS other "
        "WHERE other.name = hostname.name AND other.id <> hostname.id AND ("
        "(other.proven_at IS NOT NULL AND other.suspended_at IS NULL) OR ("
        "(hostname.proven_at IS NULL OR hostname.suspended_at IS NOT NULL) "
        "AND other.id < hostname.id)))"
    )
    with op.batch_alter_table("hostname", schema=None) as batch_op:
        batch_op.drop_index("uq_hostname_served")
        batch_op.drop_constraint(op.f("uq_hostname_white_label_id_name"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_hostname_name"), ["name"])
        _drop_columns_of_checks(batch_op, "hostname")
        for column in ("asked", "facts", "found", "code", "suspended_at", "is_vouched"):
            batch_op.drop_column(column)
    with op.batch_alter_table("domain", schema=None) as batch_op:
        _drop_columns_of_checks(batch_op, "domain")
        batch_op.drop_column("proof_token")
    op.drop_table("domain_record")


def _add_columns_of_checks(batch_op: BatchOperations, table: str) -> None:
    batch_op.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    batch_op.add_column(sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True))
    batch_op.add_column(sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True))
    batch_op.add_column(
        sa.Column("missing_days", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    batch_op.add_column(sa.Column("missing_day_at", sa.DateTime(timezone=True), nullable=True))
    batch_op.create_index(batch_op.f(f"ix_{table}_next_check_at"), ["next_check_at"])


def _drop_columns_of_checks(batch_op: BatchOperations, table: str) -> None:
    batch_op.drop_index(batch_op.f(f"ix_{table}_next_check_at"))
    for column in (
        "missing_day_at",
        "missing_days",
        "missing_since",
        "next_check_at",
        "checked_at",
    ):
        batch_op.drop_column(column)


def _give_tokens() -> None:
    """Each row a token of its own."""
    domain = sa.table("domain", sa.column("id"), sa.column("proof_token"))
    connection = op.get_bind()
    for (row_id,) in connection.execute(sa.select(domain.c.id)).all():
        connection.execute(
            domain.update().where(domain.c.id == row_id).values(proof_token=secrets.token_hex(16))
        )
