"""Values of feature views written online, and compared there with the offline ones they come from.

Imports Feast's own objects only for types: they are given by `FeatureStore`, which opens them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sprintline.base.failpoints import failpoint
from sprintline.features.frame_checks import CREATED, EVENT
from sprintline.features.online_answers import OnlineCompared, Published, compared
from sprintline.features.views import Declared, NothingInReachError

if TYPE_CHECKING:
    import feast
    import pandas as pd

TICK = timedelta(microseconds=1)
"""The end of a window is not in it, and Feast reads up to and with the end."""


def compare(
    store: feast.FeatureStore, declared: Declared, views: Sequence[str], ends: Sequence[datetime]
) -> OnlineCompared:
    """What is online of some views against the newest published offline value of each key (see `compare_online`)."""
    provider = store._get_provider()
    every_key = len(ends) > 1
    total = OnlineCompared(extra=0 if every_key else None)
    for name in views:
        view, keys = declared.view(name), declared.keys(name)
        latest = _newest(store, declared, name, ends)
        online = provider.online_store.keys(store.config, view) if every_key else 0
        found = compared(store, name, [one.name for one in view.features], keys, latest)
        extra = online - (found.keys - found.missing) if every_key else 0
        total = OnlineCompared(
            total.keys + found.keys,
            total.missing + found.missing,
            total.unequal + found.unequal,
            None if total.extra is None else total.extra + extra,
        )
    return total


def publish(store: feast.FeatureStore, declared: Declared, name: str, end: datetime) -> Published:
    """Write the newest value of each key of a view before `end`; nothing when those online are as new."""
    view = declared.view(name)
    provider = store._get_provider()  # the only way Feast offers to the stores it opened
    newest = provider.online_store.newest_event(store.config, view)
    if newest is not None and newest >= end:
        why = f"online values are of {newest:%Y-%m-%d %H:%M}, not before {end:%Y-%m-%d %H:%M}"
        return Published(name, 0, newest, why)
    try:
        latest = _latest(store, declared, name, end - view.ttl, end)
    except NothingInReachError as nothing:
        return Published(name, 0, newest, str(nothing))
    # Not `materialize`: it adds an interval to the registry each time, and a killed one leaves the view locked.
    failpoint("features.online_view")
    provider.ingest_df(view, latest)
    return Published(name, len(latest), provider.online_store.newest_event(store.config, view))


def fill(store: feast.FeatureStore, declared: Declared, name: str, ends: Sequence[datetime]) -> Published:
    """Replace what is online of a view by what publishing each of these sprints in order gives."""
    view = declared.view(name)
    provider = store._get_provider()
    latest = _newest(store, declared, name, ends)
    if latest is None:
        why = f"{name}: no rows up to {ends[-1]:%Y-%m-%d %H:%M}"
        return Published(name, 0, provider.online_store.newest_event(store.config, view), why)
    provider.online_store.clear(store.config, view)
    provider.ingest_df(view, latest)
    return Published(name, len(latest), provider.online_store.newest_event(store.config, view))


def _newest(
    store: feast.FeatureStore, declared: Declared, name: str, ends: Sequence[datetime]
) -> pd.DataFrame | None:
    """The newest row of each key of a view in the last `ttl` before any of these ends; None without one.

    A row that was older than `ttl` when its sprint ended was never published.
    """
    from sprintline.features.offline import newest_published

    with contextlib.suppress(NothingInReachError):
        if len(ends) == 1:
            return _latest(store, declared, name, ends[0] - declared.view(name).ttl, ends[0])
        rows = newest_published(declared.view(name), ends)
        return rows if len(rows) else None
    return None


def _latest(
    store: feast.FeatureStore, declared: Declared, name: str, start: datetime, end: datetime
) -> pd.DataFrame:
    """The newest offline row of each key of a view in `[start, end)`. Raises NothingInReachError without one."""
    view = declared.view(name)
    return (
        store._get_provider()
        .offline_store.pull_latest_from_table_or_query(
            config=store.config,
            data_source=view.batch_source,
            join_key_columns=declared.keys(name),
            feature_name_columns=[feature.name for feature in view.features],
            timestamp_field=EVENT,
            created_timestamp_column=CREATED,
            start_date=start,
            end_date=end - TICK,
        )
        .to_df()
    )
