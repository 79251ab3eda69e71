"""Feast's online store in SQLite that moves only forwards and stores time in UTC.

Feast's own SQLite store has two faults for serving. First, a backfill of an old window overwrites newer values. Here a
value is replaced only by one whose event is not older; the upsert decides that, so no race can break it. Second, it
stores moments in the machine's local time, so values written in one zone and read in another, or around a change of
clocks, are hours off. Here a moment is a number of seconds since 1970, UTC.
Feast names the class by path and expects `<class>Config` beside it. Importing this module imports Feast.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from feast.feature_view import FeatureView
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.helpers import compute_table_id
from feast.infra.online_stores.sqlite import SqliteOnlineStore, SqliteOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import RepoConfig

KEYS_PER_QUERY = 500
"""SQLite binds a bounded number of parameters to one statement."""


class ForwardSqliteOnlineStoreConfig(SqliteOnlineStoreConfig):
    """Settings of `ForwardSqliteOnlineStore`: those of Feast's SQLite store."""

    type: Literal["sprintline.features.online.ForwardSqliteOnlineStore"] = (  # type: ignore[assignment]
        "sprintline.features.online.ForwardSqliteOnlineStore"
    )


class ForwardSqliteOnlineStore(SqliteOnlineStore):
    """SQLite online store: an older event never replaces a newer one; moments are UTC seconds."""

    def _get_conn(self, config: RepoConfig) -> sqlite3.Connection:
        """One connection per store, in SQLite's write-ahead mode: readers do not wait for the writer."""
        if self._conn is None:
            connection = super()._get_conn(config)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA busy_timeout = 10000")
        return self._conn

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write values in one transaction: all of the batch or nothing. A value of an older event is left out."""
        version = config.entity_key_serialization_version
        rows = []
        for key, values, event, created in data:
            binary = serialize_entity_key(key, entity_key_serialization_version=version)
            times = (_seconds(event), _seconds(created) if created else None)
            rows += [(binary, name, value.SerializeToString(), *times) for name, value in values.items()]
        name = compute_table_id(config.project, table)
        connection = self._get_conn(config)
        with connection:
            connection.executemany(
                f'INSERT INTO "{name}" (entity_key, feature_name, value, event_ts, created_ts) VALUES (?, ?, ?, ?, ?) '  # noqa: S608 - a name made by Feast
                "ON CONFLICT (entity_key, feature_name) DO UPDATE SET value = excluded.value, "
                "event_ts = excluded.event_ts, created_ts = excluded.created_ts "
                "WHERE excluded.event_ts >= event_ts",
                rows,
            )
        if progress:
            progress(len(data))

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """Per key, in the requested order: (event moment, values by feature name), or (None, None) for an unknown key.

        The moment is the oldest among the values, so that a check of their age is on the safe side.
        """
        version = config.entity_key_serialization_version
        keys = [serialize_entity_key(key, entity_key_serialization_version=version) for key in entity_keys]
        name = compute_table_id(config.project, table)
        wanted = set(requested_features) if requested_features else None
        found: dict[bytes, tuple[int, dict[str, Value]]] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), KEYS_PER_QUERY):
            part = distinct[start : start + KEYS_PER_QUERY]
            marks = ",".join("?" * len(part))
            # The cast drops the declared type, by which Feast's converter would turn the number into local time.
            cursor = self._get_conn(config).execute(
                f"SELECT entity_key, feature_name, value, CAST(event_ts AS INTEGER) "  # noqa: S608 - a name made by Feast
                f'FROM "{name}" WHERE entity_key IN ({marks})',
                part,
            )
            for key, feature, binary, event in cursor:
                if wanted is not None and feature not in wanted:
                    continue
                oldest, values = found.get(key, (event, {}))
                values[feature] = Value.FromString(binary)
                found[key] = (min(oldest, event), values)
        answers: list[tuple[datetime | None, dict[str, Value] | None]] = []
        for key in keys:
            if key in found:
                event, values = found[key]
                answers.append((datetime.fromtimestamp(event, UTC), values))
            else:
                answers.append((None, None))
        return answers

    def keys(self, config: RepoConfig, table: FeatureView) -> int:
        """How many keys of a view have a value."""
        name = compute_table_id(config.project, table)
        query = f'SELECT COUNT(DISTINCT entity_key) FROM "{name}"'  # noqa: S608 - a declared view's name
        return int(self._get_conn(config).execute(query).fetchone()[0])

    def values(self, config: RepoConfig, table: FeatureView) -> Iterator[tuple[bytes, str, Value, int]]:
        """Every value of a view: serialized key, feature, value, event moment (seconds since 1970, UTC)."""
        name = compute_table_id(config.project, table)
        query = f'SELECT entity_key, feature_name, value, CAST(event_ts AS INTEGER) FROM "{name}"'  # noqa: S608 - a declared view's name
        for key, feature, binary, event in self._get_conn(config).execute(query):
            yield key, feature, Value.FromString(binary), event

    def clear(self, config: RepoConfig, table: FeatureView) -> None:
        """Remove a view's values. Takes effect with the next batch that is written, in its transaction."""
        name = compute_table_id(config.project, table)
        self._get_conn(config).execute(f'DELETE FROM "{name}"')  # noqa: S608 - a declared view's name

    def newest_event(self, config: RepoConfig, table: FeatureView) -> datetime | None:
        """The watermark of a view: its newest event in the store itself, so the two cannot disagree; None if empty.

        Raises sqlite3.OperationalError when the view was never applied.
        """
        name = compute_table_id(config.project, table)
        query = f'SELECT CAST(MAX(event_ts) AS INTEGER) FROM "{name}"'  # noqa: S608 - a declared view's name
        row = self._get_conn(config).execute(query).fetchone()
        return None if row[0] is None else datetime.fromtimestamp(row[0], UTC)


def _seconds(moment: datetime) -> int:
    """Whole seconds since 1970; a moment without zone is UTC by Feast's convention."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(aware.timestamp())
