"""Referrals of one patient made one by a person, and those said to be of two."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import bot.store.tables

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forwards."""
    op.create_table(
        "merges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merged_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", bot.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "line_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the patient's line, when it went over with it",
        ),
        sa.Column("kept_version", sa.Integer(), nullable=False, comment="of the one that stays, after the merge"),
        sa.Column("merged_version", sa.Integer(), nullable=False),
        sa.Column("kept_before", sa.Text(), nullable=False, comment="as it was; JSON, without the pseudonym"),
        sa.Column("merged_before", sa.Text(), nullable=False),
        sa.Column(
            "undone_at", bot.store.tables.UtcDateTime(timezone=True), nullable=True, comment="null: they are one"
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_merges_clinic_id_clinics"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["referrals.id"], name=op.f("fk_merges_kept_id_referrals"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["line_id"], ["lines.id"], name=op.f("fk_merges_line_id_lines"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["merged_id"], ["referrals.id"], name=op.f("fk_merges_merged_id_referrals"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_merges_staff_id_staff"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merges_kept_id"), ["kept_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_merges_merged_id"), ["merged_id"], unique=False)

    op.create_table(
        "not_same",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("clinic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the lower number"
        ),
        sa.Column("second_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", bot.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_not_same_clinic_id_clinics"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["first_id"], ["referrals.id"], name=op.f("fk_not_same_first_id_referrals"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["referrals.id"], name=op.f("fk_not_same_second_id_referrals"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_not_same_staff_id_staff"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_not_same")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_not_same_first_id_second_id")),
    )
    with op.batch_alter_table("not_same", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_not_same_second_id"), ["second_id"], unique=False)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("not_same", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_not_same_second_id"))

    op.drop_table("not_same")
    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_merges_merged_id"))
        batch_op.drop_index(batch_op.f("ix_merges_kept_id"))

    op.drop_table("merges")
