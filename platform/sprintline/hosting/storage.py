"""Dagster's SQLite storage with connections that are kept.

Dagster's own makes an engine, a connection and a synchronised commit for every event: a sprint with ninety checks spent
four of its seconds on that, and ten when the disk was busy. Tables, files and migrations stay Dagster's; only the way
to a connection is another. A commit survives the death of any process; what a power cut may take are the last events
of a run log, never a verdict or a decision, which the records database keeps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

KEPT = 16
"""Databases whose connections a process keeps: the three of the instance, and the logs of the latest runs."""

BUSY_SECONDS = 30
"""How long a connection waits for another process's commit."""


@lru_cache(maxsize=KEPT)
def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, poolclass=sa.pool.QueuePool, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


class PooledRuns(SqliteRunStorage):
    """Dagster's run storage; connections are kept."""

    @contextmanager
    def connect(self) -> "Iterator[Connection]":
        with _engine(self._conn_string).begin() as connection:
            yield connection


class PooledSchedules(SqliteScheduleStorage):
    """Dagster's storage of sensors, schedules and their ticks; connections are kept."""

    @contextmanager
    def connect(self) -> "Iterator[Connection]":
        with _engine(self._conn_string).begin() as connection:
            yield connection


class PooledEvents(SqliteEventLogStorage):
    """Dagster's event log, a database per run and an index; connections are kept."""

    @contextmanager
    def _connect(self, shard: str) -> "Iterator[Connection]":
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection


class PooledSqliteStorage(DagsterSqliteStorage):
    """What `dagster.yaml` names as storage: runs, events and schedules under one folder."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        # The base class has made or migrated the files; from here on they are reached through kept connections.
        self._run_storage = PooledRuns(self._run_storage._conn_string)
        self._event_log_storage = PooledEvents(self._event_log_storage._base_dir)
        self._schedule_storage = PooledSchedules(self._schedule_storage._conn_string)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "PooledSqliteStorage":
        return cls.from_local(inst_data=inst_data, **config_value)
