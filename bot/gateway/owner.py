"""Who holds a claim: one start of one process, and no other.

Two gateways may carry one name, each with a home of its own, on one database. So a name alone frees nothing: each start
is an owner of its own, written down in its home, which is locked for as long as the process lives. Whoever holds that
lock knows that the owner written there before is dead, and takes over what it had claimed. Any other claim is free when
its lease has run out.
"""

import secrets
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.store import Store, inbox, outbox

log = structlog.get_logger()

_LONGEST_NAME = 40
"""Characters of the gateway's name in an owner's; the column holds 64."""


def new_owner(instance: str) -> str:
    """Return a name that no other start of a gateway of this name has."""
    return f"{instance[:_LONGEST_NAME]}:{secrets.token_hex(8)}"


async def take_over(store: Store, run: Path, instance: str, owner: str) -> bool:
    """Free what the dead owner of this home had claimed, and write down the new one.

    Args:
        store: the database.
        run: the folder of the home whose lock, by this instance's name, the caller holds.
        instance: the gateway's name.
        owner: the new owner's.

    Returns:
        False when the database can't be written to just now; nothing was changed.
    """
    note = run / f"{instance}.owner"
    if former := _read(note):
        try:
            async with store.writing() as session:
                await inbox.free_claims(session, former)
                await outbox.free_claims(session, former)
        except SQLAlchemyError as error:
            log.error("claims.not_freed", fault=type(error).__name__)
            return False
    try:
        _write(note, owner)
    except OSError as error:  # a full disk: the next start waits for the leases
        log.error("owner.not_noted", fault=type(error).__name__)
    return True


def _read(note: Path) -> str:
    return note.read_text().strip() if note.is_file() else ""


def _write(note: Path, owner: str) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(owner)
