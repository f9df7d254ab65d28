"""Patients who refer themselves: which clinics take them, the request under way; one open line at a clinic."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Go forwards."""
    with op.batch_alter_table("clinics", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "self_way",
                sa.String(length=8),
                nullable=True,
                comment="patients may refer themselves: clinic, video, both; null: they may not",
            )
        )
        batch_op.add_column(
            sa.Column(
                "public_name", sa.String(length=120), nullable=True, comment="what patients know it by; null: its name"
            )
        )
        batch_op.add_column(
            sa.Column("offer", sa.String(length=200), nullable=True, comment="what it offers, told in the chat")
        )

    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("referring", sa.Text(), nullable=True, comment="their own request to a clinic, under way; JSON")
        )

    # Of several open lines of one person at one clinic the newest stays: that is what the chat has gone by.
    lines = sa.table(
        "lines", *(sa.column(name) for name in ("id", "clinic_id", "patient_id", "joined_at", "ended_at", "ended_by"))
    )
    newer = lines.alias()
    op.execute(
        sa.update(lines)
        .where(
            lines.c.ended_at.is_(None),
            sa.exists().where(
                newer.c.patient_id == lines.c.patient_id,
                newer.c.clinic_id == lines.c.clinic_id,
                newer.c.ended_at.is_(None),
                newer.c.id > lines.c.id,
            ),
        )
        .values(ended_at=lines.c.joined_at, ended_by="clinic")
    )
    op.create_index(
        "uq_lines_open",
        "lines",
        ["patient_id", "clinic_id"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("uq_lines_open", table_name="lines")
    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.drop_column("referring")

    with op.batch_alter_table("clinics", schema=None) as batch_op:
        batch_op.drop_column("offer")
        batch_op.drop_column("public_name")
        batch_op.drop_column("self_way")
