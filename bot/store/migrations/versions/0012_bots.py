"""Several bots in one installation: whose chat, whose message, whose answer; and which bot a clinic has."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go forwards. All that is there belongs to the bot that was alone until now."""
    with op.batch_alter_table("telegram_chats", schema=None) as batch_op:
        batch_op.add_column(_bot("which bot they write to"))
        batch_op.drop_constraint("pk_telegram_chats", type_="primary")
        batch_op.create_primary_key("pk_telegram_chats", ["bot", "chat_id"])

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(_bot("which bot it came to"))
        batch_op.drop_constraint("uq_inbox_update_id", type_="unique")
        batch_op.create_unique_constraint("uq_inbox_bot_update_id", ["bot", "update_id"])
        batch_op.drop_index("ix_inbox_state_chat_id_id")
        batch_op.create_index(
            "ix_inbox_state_bot_chat_id_update_id", ["state", "bot", "chat_id", "update_id"], unique=False
        )

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(_bot("the person's own"))
        batch_op.drop_index("ix_outbox_state_priority_id")
        batch_op.create_index("ix_outbox_state_bot_priority_id", ["state", "bot", "priority", "id"], unique=False)

    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.add_column(_bot("which bot tells them"))

    with op.batch_alter_table("clinics", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("bot", sa.String(length=16), nullable=True, comment="its patients' bot; null: the main one")
        )


def downgrade() -> None:
    """Go back. People of another bot than the main one can't be kept: a chat's number would no longer be unique."""
    chats = sa.table("telegram_chats", sa.column("bot"), sa.column("patient_id"))
    people = sa.select(chats.c.patient_id).where(chats.c.bot != "main")
    ended = sa.table("lines", *(sa.column(name) for name in ("patient_id", "ended_at", "ended_by", "joined_at")))
    op.execute(
        sa.update(ended)
        .where(ended.c.ended_at.is_(None), ended.c.patient_id.in_(people))
        .values(ended_at=ended.c.joined_at, ended_by="clinic")
    )
    gone = sa.table("patients", sa.column("id"))
    op.execute(sa.delete(gone).where(gone.c.id.in_(people)))
    for name in ("telegram_chats", "outbox", "inbox", "erasures"):
        rows = sa.table(name, sa.column("bot"))
        op.execute(sa.delete(rows).where(rows.c.bot != "main"))

    with op.batch_alter_table("clinics", schema=None) as batch_op:
        batch_op.drop_column("bot")

    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.drop_column("bot")

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_state_bot_priority_id")
        batch_op.create_index("ix_outbox_state_priority_id", ["state", "priority", "id"], unique=False)
        batch_op.drop_column("bot")

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_state_bot_chat_id_update_id")
        batch_op.create_index("ix_inbox_state_chat_id_id", ["state", "chat_id", "id"], unique=False)
        batch_op.drop_constraint("uq_inbox_bot_update_id", type_="unique")
        batch_op.create_unique_constraint("uq_inbox_update_id", ["update_id"])
        batch_op.drop_column("bot")

    with op.batch_alter_table("telegram_chats", schema=None) as batch_op:
        batch_op.drop_constraint("pk_telegram_chats", type_="primary")
        batch_op.create_primary_key("pk_telegram_chats", ["chat_id"])
        batch_op.drop_column("bot")


def _bot(comment: str) -> "sa.Column[str]":
    return sa.Column("bot", sa.String(length=16), nullable=False, server_default="main", comment=comment)
