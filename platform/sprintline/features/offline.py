"""Feast's offline store over the lake: DuckDB joins, and reads only the rows of each Delta table that can matter.

Feast's own stores read whole tables, so each sprint would cost more than the one before, and pair every question with
every row within ttl or more. This one reads `[first question - ttl, last question]`: Delta's partition and file
statistics let it skip the other files. DuckDB then finds the one row for each question (docs/decisions, 2 and 24).
Feast names the class by path (`sprintline.features.offline.LakeOfflineStore`) and expects `<class>Config` beside it.
Importing this module imports Feast: only Feast does so, when it opens a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from feast.data_format import DeltaFormat
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig

from sprintline.features.views import FeatureError, NothingInReachError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

EVENT_TIMESTAMP = "event_timestamp"
"""Feast's name for the moment of a question."""


class LakeOfflineStoreConfig(FeastConfigBaseModel):
    """Settings of `LakeOfflineStore`: none."""

    type: Literal["sprintline.features.offline.LakeOfflineStore"] = (
        "sprintline.features.offline.LakeOfflineStore"
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


class LakeRetrievalJob(RetrievalJob):
    """A query over the tables of its own session, run when the result is read."""

    full_feature_names = False
    on_demand_feature_views: list[OnDemandFeatureView] = []  # noqa: RUF012 - Feast's interface, and always empty
    metadata: RetrievalMetadata | None = None

    def __init__(self, session: DuckDBPyConnection, query: str) -> None:
        self._session = session
        self._query = query

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        import duckdb

        try:
            return self._session.sql(self._query).to_arrow_table()
        except duckdb.Error as error:
            why = str(error).splitlines()[0]
            raise FeatureError(
                f"features cannot be joined: {why}: give keys the same type in questions and views"
            ) from error

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    def persist(self, storage: Any, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Refused: the lake has one writer. Raises FeatureError."""
        raise FeatureError(
            "the lake is written by the platform only: a sprint's partition is replaced through Lake.write"
        )


class LakeOfflineStore(OfflineStore):
    """Offline store that reads only the rows it needs of a Delta table, in UTC, and raises when they are missing."""

    supports_filter_by_created_timestamp = True

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
            FeatureError: a table or the requested range is missing, questions are SQL (they must be a frame), or
                features under full names or of an on-demand view are requested, which are not supported.
        """
        if not isinstance(entity_df, pd.DataFrame):
            raise FeatureError(
                "pass a data frame to get historical features, not SQL: read the questions first"
            )
        if full_feature_names or OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry):
            raise FeatureError(
                "features are joined under their own names and as they are stored: leave full_feature_names out, "
                "and compute in a view's SQL what an on-demand view would"
            )
        moments = pd.to_datetime(entity_df[EVENT_TIMESTAMP], utc=True).dt.as_unit("us")
        first, last = moments.min().to_pydatetime(), moments.max().to_pydatetime()
        import pyarrow as pa

        questions = pa.Table.from_pandas(entity_df.assign(**{EVENT_TIMESTAMP: moments}), preserve_index=False)
        session = _session(questions=questions)
        columns, joins = ["questions.*"], []
        for view in feature_views:
            rows = read_bounded(_delta(view.batch_source), _reach_of(view, first, last))
            _same_kind(view, rows, questions.schema)
            session.register(f"rows_of_{view.name}", rows)
            joins.append(_latest_seen(view, filter_by_created_timestamp))
            prefix = f"{view.projection.name_to_use()}:"
            wanted = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
            columns += [_null_when_stale(view, feature) for feature in wanted]
        return LakeRetrievalJob(session, f"select {', '.join(columns)} from questions {' '.join(joins)}")  # noqa: S608

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
        rows = read_bounded(_delta(data_source), Reach(_aware(start_date), _aware(end_date), columns))
        newest = [timestamp_field, *([created_timestamp_column] if created_timestamp_column else [])]
        order = f"partition by {_names(join_key_columns)} order by {_names(newest, ' desc')}"
        return LakeRetrievalJob(_session(rows=rows), f"from rows qualify row_number() over ({order}) = 1")

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
        rows = read_bounded(_delta(data_source), Reach(_aware(start_date), _aware(end_date), columns))
        return LakeRetrievalJob(_session(rows=rows), "from rows")


def newest_published(view: FeatureView, ends: Sequence[datetime]) -> pd.DataFrame:
    """The newest row of each key in the last `ttl` before any of these ends, in one read.

    ends: of sprints, in order. Raises FeatureError without a table, NothingInReachError without a row.
    """
    import pyarrow as pa

    source, ttl = view.batch_source, view.ttl or timedelta(0)
    event, created = source.timestamp_field, source.created_timestamp_column
    columns = _columns(view.join_keys, [one.name for one in view.features], event, created)
    rows = read_bounded(_delta(source), Reach(ends[0] - ttl, ends[-1], columns))
    kind = pa.timestamp("us", tz="UTC")
    bounds = pa.table(
        {"low": pa.array([end - ttl for end in ends], kind), "high": pa.array(list(ends), kind)}
    )
    newest = [event, *([created] if created else [])]
    order = f"partition by {_names(view.join_keys)} order by {_names(newest, ' desc')}"
    near = f"exists (select 1 from bounds where {_name(event)} >= low and {_name(event)} < high)"  # noqa: S608
    query = f"select * from rows where {near} qualify row_number() over ({order}) = 1"  # noqa: S608
    return LakeRetrievalJob(_session(rows=rows, bounds=bounds), query).to_df()


def read_bounded(source: FileSource, reach: Reach) -> pa.Table:
    """The rows of a Delta source within reach, timestamps as UTC microseconds.

    Raises:
        FeatureError: the table does not exist.
        NothingInReachError: it has no row in reach.
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


def _latest_seen(view: FeatureView, known: bool) -> str:
    """The join that finds, for each question, the row of a view with the latest event among those known by then.

    An as-of join uses one order, but two are needed: when a row is visible to a question (from its creation on, if
    `known`), and which row counts (the latest event, then the latest creation). So rows are sorted by when they became
    visible, and a row is dropped if one with a later event was visible before it or at the same time. Of the remaining
    rows, the last visible one is the one that counts.
    """
    event, created = view.batch_source.timestamp_field, view.batch_source.created_timestamp_column
    ranks = [event, *([created] if created else [])]
    seen = f"greatest({_names(ranks)})" if known else _name(event)
    order = f"partition by {_names(view.join_keys)} order by {seen}, {_names(ranks, ' nulls first')}"
    # A row without a creation moment was never known.
    there = f"where {_name(created)} is not null" if known and created else ""
    at_seen = _name(_unused("seen_at", [*view.join_keys, *ranks, *(one.name for one in view.features)]))
    latest_yet = f"max({_name(event)}) over ({order} rows unbounded preceding) <= {_name(event)}"
    alone = f"lead({seen}) over ({order}) is distinct from {seen}"
    at, rows = _name(f"at_{view.name}"), _name(f"rows_of_{view.name}")
    renamed = view.projection.join_key_map
    same = [f"questions.{_name(renamed.get(key, key))} = {at}.{_name(key)}" for key in view.join_keys]
    return (
        f"asof left join (select *, {seen} as {at_seen} from {rows} {there} qualify {latest_yet} and {alone}) as {at}"  # noqa: S608
        f" on {' and '.join(same)} and questions.{EVENT_TIMESTAMP} >= {at}.{at_seen}"
    )


def _null_when_stale(view: FeatureView, feature: str) -> str:
    """The column of a feature: null where even the latest row is older than ttl."""
    at, lasts = _name(f"at_{view.name}"), round(view.ttl / timedelta(microseconds=1))
    until = f"{at}.{_name(view.batch_source.timestamp_field)} + to_microseconds({lasts})"
    return (
        f"case when {until} >= questions.{EVENT_TIMESTAMP} then {at}.{_name(feature)} end as {_name(feature)}"
    )


def _session(**tables: pa.Table) -> DuckDBPyConnection:
    """A session in UTC with these tables registered by name."""
    import duckdb

    session = duckdb.connect()
    session.execute("set timezone = 'UTC'")
    for name, rows in tables.items():
        session.register(name, rows)
    return session


def _delta(source: DataSource) -> FileSource:
    if not isinstance(source, FileSource) or not isinstance(source.file_format, DeltaFormat):
        raise FeatureError(f"{source.name}: feature views read Delta tables of the lake: use lake_source()")
    return source


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


def _unused(name: str, taken: Iterable[str]) -> str:
    return name if name not in taken else _unused(f"{name}_", taken)


def _same_kind(view: FeatureView, rows: pa.Table, questions: pa.Schema) -> None:
    """Raises FeatureError where keys are of different kinds: DuckDB would treat "007" as 7."""
    import pyarrow.types as types

    kinds = {
        "text": lambda one: types.is_string(one) or types.is_large_string(one) or types.is_string_view(one),
        "a number": lambda one: types.is_integer(one) or types.is_floating(one) or types.is_decimal(one),
        "true or false": types.is_boolean,
    }

    def kind(schema: pa.Schema, column: str) -> str:
        of = schema.field(column).type
        of = of.value_type if types.is_dictionary(of) else of
        return next((name for name, matches in kinds.items() if matches(of)), str(of))

    renamed = view.projection.join_key_map
    for key in view.join_keys:
        ours, theirs = kind(rows.schema, key), kind(questions, renamed.get(key, key))
        if "null" not in (ours, theirs) and ours != theirs:
            raise FeatureError(
                f"view {view.name}: key {key} is {ours} in the view and {theirs} in the questions: give both one type"
            )


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _names(columns: Iterable[str], after_each: str = "") -> str:
    return ", ".join(f"{_name(column)}{after_each}" for column in columns)


def _aware(moment: datetime | None) -> datetime | None:
    """Feast passes both kinds; one without zone is UTC by its convention."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "the beginning"
