"""${message}

Say here what changes for whom, and why. Data move in the same migration as their columns, with
plain SQL that works on SQLite and PostgreSQL; models are not imported, for they will have changed
by the time somebody runs this. Everything must also work on a database that is in use: add first,
fill, then require.

Revision: ${up_revision}, after ${down_revision | comma,n}
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
