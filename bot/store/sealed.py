"""Columns that are sealed: what a person wrote, was told about their health, or is named by.

In Python they are text and JSON like any others. In the database stands the fingerprint of a key and a Fernet token,
which SQL can't look into: whoever compares, orders or searches such a column is refused. The keys are those of the
engine (see `hand_to`), so that two databases in one process may have two key files.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, Column, ColumnElement, String, Table, Text, TypeDecorator, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeEngine

from bot.store.keys import Keyring, KeysUnusable

_RINGS: WeakKeyDictionary[Dialect, Keyring] = WeakKeyDictionary()
_ALLOWED = (operators.is_, operators.is_not)


class LooksInside(TypeError):
    """A query compares, orders or searches what is sealed; no database can."""


def hand_to(dialect: Dialect, ring: Keyring) -> None:
    """Let an engine seal and open with these keys. Each engine has a dialect of its own."""
    _RINGS[dialect] = ring


def ring_of(dialect: Dialect) -> Keyring | None:
    """Return the keys of an engine, None when it was handed none."""
    return _RINGS.get(dialect)


class _Shut(TypeDecorator.Comparator[Any]):
    """Refuses every operator but IS NULL."""

    def operate(self, op: Any, *other: Any, **options: Any) -> Any:
        """Refuse, unless it is asked whether there is anything, or SQLAlchemy asks itself whether columns are one."""
        among_columns = op in (operators.eq, operators.ne) and isinstance(other[0], ColumnElement)
        return super().operate(op, *other, **options) if op in _ALLOWED or among_columns else _refuse(op)

    def reverse_operate(self, op: Any, other: Any, **options: Any) -> Any:
        """Refuse."""
        _refuse(op)


def _refuse(op: Any) -> NoReturn:
    name = getattr(op, "__name__", op)
    raise LooksInside(f"a query uses {name} on a sealed column; open the rows, or keep the column readable")


def _seal(plain: str, dialect: Dialect) -> str:
    return _handed(dialect).seal(plain.encode("utf-8", "surrogatepass"))  # half a character, too


def _open(sealed: str, dialect: Dialect) -> str:
    return _handed(dialect).open(sealed).decode("utf-8", "surrogatepass")


def _handed(dialect: Dialect) -> Keyring:
    ring = _RINGS.get(dialect)
    if ring is None:
        raise KeysUnusable("This connection was given no keys. Open the database with bot.store.Store.")
    return ring


class SealedText(TypeDecorator[str]):
    """Text that is sealed in the database.

    Args:
        was: how long it might be before it was sealed. SQLite keeps that type, for a type can't be changed there
            without making the table anew; it never looked at the length.
    """

    impl = Text
    cache_ok = True
    comparator_factory = _Shut

    def __init__(self, was: int | None = None) -> None:
        super().__init__()
        self.was = was

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the database has."""
        return Text() if self.was is None or dialect.name != "sqlite" else String(self.was)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal."""
        return None if value is None else _seal(value, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Open."""
        return None if value is None else _open(value, dialect)


class SealedJson(TypeDecorator[Any]):
    """JSON that is sealed in the database, where it stands as a JSON string. None is NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True
    comparator_factory = _Shut

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Seal."""
        return None if value is None else _seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")), dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Open."""
        return None if value is None else json.loads(_open(str(value), dialect))


def shut(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Select a sealed JSON column as it stands in the database: `opened` opens those values that are needed at all."""
    return type_coerce(column, JSON)


def opened(value: str, dialect: Dialect) -> Any:
    """Open a value that `shut` selected.

    Raises:
        NotOpened: it can't be opened with the engine's keys.
    """
    return json.loads(_open(value, dialect))


def columns_of(table: Table) -> Iterator[Column[Any]]:
    """Give the sealed columns of a table."""
    return (column for column in table.columns if isinstance(column.type, SealedText | SealedJson))
