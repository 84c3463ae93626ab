"""The first schema.

Everything that an installation starts with: people and white labels, servers and senders, apps
and their keys, templates, the outbox, the delivery engine's own tables and the audit trail.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("chain", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column(
            "changes",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("chain", "number", name=op.f("uq_audit_entry_chain_number")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_chain_id", ["chain", "id"], unique=False)

    op.create_table(
        "engine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("is_fenced", sa.Boolean(), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("copies_transactional", sa.Integer(), nullable=False),
        sa.Column("copies_campaign", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine")),
    )
    op.create_table(
        "folder",
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.Column("beaten_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_folder")),
    )
    op.create_table(
        "hourly",
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "hour", "server_id", "outcome", name=op.f("pk_hourly")),
    )
    op.create_table(
        "platform",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("support_email", sa.String(length=254), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform")),
    )
    op.create_table(
        "tally",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
    )
    with op.batch_alter_table("tally", schema=None) as batch_op:
        batch_op.create_index("ix_tally_subject_at", ["subject", "at"], unique=False)

    op.create_table(
        "turn",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turn")),
    )
    op.create_table(
        "white_label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_mark", sa.String(length=16), nullable=True),
        sa.Column(
            "mail_mode",
            sa.Enum("platform", "own", name="mailmode", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("shows_platform_name", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_white_label")),
        sa.UniqueConstraint("slug", name=op.f("uq_white_label_slug")),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("folder", sa.String(length=32), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "domain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("includes_subdomains", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "allowed",
                "verified",
                "lapsed",
                "revoked",
                name="domainstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_domain_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain")),
    )
    with op.batch_alter_table("domain", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_domain_white_label_id"), ["white_label_id"], unique=False
        )
        batch_op.create_index(
            "uq_domain_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("state <> 'revoked'"),
            postgresql_where=sa.text("state <> 'revoked'"),
        )

    op.create_table(
        "hostname",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("proof_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_hostname_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hostname")),
        sa.UniqueConstraint("name", name=op.f("uq_hostname_name")),
    )
    with op.batch_alter_table("hostname", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_hostname_white_label_id"), ["white_label_id"], unique=False
        )

    op.create_table(
        "lane",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_lane_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lane")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("lane", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lane_server_id"), ["server_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lane_worker_id"), ["worker_id"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "role",
            sa.Enum("platform_owner", "admin", "agent", name="role", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_person_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(
            "uq_person_platform_email",
            ["email"],
            unique=True,
            sqlite_where=sa.text("white_label_id IS NULL"),
            postgresql_where=sa.text("white_label_id IS NULL"),
        )
        batch_op.create_index(
            "uq_person_white_label_email", ["white_label_id", "email"], unique=True
        )

    op.create_table(
        "app",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_app_owner_id")),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_app_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app")),
    )
    with op.batch_alter_table("app", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_app_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_app_white_label_id"), ["white_label_id"], unique=False)
        batch_op.create_index(
            "uq_app_name",
            ["white_label_id", "name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "invitation", "reset", "setup", name="linkpurpose", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_link_token_hash")),
    )
    with op.batch_alter_table("one_time_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_one_time_link_person_id"), ["person_id"], unique=False)

    op.create_table(
        "passkey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_passkey_person_id"), ["person_id"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_code_person_id"), ["person_id"], unique=False)

    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_token_hash")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_person_id"), ["person_id"], unique=False)

    op.create_table(
        "smtp_server",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("configured_by_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("preset", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column(
            "tls",
            sa.Enum("none", "starttls", "implicit", name="tls", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("min_tls", sa.String(length=4), nullable=False),
        sa.Column("ca_pem", sa.Text(), nullable=True),
        sa.Column("pin_sha256", sa.String(length=64), nullable=True),
        sa.Column("may_auth_in_clear", sa.Boolean(), nullable=False),
        sa.Column("uses_pipelining", sa.Boolean(), nullable=False),
        sa.Column(
            "auth",
            sa.Enum("none", "basic", "bearer", name="authkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("username", sa.String(length=254), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=True),
        sa.Column("secret_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("secret_set_by_id", sa.Integer(), nullable=True),
        sa.Column("oauth_provider", sa.String(length=20), nullable=True),
        sa.Column("oauth_tenant", sa.String(length=253), nullable=True),
        sa.Column("oauth_client_id", sa.String(length=64), nullable=True),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("max_recipients", sa.Integer(), nullable=True),
        sa.Column("max_bytes", sa.Integer(), nullable=True),
        sa.Column("max_connections", sa.Integer(), nullable=False),
        sa.Column("max_per_connection", sa.Integer(), nullable=True),
        sa.Column("per_second", sa.Integer(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("per_hour", sa.Integer(), nullable=True),
        sa.Column("per_day", sa.Integer(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("validated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["configured_by_id"], ["person.id"], name=op.f("fk_smtp_server_configured_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["secret_set_by_id"], ["person.id"], name=op.f("fk_smtp_server_secret_set_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_smtp_server_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_smtp_server")),
    )
    with op.batch_alter_table("smtp_server", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_smtp_server_white_label_id"), ["white_label_id"], unique=False
        )
        batch_op.create_index(
            "uq_smtp_server_platform_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL AND white_label_id IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND white_label_id IS NULL"),
        )
        batch_op.create_index(
            "uq_smtp_server_white_label_name",
            ["white_label_id", "name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "allowance",
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("used_before", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_allowance_server_id")
        ),
        sa.PrimaryKeyConstraint("server_id", "window", name=op.f("pk_allowance")),
    )
    op.create_table(
        "answer",
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "body",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_answer_app_id")),
        sa.PrimaryKeyConstraint("app_id", "key", name=op.f("pk_answer")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("live", "test", name="keykind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_api_key_app_id")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["person.id"], name=op.f("fk_api_key_created_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_public_id")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_app_id"), ["app_id"], unique=False)

    op.create_table(
        "mail_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("preferred_server_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["preferred_server_id"],
            ["smtp_server.id"],
            name=op.f("fk_mail_template_preferred_server_id"),
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_mail_template_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_template")),
    )
    with op.batch_alter_table("mail_template", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_mail_template_white_label_id"), ["white_label_id"], unique=False
        )
        batch_op.create_index(
            "uq_mail_template_platform_slug",
            ["slug"],
            unique=True,
            sqlite_where=sa.text("white_label_id IS NULL"),
            postgresql_where=sa.text("white_label_id IS NULL"),
        )
        batch_op.create_index(
            "uq_mail_template_white_label_slug", ["white_label_id", "slug"], unique=True
        )

    op.create_table(
        "parked_sender",
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("from_email", sa.String(length=254), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_parked_sender_server_id")
        ),
        sa.PrimaryKeyConstraint("server_id", "from_email", name=op.f("pk_parked_sender")),
    )
    op.create_table(
        "sender",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("reply_to", sa.String(length=254), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_sender_server_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_sender_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
    )
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sender_server_id"), ["server_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sender_white_label_id"), ["white_label_id"], unique=False
        )

    op.create_table(
        "server_health",
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_kind", sa.String(length=32), nullable=True),
        sa.Column("parked_words", sa.Text(), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("resting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault_words", sa.Text(), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("rate_words", sa.Text(), nullable=True),
        sa.Column("rate_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_out_of_step", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_server_health_server_id")
        ),
        sa.PrimaryKeyConstraint("server_id", name=op.f("pk_server_health")),
    )
    op.create_table(
        "sender_default",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_sender_default_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender.id"], name=op.f("fk_sender_default_sender_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_sender_default")),
    )
    with op.batch_alter_table("sender_default", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sender_default_sender_id"), ["sender_id"], unique=False
        )

    op.create_table(
        "template_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("default_language", sa.String(length=16), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["person.id"], name=op.f("fk_template_version_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["mail_template.id"], name=op.f("fk_template_version_template_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_version")),
        sa.UniqueConstraint(
            "template_id", "number", name=op.f("uq_template_version_template_id_number")
        ),
    )
    op.create_table(
        "template_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"], ["template_version.id"], name=op.f("fk_template_text_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_text")),
        sa.UniqueConstraint(
            "version_id", "language", name=op.f("uq_template_text_version_id_language")
        ),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("white_label_id", sa.Integer(), nullable=True),
        sa.Column("app_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column(
            "category",
            sa.Enum("transactional", "campaign", name="category", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_sender_id", sa.Integer(), nullable=True),
        sa.Column("wanted_from", sa.String(length=254), nullable=True),
        sa.Column(
            "reply_to",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "to_header",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column(
            "cc_header",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=True),
        sa.Column("server_version", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("sender_id", sa.Integer(), nullable=True),
        sa.Column("from_email", sa.String(length=254), nullable=False),
        sa.Column("from_name", sa.String(length=200), nullable=False),
        sa.Column(
            "route_reply_to",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("domain_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column(
            "trace",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("is_explicit", sa.Boolean(), nullable=False),
        sa.Column("template_text_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column(
            "headers",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "values",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "details",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["person.id"], name=op.f("fk_message_agent_id")),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_message_app_id")),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_message_author_id")),
        sa.ForeignKeyConstraint(["domain_id"], ["domain.id"], name=op.f("fk_message_domain_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_message_owner_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name=op.f("fk_message_sender_id")),
        sa.ForeignKeyConstraint(
            ["server_id"], ["smtp_server.id"], name=op.f("fk_message_server_id")
        ),
        sa.ForeignKeyConstraint(
            ["template_text_id"], ["template_text.id"], name=op.f("fk_message_template_text_id")
        ),
        sa.ForeignKeyConstraint(
            ["wanted_sender_id"], ["sender.id"], name=op.f("fk_message_wanted_sender_id")
        ),
        sa.ForeignKeyConstraint(
            ["white_label_id"], ["white_label.id"], name=op.f("fk_message_white_label_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("public_id", name=op.f("uq_message_public_id")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_white_label_id", ["white_label_id", "id"], unique=False)

    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("content_type", sa.String(length=120), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_attachment_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachment_message_id"), ["message_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "values",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "scheduled",
                "queued",
                "deferred",
                "sending",
                "sent",
                "failed",
                "unknown",
                "held",
                "suppressed",
                "cancelled",
                "sandboxed",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("copies", sa.SmallInteger(), nullable=False),
        sa.Column("losses", sa.SmallInteger(), nullable=False),
        sa.Column("lane_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_delivery_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_email", ["tenant", "email"], unique=False)
        batch_op.create_index("ix_delivery_log", ["tenant", "id"], unique=False)
        batch_op.create_index(
            "ix_delivery_notable",
            ["tenant", "state", "id"],
            unique=False,
            sqlite_where=sa.text("state NOT IN ('queued', 'sending', 'sent')"),
            postgresql_where=sa.text("state NOT IN ('queued', 'sending', 'sent')"),
        )
        batch_op.create_index(
            "ix_delivery_sending",
            ["lane_id"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index(
            "ix_delivery_waiting",
            ["server_id", "tenant", "priority", "due_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('scheduled', 'queued', 'deferred')"),
            postgresql_where=sa.text("state IN ('scheduled', 'queued', 'deferred')"),
        )
        batch_op.create_index("uq_delivery_message_id", ["message_id", "position"], unique=True)

    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_event_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_message_id"), ["message_id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "scheduled",
                "queued",
                "deferred",
                "sending",
                "sent",
                "failed",
                "unknown",
                "held",
                "suppressed",
                "cancelled",
                "sandboxed",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=True),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced", sa.String(length=12), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("transcript", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_attempt_delivery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempt_delivery_id"), ["delivery_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempt_delivery_id"))

    op.drop_table("attempt")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_message_id"))

    op.drop_table("event")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("uq_delivery_message_id")
        batch_op.drop_index(
            "ix_delivery_waiting",
            sqlite_where=sa.text("state IN ('scheduled', 'queued', 'deferred')"),
            postgresql_where=sa.text("state IN ('scheduled', 'queued', 'deferred')"),
        )
        batch_op.drop_index(
            "ix_delivery_sending",
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index(
            "ix_delivery_notable",
            sqlite_where=sa.text("state NOT IN ('queued', 'sending', 'sent')"),
            postgresql_where=sa.text("state NOT IN ('queued', 'sending', 'sent')"),
        )
        batch_op.drop_index("ix_delivery_log")
        batch_op.drop_index("ix_delivery_email")

    op.drop_table("delivery")
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachment_message_id"))

    op.drop_table("attachment")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_white_label_id")

    op.drop_table("message")
    op.drop_table("template_text")
    op.drop_table("template_version")
    with op.batch_alter_table("sender_default", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sender_default_sender_id"))

    op.drop_table("sender_default")
    op.drop_table("server_health")
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sender_white_label_id"))
        batch_op.drop_index(batch_op.f("ix_sender_server_id"))

    op.drop_table("sender")
    op.drop_table("parked_sender")
    with op.batch_alter_table("mail_template", schema=None) as batch_op:
        batch_op.drop_index("uq_mail_template_white_label_slug")
        batch_op.drop_index(
            "uq_mail_template_platform_slug",
            sqlite_where=sa.text("white_label_id IS NULL"),
            postgresql_where=sa.text("white_label_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_mail_template_white_label_id"))

    op.drop_table("mail_template")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_app_id"))

    op.drop_table("api_key")
    op.drop_table("answer")
    op.drop_table("allowance")
    with op.batch_alter_table("smtp_server", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_smtp_server_white_label_name",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(
            "uq_smtp_server_platform_name",
            sqlite_where=sa.text("deleted_at IS NULL AND white_label_id IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND white_label_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_smtp_server_white_label_id"))

    op.drop_table("smtp_server")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_person_id"))

    op.drop_table("sign_in")
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recovery_code_person_id"))

    op.drop_table("recovery_code")
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_passkey_person_id"))

    op.drop_table("passkey")
    with op.batch_alter_table("one_time_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_link_person_id"))

    op.drop_table("one_time_link")
    with op.batch_alter_table("app", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_app_name",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_app_white_label_id"))
        batch_op.drop_index(batch_op.f("ix_app_owner_id"))

    op.drop_table("app")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index("uq_person_white_label_email")
        batch_op.drop_index(
            "uq_person_platform_email",
            sqlite_where=sa.text("white_label_id IS NULL"),
            postgresql_where=sa.text("white_label_id IS NULL"),
        )

    op.drop_table("person")
    with op.batch_alter_table("lane", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lane_worker_id"))
        batch_op.drop_index(batch_op.f("ix_lane_server_id"))

    op.drop_table("lane")
    with op.batch_alter_table("hostname", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hostname_white_label_id"))

    op.drop_table("hostname")
    with op.batch_alter_table("domain", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_domain_name",
            sqlite_where=sa.text("state <> 'revoked'"),
            postgresql_where=sa.text("state <> 'revoked'"),
        )
        batch_op.drop_index(batch_op.f("ix_domain_white_label_id"))

    op.drop_table("domain")
    op.drop_table("worker")
    op.drop_table("white_label")
    op.drop_table("turn")
    with op.batch_alter_table("tally", schema=None) as batch_op:
        batch_op.drop_index("ix_tally_subject_at")

    op.drop_table("tally")
    op.drop_table("platform")
    op.drop_table("hourly")
    op.drop_table("folder")
    op.drop_table("engine")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_chain_id")

    op.drop_table("audit_entry")
