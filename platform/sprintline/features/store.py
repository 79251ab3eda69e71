"""A product's feature store: Feast over the lake, one project, registry and online store per product.

Offline values live in the lake (`<product>/<view>`, a partition per sprint); Feast joins them to questions at the
moment they were asked; the online store has the latest value per key and only moves forwards. Serving reads the
online store and the registry, never the warehouse. Feast is imported inside functions: it costs seconds.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base import settings
from sprintline.base.failpoints import failpoint
from sprintline.base.files import atomic_write
from sprintline.base.locks import file_lock
from sprintline.features import publishing
from sprintline.features.feast_project import open_project, quiet
from sprintline.features.frame_checks import CREATED, EVENT, LOGICAL_TYPES, check_feature_frame, value_state
from sprintline.features.marts import QueryError
from sprintline.features.online_answers import OnlineAnswer, OnlineCompared, Published
from sprintline.features.views import (
    Declared,
    FeatureError,
    fingerprint,
    load_declared,
)
from sprintline.lake.tables import Lake
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import feast
    import pandas as pd

    from sprintline.base.settings import Home
    from sprintline.lake.tables import Commit
    from sprintline.product.calendar import Sprint

__all__ = ["FeatureError", "FeatureStore", "OnlineAnswer", "Published", "Query"]

Query = Callable[[str, Sequence[str], Mapping[str, Any]], "pd.DataFrame"]
"""Runs (sql, sprint keys, parameters) over marts restricted to these sprints."""

ROW = "__row"


class FeatureStore:
    """The features of one product.

    Args:
        product: folder name under `feature_repo/`.
        home: where registry and online store are (`features/<product>/`).
        lake: where offline values are.
        repo: the folder of all feature modules; by default the clone's `feature_repo/`.
    """

    @classmethod
    def of(cls, runtime: Runtime) -> FeatureStore:
        """The one of a product."""
        return cls(runtime.product, runtime.home, runtime[Lake])

    def __init__(self, product: str, home: Home, lake: Lake, repo: Path | None = None) -> None:
        self.product = product
        self.lake = lake
        self.folder = (repo or settings.ROOT / "feature_repo") / product
        self.state = home.features / product
        self.registry = self.state / "registry.db"
        self.online_file = self.state / "online.db"
        self._marker = self.state / "applied"
        self._declared: tuple[str, Declared] | None = None
        self._feast: tuple[str, feast.FeatureStore, Declared] | None = None

    # Declaration

    def fingerprint(self) -> str:
        """Hash of the product's views and queries, where they point to, and Feast's version."""
        places = (str(self.lake.root), str(self.registry), str(self.online_file))
        return fingerprint(self.folder, importlib.metadata.version("feast"), *places)

    def declared(self) -> Declared:
        """The product's entities, views and services, loaded again when their text changed. Raises FeatureError."""
        now = self.fingerprint()
        if self._declared is None or self._declared[0] != now:
            self._declared = (now, load_declared(self.product, self.folder, self.lake.root))
        return self._declared[1]

    def apply(self) -> bool:
        """Register the declared objects with Feast and drop the others; False when nothing had changed.

        One process at a time does so. After an interruption the next call repeats it. A removed view loses its online
        table, not its lake table.

        Raises:
            FeatureError: the declaration cannot be used; registry and stores are unchanged.
        """
        if self._is_applied():
            return False
        declared = self.declared()
        with self._locked():
            if self._is_applied():
                return False
            self._marker.unlink(missing_ok=True)
            store = self._open()
            wanted = {(type(item).__name__, item.name) for item in declared.objects()}
            sources = {view.batch_source.name for view in declared.views.values()}
            there = [*store.list_entities(), *store.list_feature_views(), *store.list_feature_services()]
            gone = [item for item in there if (type(item).__name__, item.name) not in wanted]
            gone += [source for source in store.list_data_sources() if source.name not in sources]
            with quiet():
                store.apply(declared.objects(), objects_to_delete=gone, partial=False)
            failpoint("features.applied")
            atomic_write(self._marker, self.fingerprint())
        self._feast = None
        return True

    # Offline

    def compute(self, view: str, sprint: Sprint, lookback: Sequence[str], query: Query) -> pd.DataFrame:
        """A sprint's rows of a view, from `<view>.sql` over the marts of this sprint and those it looks back on.

        Args:
            view: name of a declared view.
            sprint: the sprint to compute.
            lookback: keys of the sprints before it that the query may see, as the product's `lookback_sprints` says.
            query: `restricted_query` bound to the product's warehouse.

        Returns:
            Columns keys, event_timestamp, created_timestamp, features; sorted by keys and event_timestamp.

        Raises:
            FeatureError: the query fails or its rows are not as declared; the message names file and line or column.
        """
        file = self.folder / f"{view}.sql"
        declared = self.declared()
        keys, kinds = declared.keys(view), declared.kinds(view)
        if not file.is_file():
            raise FeatureError(f"{file}: missing: view {view} needs a query of this name")
        sql = file.read_text(encoding="utf-8")
        window = {"sprint_start": sprint.start, "sprint_end": sprint.end}
        try:
            frame = query(sql, [*lookback, sprint.key], window)
        except QueryError as error:
            place = f"{file}:{error.line}: view {view}, sprint {sprint.key}"
            raise FeatureError(f"{place}: {error.why}") from error
        except FeatureError as error:
            raise FeatureError(f"{file}: view {view}, sprint {sprint.key}: {error}") from error
        self._check(file, view, sprint, frame, keys, kinds)
        columns = [*keys, EVENT, CREATED, *kinds]
        return frame[columns].sort_values([*keys, EVENT], ignore_index=True)

    def write(self, view: str, sprint: Sprint, frame: pd.DataFrame) -> Commit:
        """Put a sprint's rows of a view into the lake: one commit replaces the partition, the same content makes none.

        Raises:
            FeatureError: the rows are not as declared; nothing was written.
        """
        declared = self.declared()
        keys, kinds = declared.keys(view), declared.kinds(view)
        self._check(declared.module, view, sprint, frame, keys, kinds)
        types = {name: LOGICAL_TYPES[kind] for name, kind in kinds.items()}
        return self.lake.write(f"{self.product}/{view}", sprint.key, frame, [*keys, EVENT], types)

    def historical(
        self, questions: pd.DataFrame, service: str, *, moment: str = "question_at"
    ) -> pd.DataFrame:
        """The questions with the features of a service that were known at each question's moment.

        A value counts if its event is not after the question and not older than the view's ttl, and if it was known
        (created) by then. Otherwise the feature is null. Numbers are float64.

        Args:
            questions: any columns, among them the keys of the service's views and `moment`. With a column `sprint`,
                every view must have rows of these sprints: one never computed is an error, not a column of nulls.
            moment: the column with the aware moment of each question.

        Returns:
            The same rows in the same order with the same index and own columns, and one column per feature.

        Raises:
            FeatureError: a key or moment is missing, a feature is named like an own column, feature rows are missing,
                or the join did not return exactly one row per question.
        """
        import pandas as pd

        store, declared = self._ready()
        views = declared.service_views(service)
        keys = list(dict.fromkeys(key for view in views for key in declared.keys(view)))
        features = [feature for names in views.values() for feature in names]
        if missing := [name for name in [moment, *keys] if name not in questions.columns]:
            raise FeatureError(
                f"service {service}: the questions have no column {missing[0]!r}: features need it"
            )
        if clash := [name for name in features if name in questions.columns]:
            raise FeatureError(
                f"service {service}: feature {clash[0]!r} is named like a question's column: rename it"
            )
        if not isinstance(questions[moment].dtype, pd.DatetimeTZDtype) or questions[moment].isna().any():
            raise FeatureError(f"column {moment}: every question needs a moment with time zone")
        if questions.empty:
            return questions.assign(**{name: pd.Series(dtype="float64") for name in features})
        for view in views:
            for sprint in sorted(set(questions["sprint"]) if "sprint" in questions.columns else ()):
                if not self.lake.has(f"{self.product}/{view}", sprint):
                    raise FeatureError(f"view {view} has no rows of sprint {sprint}: materialize it first")
        spine = pd.DataFrame({ROW: range(len(questions))})
        # Nanoseconds would become another type in DuckDB 2, which cannot be compared with the lake's timestamps.
        spine[EVENT] = (
            questions[moment].dt.tz_convert("UTC").dt.as_unit("us").to_numpy(dtype="datetime64[us]")
        )
        spine[EVENT] = spine[EVENT].dt.tz_localize("UTC")
        for key in keys:
            spine[key] = questions[key].to_numpy()
        found = store.get_historical_features(
            entity_df=spine, features=declared.service(service), filter_by_created_timestamp=True
        ).to_df()
        # Feast's stores have dropped and duplicated rows before: a wrong number of rows is refused, never repaired.
        if len(found) != len(spine) or found[ROW].nunique() != len(spine):
            raise FeatureError(
                f"service {service}: {len(spine)} questions came back as {len(found)} rows: unusable"
            )
        found = found.sort_values(ROW)
        columns = {name: _as_number(found[name]).set_axis(questions.index) for name in features}
        return pd.concat([questions, pd.DataFrame(columns, index=questions.index)], axis=1)

    # Online

    def publish_online(
        self, views: Sequence[str], sprint_end: datetime, *, now: datetime | None = None
    ) -> list[Published]:
        """Update the online store to the latest value per key before `sprint_end`, or `now` if that is earlier.

        A view whose online values are already of `sprint_end` or later is not changed, so closing an older sprint again
        changes nothing. The same sprint again does write: its rows may have been fixed. Reads `[end - ttl, end)`.

        A view without rows in that window (its feed ended early) keeps its values, which are reported as stale.

        Raises:
            FeatureError: a view's lake table does not exist; views before it in the list are published.
        """
        end = min(sprint_end, now) if now else sprint_end
        with self._locked():
            store, declared = self._ready()
            return [publishing.publish(store, declared, name, end) for name in views]

    def online(
        self, service: str, entity_rows: Sequence[Mapping[str, Any]], *, at: datetime | None = None
    ) -> OnlineAnswer:
        """The latest published values for each row of keys, with their age checked (SQLite enforces no ttl).

        Args:
            entity_rows: per question the keys of the service's views; other entries are ignored.
            at: the moment of the request, aware; by default now. A replay passes its own.

        Raises:
            FeatureError: a row lacks a key.
        """
        at = at or datetime.now(UTC)
        store, declared = self._ready()
        views = declared.service_views(service)
        keys = list(dict.fromkeys(key for view in views for key in declared.keys(view)))
        for number, row in enumerate(entity_rows):
            if missing := [key for key in keys if row.get(key) is None]:
                raise FeatureError(f"service {service}: row {number} has no {missing[0]!r}: give every key")
        answer = OnlineAnswer({}, {}, {})
        if not entity_rows:
            return answer
        rows = [{key: row[key] for key in keys} for row in entity_rows]
        got = store.get_online_features(features=declared.service(service), entity_rows=rows)
        columns = got.to_dict(include_event_timestamps=True)
        for view, features in views.items():
            ttl = declared.view(view).ttl
            # A view's features come from one read, so they share one moment; 0 is how Feast says "no value".
            seconds = columns[f"{features[0]}__ts"]
            moments = [datetime.fromtimestamp(second, UTC) if second else None for second in seconds]
            states = [value_state(moment, at, ttl) for moment in moments]
            answer.moments[view], answer.states[view] = moments, states
            for feature in features:
                pairs = zip(columns[feature], states, strict=True)
                answer.values[feature] = [value if state == "fresh" else None for value, state in pairs]
        return answer

    def published(self, service: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...], float, list[Any]]]:
        """All that is online of a service: by view its name, keys, features, ttl in seconds, and rows (`rows_of`)."""
        from sprintline.features.online_rows import rows_of

        store, declared = self._ready()
        found = []
        for view, features in declared.service_views(service).items():
            keys, names = tuple(declared.keys(view)), tuple(features)
            rows = list(rows_of(store, view, keys, names))
            found.append((view, keys, names, declared.view(view).ttl.total_seconds(), rows))
        return found

    def descriptions(self, view: str) -> dict[str, str]:
        """Descriptions of a view's columns from its declaration; columns without one are left out."""
        declared = self.declared().view(view)
        found = {field.name: field.description for field in declared.schema}
        found |= {
            EVENT: "moment for which the values are valid",
            CREATED: "moment at which the last of their inputs became known",
        }
        return {name: text for name, text in found.items() if text}

    def fill_online(self, views: Sequence[str], ends: Sequence[datetime]) -> list[Published]:
        """Replace the online values of some views by those that publishing every sprint in order gives.

        For a store that lost or changed values, not for a closing: it reads the last `ttl` of every sprint.

        Args:
            views: the views to fill.
            ends: ends of all sprints up to the newest one that is published, in order.

        Raises:
            FeatureError: a view's lake table does not exist; views before it in the list are filled.
        """
        with self._locked():
            store, declared = self._ready()
            return [publishing.fill(store, declared, name, ends) for name in views]

    def compare_online(self, views: Sequence[str], ends: Sequence[datetime]) -> OnlineCompared:
        """Compare the online store with the newest published offline value of each key: value and moment.

        Args:
            views: the views to compare.
            ends: ends of the sprints that were published, in order. Only the newest one: keys with a value in its last
                `ttl` are compared, the ones that are served. All of them: every key, and those online are counted.
        """
        self.apply()  # a store that was deleted answers nothing, instead of an error
        return publishing.compare(*self._ready(), views, ends)

    # Inside

    def _check(
        self,
        file: Path,
        view: str,
        sprint: Sprint,
        frame: pd.DataFrame,
        keys: list[str],
        kinds: dict[str, str],
    ) -> None:
        if problems := check_feature_frame(frame, keys, kinds, sprint.start, sprint.end):
            place = f"{file}: view {view}, sprint {sprint.key}"
            raise FeatureError("\n".join(f"{place}: {problem}" for problem in problems))

    def _is_applied(self) -> bool:
        return (
            self.registry.is_file() and self.online_file.is_file() and self._applied() == self.fingerprint()
        )

    def _applied(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._marker.read_text(encoding="utf-8")
        return ""

    def _ready(self) -> tuple[feast.FeatureStore, Declared]:
        """Feast's store and its registered objects, opened again after another process applied.

        Read from the registry, not from `views.py`: serving needs no feature repo and goes on while one is broken.
        Raises FeatureError before the first apply.
        """
        applied = self._applied()
        if not applied:
            raise FeatureError(f"{self.product}: its features are not registered: call apply() first")
        if self._feast is None or self._feast[0] != applied:
            store = self._open()
            declared = Declared(
                self.product,
                self.registry,
                {entity.name: entity for entity in store.list_entities()},
                {view.name: view for view in store.list_feature_views()},
                {service.name: service for service in store.list_feature_services()},
            )
            self._feast = (applied, store, declared)
        return self._feast[1], self._feast[2]

    def _open(self) -> feast.FeatureStore:
        self.state.mkdir(parents=True, exist_ok=True)
        return open_project(self.product, self.registry, self.online_file)

    @contextlib.contextmanager
    def publication(self, *, reading: bool = False) -> Iterator[None]:
        """Held by one process from publishing a sprint until that is recorded; who compares both (`reading`) waits.

        Without it a check of one sprint could meet the values of the next, which no record tells of yet.
        """
        with file_lock(self.state / ".publication.lock", shared=reading):
            yield

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process (and thread) at a time changes this product's registry and online store."""
        self.state.mkdir(parents=True, exist_ok=True)
        with file_lock(self.state / ".lock"):
            yield


def _as_number(column: pd.Series) -> pd.Series:
    """Numbers as float64, so that a feature has one type whether or not it has nulls; others unchanged."""
    from pandas.api import types

    if column.isna().all() or (types.is_numeric_dtype(column) and not types.is_bool_dtype(column)):
        return column.astype("float64")
    return column
