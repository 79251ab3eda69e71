"""One hash of an online store's content, to see whether it changed since it was compared. Does not import Feast."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path


def online_state(file: Path) -> str:
    """Hash of every served value with its key and moment, independent of the order of writing.

    Empty for a store that does not exist.
    """
    if not file.is_file():
        return ""
    found = hashlib.sha256()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        names = connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
        ).fetchall()
        for (name,) in names:
            found.update(f"table {name}\n".encode())
            query = f'select entity_key, feature_name, value, event_ts from "{name}" order by 1, 2'  # noqa: S608 - the store's own names
            for row in connection.execute(query):
                found.update(repr(row).encode())
    finally:
        connection.close()
    return found.hexdigest()[:32]
