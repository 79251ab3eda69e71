"""Hashes of an online store's content, to see whether it changed since it was compared. Does not import Feast."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path


def online_state(file: Path) -> str:
    """Hash of every served value with its key and moment, independent of the order of writing.

    Empty for a store that does not exist.
    """
    if not file.is_file():
        return ""
    found = hashlib.sha256()
    with closing(_opened(file)) as connection:
        for name in _tables(connection):
            found.update(f"table {name}\n".encode())
            _add(found, connection, name)
    return found.hexdigest()[:32]


def online_tables(file: Path, product: str, views: Iterable[str]) -> dict[str, str]:
    """The same by view; empty for a view without a table or without values."""
    names = {view: f"{product}_{view}" for view in views}  # as Feast names them
    found = dict.fromkeys(names, "")
    if not file.is_file():
        return found
    with closing(_opened(file)) as connection:
        there = set(_tables(connection))
        for view, name in names.items():
            hashed = hashlib.sha256()
            if name in there and _add(hashed, connection, name):
                found[view] = hashed.hexdigest()[:32]
    return found


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
    ).fetchall()
    return [name for (name,) in names]


def _add(found: hashlib._Hash, connection: sqlite3.Connection, name: str) -> int:
    """Add a table's rows to a hash; returns how many."""
    rows = 0
    query = f'select entity_key, feature_name, value, event_ts from "{name}" order by 1, 2'  # noqa: S608 - the store's own names
    for row in connection.execute(query):
        found.update(repr(row).encode())
        rows += 1
    return rows
