"""What became of reminders, day by day: figures that stay when the rows they came from are deleted."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forwards. What the rows that are there tell is counted for the day of the change."""
    counts = op.create_table(
        "reminder_counts",
        sa.Column("day", sa.Date(), nullable=False, comment="in UTC"),
        sa.Column("due", sa.Integer(), nullable=False, comment="decided on"),
        sa.Column("sent", sa.Integer(), nullable=False, comment="taken by Telegram"),
        sa.Column("late", sa.Integer(), nullable=False, comment="left out for being too late"),
        sa.Column("skipped", sa.Integer(), nullable=False, comment="left out on purpose"),
        sa.Column("failed", sa.Integer(), nullable=False, comment="refused by Telegram, or parked for a fault"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_reminder_counts")),
    )
    connection = op.get_bind()
    sums = "SELECT COALESCE(SUM(sent), 0), COALESCE(SUM(late), 0), COALESCE(SUM(skipped), 0) FROM reminders"
    sent, late, skipped = (int(each) for each in connection.execute(sa.text(sums)).one())
    outbox = "SELECT COUNT(*) FROM outbox WHERE key LIKE 'reminder:%' AND state"
    failed = connection.execute(sa.text(f"{outbox} = 'failed'")).scalar_one()
    overdue = connection.execute(sa.text(f"{outbox} = 'failed' AND fault = 'too late'")).scalar_one()
    waiting = connection.execute(sa.text(f"{outbox} = 'waiting'")).scalar_one()
    if sent or late or skipped:
        figures = {
            "due": sent + late + skipped,
            "sent": max(sent - failed - waiting, 0),
            "late": late + overdue,
            "skipped": skipped,
            "failed": failed - overdue,
        }
        op.bulk_insert(counts, [{"day": datetime.now(UTC).date(), **figures}])


def downgrade() -> None:
    """Go back."""
    op.drop_table("reminder_counts")
