"""The desk: threads between white labels and the Backoffice.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "desk_thread",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column(
            "about",
            sa.Enum(
                "general",
                "domain_request",
                "feature",
                name="about",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("newest_id", BIG, nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "newest_side",
            sa.Enum(
                "white_label", "backoffice", "portal", name="side", native_enum=False, length=32
            ),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["person.id"], name=op.f("fk_desk_thread_closed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["opened_by_id"], ["person.id"], name=op.f("fk_desk_thread_opened_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_desk_thread_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_thread")),
    )
    with op.batch_alter_table("desk_thread", schema=None) as batch_op:
        batch_op.create_index("ix_desk_thread_newest_id", ["newest_id"], unique=False)
        batch_op.create_index(
            "ix_desk_thread_white_label_id", ["white_label_id", "newest_id"], unique=False
        )

    op.create_table(
        "desk_message",
        sa.Column("id", BIG, nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column(
            "side",
            sa.Enum(
                "white_label", "backoffice", "portal", name="side", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("once", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_desk_message_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["desk_thread.id"], name=op.f("fk_desk_message_thread_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_message")),
        sa.UniqueConstraint("author_id", "once", name=op.f("uq_desk_message_author_id_once")),
    )
    with op.batch_alter_table("desk_message", schema=None) as batch_op:
        batch_op.create_index("ix_desk_message_thread_id", ["thread_id", "id"], unique=False)

    op.create_table(
        "desk_unread",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("first_id", BIG, nullable=False),
        sa.Column("newest_id", BIG, nullable=False),
        sa.Column("mails", sa.SmallInteger(), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_desk_unread_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["desk_thread.id"], name=op.f("fk_desk_unread_thread_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "thread_id", name=op.f("pk_desk_unread")),
    )
    op.create_table(
        "desk_file",
        sa.Column("id", BIG, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("preview", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["desk_message.id"], name=op.f("fk_desk_file_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_file")),
    )
    with op.batch_alter_table("desk_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_desk_file_message_id"), ["message_id"], unique=False)


def downgrade() -> None:
    op.drop_table("desk_file")
    op.drop_table("desk_unread")
    op.drop_table("desk_message")
    op.drop_table("desk_thread")
