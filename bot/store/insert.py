"""INSERT with ON CONFLICT, which SQLite and PostgreSQL both have and SQLAlchemy keeps in two places."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.tables import Base


def insert_into(session: AsyncSession, table: type[Base] | Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the session's own database that can say what a conflict does."""
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
