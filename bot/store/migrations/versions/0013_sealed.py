"""What people wrote and were told is sealed. The columns keep their types, so that no table is made anew on SQLite."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from bot.store import keys
from bot.store.sealed import ring_of

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT: dict[str, tuple[str, ...]] = {
    "patients": ("held_question", "intake", "summary", "practice", "form", "prescribed", "referring"),
    "assessments": ("told",),
    "scores": ("flagged",),
    "misses": ("text",),
    "staff": ("totp_secret",),
    "desk_sessions": ("totp_offer",),
    "referrals": ("override_reason", "goals", "letter"),
    "line_messages": ("text",),
    "merges": ("kept_before", "merged_before"),
    "api_requests": ("request", "patient"),
}
_JSON: dict[str, tuple[str, ...]] = {
    "inbox": ("update",),
    "outbox": ("body",),
    "safety_events": ("rules", "findings"),
    "assessments": ("rules", "findings", "sources"),
    "scores": ("parts", "answers"),
    "referrals": ("flags", "override_saw", "machine_rules", "findings", "quotes"),
    "referral_events": ("detail",),
}
# These had a length that no token keeps to. SQLite never looks at it.
_SHORT = {"misses": ("text", 400, False), "staff": ("totp_secret", 64, True), "desk_sessions": ("totp_offer", 64, True)}
_BATCH = 500


def upgrade() -> None:
    """Go forwards: seal what is there, some hundred rows at a time."""
    _let_them_be(long=True)
    _pass(seal=True)


def downgrade() -> None:
    """Go back: open all. The key file is needed."""
    _pass(seal=False)
    _let_them_be(long=False)
    op.execute("DELETE FROM facts WHERE name = 'keys'")


def _let_them_be(*, long: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, (column, length, nullable) in _SHORT.items():
        types: tuple[sa.types.TypeEngine[str], sa.types.TypeEngine[str]] = (sa.Text(), sa.String(length))
        new, old = types if long else types[::-1]
        op.alter_column(table, column, type_=new, existing_type=old, existing_nullable=nullable)


def _pass(*, seal: bool) -> None:
    """Go through every table once, in the order of its rows."""
    connection = op.get_bind()
    ring = ring_of(connection.dialect)
    if ring is None:  # another connection than the store's: the key file is where the store would look for it
        ring = keys.Keyring(keys.place_of(connection.engine.url.render_as_string(hide_password=False)))
        if seal and not ring.is_there():
            keys.make(ring.path)
    for name in sorted(_TEXT.keys() | _JSON.keys()):
        texts, jsons = _TEXT.get(name, ()), _JSON.get(name, ())
        table = sa.table(
            name,
            sa.column("id", sa.String if name == "patients" else sa.BigInteger),
            *(sa.column(each, sa.Text) for each in texts),
            *(sa.column(each, sa.JSON(none_as_null=True)) for each in jsons),
        )
        columns = [table.c[each] for each in (*texts, *jsons)]
        # NULL, and the JSON null that was written for it before, stay nothing.
        some = sa.or_(*(column.is_not(None) for column in columns))
        last: object = None
        while True:
            query = sa.select(table.c.id, *columns).where(some).order_by(table.c.id).limit(_BATCH)
            rows = connection.execute(query if last is None else query.where(table.c.id > last)).all()
            for row in rows:
                values = {
                    column.name: _turned(ring, value, is_json=column.name in jsons, seal=seal)
                    for column, value in zip(columns, row[1:], strict=True)
                }
                connection.execute(sa.update(table).where(table.c.id == row[0]).values(values))
            if len(rows) < _BATCH:
                break
            last = rows[-1][0]


def _turned(ring: keys.Keyring, value: object, *, is_json: bool, seal: bool) -> object:
    if value is None:
        return None
    if seal:
        return ring.seal(
            (json.dumps(value, ensure_ascii=False, separators=(",", ":")) if is_json else str(value)).encode()
        )
    opened = ring.open(str(value)).decode()
    return json.loads(opened) if is_json else opened
