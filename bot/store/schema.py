"""Which version the tables of a database are, and whether it can be written."""

from functools import cache
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_MIGRATIONS = Path(__file__).parent / "migrations"

type Age = Literal["older", "current", "newer"]


@cache
def revisions() -> tuple[str, ...]:
    """Return every version that this program knows, the oldest first."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    return tuple(reversed(found))


def age_of(revision: str) -> Age:
    """Say how a version stands to this program; one that it does not know was made by a newer one."""
    if revision not in revisions():
        return "newer"
    return "current" if revision == revisions()[-1] else "older"


async def revision_of(session: AsyncSession) -> str:
    """Return the version of an open database.

    Raises:
        SQLAlchemyError: it has none of our tables, or does not answer.
    """
    return str(await session.scalar(text("SELECT version_num FROM alembic_version")))


async def touch(session: AsyncSession) -> None:
    """Write, and change nothing, in an open writing transaction.

    Raises:
        SQLAlchemyError: the database can't be written; it is locked, read-only or full.
    """
    await session.execute(text("UPDATE alembic_version SET version_num = version_num"))
