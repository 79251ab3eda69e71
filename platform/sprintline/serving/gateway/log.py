"""The log of predictions: what was said, when and by which release. What was acknowledged is on the disk.

    <home>/serving/<product>/log/<sprint>.db

One thread writes: it commits whatever waits at once, so that many requests share a commit and none waits for a timer.
A file per sprint is what retention removes. Killed at any moment, SQLite keeps what was committed.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

BATCH = 2_000
"""Most entries of one commit."""


class Entry(msgspec.Struct, frozen=True):
    """A prediction. at: the platform's time; `seconds` of work, without the commit."""

    prediction_id: str
    request_id: str
    at: str
    sprint: str
    product: str
    model_id: str
    release_digest: str | None
    snapshot: str
    who: str
    route: str
    row: dict[str, Any]
    inputs: dict[str, Any]
    features: dict[str, Any]
    predictions: dict[str, Any]
    seconds: float


_JSON = ("row", "inputs", "features", "predictions")
_COLUMNS = Entry.__struct_fields__
_TABLE = f"create table if not exists predictions ({', '.join(_COLUMNS)}, unique (prediction_id))"
_INSERT = f"insert into predictions values ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own columns

Told = Callable[[Exception | None], None]
"""Called when the entries are on the disk, or with why they are not; from the writer's thread."""


class Log:
    """The writer of one product's log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._queue: queue.SimpleQueue[tuple[Sequence[Entry], Told] | None] = queue.SimpleQueue()
        self._open: dict[str, sqlite3.Connection] = {}
        self._thread = threading.Thread(target=self._write, name="prediction log", daemon=True)
        self._thread.start()

    def add(self, entries: Sequence[Entry], told: Told) -> None:
        """Log entries; returns at once, `told` is called when they are committed."""
        self._queue.put((entries, told))

    def close(self) -> None:
        """Commit what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        ended = False
        while not ended:
            waiting = [self._queue.get()]
            while len(waiting) < BATCH and not self._queue.empty():
                waiting.append(self._queue.get())
            ended = None in waiting
            self._commit([one for one in waiting if one is not None])
        for connection in self._open.values():
            connection.close()

    def _commit(self, waiting: list[tuple[Sequence[Entry], Told]]) -> None:
        by_sprint: dict[str, list[tuple[Sequence[Entry], Told]]] = {}
        for entries, told in waiting:
            by_sprint.setdefault(entries[0].sprint, []).append((entries, told))
        for sprint, group in by_sprint.items():
            why: Exception | None = None
            try:
                connection = self._connection(sprint)
                with connection:
                    connection.executemany(
                        _INSERT, [_values(entry) for entries, _ in group for entry in entries]
                    )
            except (sqlite3.Error, OSError) as error:
                why = error
                if (broken := self._open.pop(sprint, None)) is not None:
                    broken.close()
            for _, told in group:
                told(why)

    def _connection(self, sprint: str) -> sqlite3.Connection:
        if sprint not in self._open:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.folder / f"{sprint}.db", timeout=10)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")  # a commit outlives a power cut
            connection.execute(_TABLE)
            self._open[sprint] = connection
        return self._open[sprint]


def logged(folder: Path, prediction_id: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Predictions of a product's log, newest first: one, or the last few.

    Raises sqlite3.DatabaseError for a file that is none of the log's.
    """
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.db"), reverse=True):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            where, given = ("where prediction_id = ?", [prediction_id]) if prediction_id else ("", [])
            query = f"select * from predictions {where} order by rowid desc limit ?"  # noqa: S608 - one of two texts
            rows = connection.execute(query, [*given, limit - len(found)]).fetchall()
        found += [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        if len(found) >= limit or (prediction_id and found):
            break
    return [one | {name: msgspec.json.decode(one[name]) for name in _JSON} for one in found]


def _values(entry: Entry) -> tuple[Any, ...]:
    return tuple(
        msgspec.json.encode(value).decode() if name in _JSON else value
        for name, value in zip(_COLUMNS, msgspec.structs.astuple(entry), strict=True)
    )
