"""What people agreed to, layer by layer, with its history; and people who are being erased."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import bot.store.tables

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forwards."""
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("layer", sa.String(length=12), nullable=False, comment="use, reminders, share"),
        sa.Column("given", sa.Boolean(), nullable=False, comment="false: withdrawn"),
        sa.Column("version", sa.String(length=16), nullable=True, comment="of the words that were agreed to"),
        sa.Column("at", bot.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_consents_clinic_id_clinics"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_consents_patient_id_patients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index("ix_consents_patient_id_id", ["patient_id", "id"], unique=False)

    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False, comment="erasing, rebuild, done"),
        sa.Column("at", bot.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.String(length=32), nullable=True, comment="null once all is done"),
        sa.Column("chat_id", sa.BigInteger(), nullable=True, comment="whom to tell; null once told, or given up"),
        sa.Column("finished_at", bot.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.create_index("ix_erasures_state_id", ["state", "id"], unique=False)

    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "deleting_at",
                bot.store.tables.UtcDateTime(timezone=True),
                nullable=True,
                comment="when they were asked whether to erase everything; null: that question is not open",
            )
        )

    # What people had agreed to before there was a history, as far as it is known.
    op.execute(
        "INSERT INTO consents (patient_id, layer, given, version, at) "
        "SELECT id, 'use', true, consent_version, consented_at FROM patients WHERE consented_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO consents (patient_id, layer, given, version, at) "
        "SELECT id, 'use', false, NULL, stopped_at FROM patients WHERE stopped_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO consents (patient_id, layer, given, version, at, clinic_id) "
        "SELECT patient_id, 'share', true, consent_version, joined_at, clinic_id FROM lines "
        "WHERE patient_id IN (SELECT id FROM patients)"
    )
    op.execute(
        "INSERT INTO consents (patient_id, layer, given, version, at, clinic_id) "
        "SELECT patient_id, 'share', false, NULL, ended_at, clinic_id FROM lines "
        "WHERE ended_by = 'patient' AND patient_id IN (SELECT id FROM patients)"
    )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.drop_column("deleting_at")

    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.drop_index("ix_erasures_state_id")

    op.drop_table("erasures")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_patient_id_id")

    op.drop_table("consents")
