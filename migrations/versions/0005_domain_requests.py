"""Domain requests, the record templates of providers, and links to show records with.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "domain_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "approved",
                "verified",
                "lapsed",
                "refused",
                "withdrawn",
                "expired",
                "revoked",
                name="requeststate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nudged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_domain_request_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["person.id"], name=op.f("fk_domain_request_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domain.id"], name=op.f("fk_domain_request_domain_id")
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["desk_thread.id"], name=op.f("fk_domain_request_thread_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_domain_request_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_request")),
    )
    with op.batch_alter_table("domain_request", schema=None) as batch_op:
        is_live = sa.text("state IN ('open', 'approved', 'verified', 'lapsed')")
        is_open = sa.text("state = 'open'")
        batch_op.create_index(
            "uq_domain_request_live",
            ["white_label_id", "name"],
            unique=True,
            sqlite_where=is_live,
            postgresql_where=is_live,
        )
        batch_op.create_index(
            "ix_domain_request_open",
            ["created_at"],
            unique=False,
            sqlite_where=is_open,
            postgresql_where=is_open,
        )
        for column in ("white_label_id", "thread_id", "domain_id"):
            batch_op.create_index(op.f(f"ix_domain_request_{column}"), [column], unique=False)

    op.create_table(
        "record_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("records", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signs", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_template")),
        sa.UniqueConstraint("name", name=op.f("uq_record_template_name")),
    )
    op.create_table(
        "record_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("reader_hash", sa.String(length=64), nullable=True),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domain.id"], name=op.f("fk_record_link_domain_id")
        ),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("fk_record_link_made_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_record_link_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_record_link_token_hash")),
    )
    with op.batch_alter_table("record_link", schema=None) as batch_op:
        for column in ("white_label_id", "domain_id"):
            batch_op.create_index(op.f(f"ix_record_link_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("record_link")
    op.drop_table("record_template")
    op.drop_table("domain_request")
