"""What templates gained: sample values, what mail programs need, and the white label's letterhead.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("mail_template", schema=None) as batch_op:
        batch_op.add_column(sa.Column("samples", JSON, nullable=False, server_default="{}"))

    with op.batch_alter_table("template_text", schema=None) as batch_op:
        batch_op.add_column(sa.Column("inlined_html", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("derived_text", sa.Text(), nullable=True))

    with op.batch_alter_table("white_label", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answer_to", sa.String(length=254), nullable=True))
        batch_op.add_column(
            sa.Column("notice_language", sa.String(length=16), nullable=False, server_default="en")
        )

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("letterhead", JSON, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("letterhead")

    with op.batch_alter_table("white_label", schema=None) as batch_op:
        batch_op.drop_column("notice_language")
        batch_op.drop_column("answer_to")

    with op.batch_alter_table("template_text", schema=None) as batch_op:
        batch_op.drop_column("derived_text")
        batch_op.drop_column("inlined_html")

    with op.batch_alter_table("mail_template", schema=None) as batch_op:
        batch_op.drop_column("samples")
