"""Features that the platform owner switches on, and OAuth.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feature_switch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "feature",
            sa.Enum("oauth_smtp", name="feature", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "place",
            sa.Enum(
                "everywhere",
                "platform",
                "white_label",
                name="place",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("switched_on_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("switched_on_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ["white_label_id"],
            ["white_label.id"],
            name=op.f("fk_feature_switch_white_label_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_switch")),
        sa.UniqueConstraint(
            "feature", "white_label_id", name=op.f("uq_feature_switch_feature_white_label_id")
        ),
    )
    with op.batch_alter_table("feature_switch", schema=None) as batch_op:
        batch_op.create_index(
            "uq_feature_switch_feature_place",
            ["feature", "place"],
            unique=True,
            sqlite_where=sa.text("white_label_id IS NULL"),
            postgresql_where=sa.text("white_label_id IS NULL"),
        )

    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("token_sealed", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "fault",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("fault_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_access_token_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("server_id", name=op.f("uq_access_token_server_id")),
    )
    with op.batch_alter_table("smtp_server", schema=None) as batch_op:
        batch_op.add_column(sa.Column("secret_expires_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("secret_reminded", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("oauth_authority", sa.String(length=300), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("smtp_server", schema=None) as batch_op:
        batch_op.drop_column("oauth_authority")
        batch_op.drop_column("secret_reminded")
        batch_op.drop_column("secret_expires_on")
    op.drop_table("access_token")
    op.drop_table("feature_switch")
