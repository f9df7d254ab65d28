"""Alembic's entry: it runs on the connection the store hands it, or on SEPTIMUS_DATABASE_URL from the command line."""

from alembic import context
from sqlalchemy import Connection, create_engine

from bot.settings import Settings
from bot.store.tables import Base


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    with create_engine(Settings().database.replace("+aiosqlite", "")).connect() as opened:
        run(opened)
        opened.commit()
