"""Feast's offline store over the lake: DuckDB joins, and of each Delta table only the rows a question can reach.

Feast's file store merges on the keys alone and filters afterwards, so it explodes; its DuckDB store joins properly but
reads whole tables, so each sprint would cost more than the one before. This subclass hands Feast's own joins a table
already narrowed to `[first question - ttl, last question]`: Delta's partition and file statistics leave the other
files unread. Feast names the class by path (`sprintline.stores.offline.LakeOfflineStore`) and expects
`<class>Config` beside it. Importing this module imports Feast: only Feast does so, when it opens a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from feast.data_format import DeltaFormat
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.ibis import (
    get_historical_features_ibis,
    pull_all_from_table_or_query_ibis,
    pull_latest_from_table_or_query_ibis,
)
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import RepoConfig

from sprintline.stores.feature_views import FeatureError, NothingInReachError

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import Table

EVENT_TIMESTAMP = "event_timestamp"
"""What Feast's joins call the moment of a question."""


class LakeOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """Settings of `LakeOfflineStore`: those of Feast's DuckDB store."""

    type: Literal["sprintline.stores.offline.LakeOfflineStore"] = (  # type: ignore[assignment]
        "sprintline.stores.offline.LakeOfflineStore"
    )


@dataclass(frozen=True)
class Reach:
    """The rows of one source that an answer can depend on.

    low, high: bounds of the event timestamp, both inclusive, aware; None leaves a side open.
    columns: the only columns read; None reads all.
    """

    low: datetime | None
    high: datetime | None
    columns: tuple[str, ...] | None = None


class LakeOfflineStore(DuckDBOfflineStore):
    """DuckDB offline store that reads of a Delta table what its answer needs, in UTC, and says when that is missing."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """Point-in-time values; see Feast. Rows after the last question or before the first less ttl stay unread.

        Raises:
            FeatureError: a table or the range asked for is missing, or questions come as SQL (they must be a frame).
        """
        if not isinstance(entity_df, pd.DataFrame):
            raise FeatureError(
                "historical features are asked for with a frame, not with SQL: read the questions first"
            )
        moments = pd.to_datetime(entity_df[EVENT_TIMESTAMP], utc=True)
        first, last = moments.min().to_pydatetime(), moments.max().to_pydatetime()
        reaches = {
            view.batch_source.name: _reach_of(view, first, last)
            for view in feature_views
            if view.batch_source
        }
        return get_historical_features_ibis(
            config=config,
            feature_views=feature_views,
            feature_refs=feature_refs,
            entity_df=entity_df,
            registry=registry,
            project=project,
            full_feature_names=full_feature_names,
            data_source_reader=_reader(lambda source: reaches[source.name]),
            data_source_writer=_refuse_to_write,
            filter_by_created_timestamp=filter_by_created_timestamp,
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """The latest row per key in `[start_date, end_date]`; nothing outside is read. Raises FeatureError if empty."""
        columns = _columns(join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column)
        return pull_latest_from_table_or_query_ibis(
            config=config,
            data_source=data_source,
            join_key_columns=join_key_columns,
            feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            start_date=start_date,
            end_date=end_date,
            data_source_reader=_reader(lambda _: Reach(_aware(start_date), _aware(end_date), columns)),
            data_source_writer=_refuse_to_write,
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """All rows within the bounds; nothing outside is read. Raises FeatureError if there are none."""
        columns = _columns(join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column)
        return pull_all_from_table_or_query_ibis(
            config=config,
            data_source=data_source,
            join_key_columns=join_key_columns,
            feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            start_date=start_date,
            end_date=end_date,
            data_source_reader=_reader(lambda _: Reach(_aware(start_date), _aware(end_date), columns)),
            data_source_writer=_refuse_to_write,
        )


def read_bounded(source: FileSource, reach: Reach) -> pa.Table:
    """The rows of a Delta source within reach, timestamps as UTC microseconds.

    Raises:
        FeatureError: the table does not exist.
        NothingInReachError: it holds no row in reach.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        table = DeltaTable(source.path)
    except TableNotFoundError:
        raise FeatureError(
            f"{source.name}: no feature table at {Path(source.path).name}: materialize the view for its sprint first"
        ) from None
    sides = ((">=", reach.low), ("<=", reach.high))
    bounds = [(source.timestamp_field, sign, bound) for sign, bound in sides if bound is not None]
    columns = list(reach.columns) if reach.columns else None
    # A filter is applied on the dataset, so files whose statistics lie outside the bounds are not opened.
    rows = table.to_pyarrow_table(columns=columns, filters=bounds or None)
    if not rows.num_rows:
        span = f"from {_text(reach.low)} to {_text(reach.high)}"
        raise NothingInReachError(
            f"{source.name}: no rows {span}: materialize the view for the sprints of that time"
        )
    return rows


def _reader(reach_of: Callable[[DataSource], Reach]) -> Callable[[DataSource, str], Table]:
    """The function by which Feast's joins read a source: bounded, into one DuckDB session of its own, in UTC."""
    import ibis

    # Feast would use ibis' session of the whole process, whose time zone is the machine's and which threads share.
    session = ibis.duckdb.connect()
    session.raw_sql("SET TimeZone = 'UTC'")

    def read(source: DataSource, repo_path: str) -> Table:
        if not isinstance(source, FileSource) or not isinstance(source.file_format, DeltaFormat):
            raise FeatureError(
                f"{source.name}: feature views read Delta tables of the lake: use lake_source()"
            )
        return session.create_table(
            ibis.util.gen_name("lake"), read_bounded(source, reach_of(source)), temp=True
        )

    return read


def _reach_of(view: FeatureView, first: datetime, last: datetime) -> Reach:
    source = view.batch_source
    features = [feature.name for feature in view.features]
    columns = _columns(view.join_keys, features, source.timestamp_field, source.created_timestamp_column)
    ttl = view.ttl or timedelta(0)
    if not ttl:
        raise FeatureError(f"{view.name}: a view without ttl would read all history: give it a ttl")
    return Reach(first - ttl, last, columns)


def _columns(
    keys: Iterable[str], features: Iterable[str], moment: str, created: str | None
) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*keys, *features, moment, *([created] if created else [])]))


def _aware(moment: datetime | None) -> datetime | None:
    """Feast hands out both kinds; one without zone is UTC by its convention."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "the beginning"


def _refuse_to_write(*_: Any, **__: Any) -> None:
    raise FeatureError(
        "the lake is written by the platform only: a sprint's partition is replaced through Lake.write"
    )
