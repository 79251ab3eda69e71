"""Checks on the rows of a feature view before they may enter the lake: pure functions on a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EVENT = "event_timestamp"
CREATED = "created_timestamp"

NUMBERS = frozenset({"integer", "real"})
KINDS = frozenset({"text", "boolean", "moment"}) | NUMBERS
LOGICAL_TYPES = {
    "text": "string",
    "boolean": "boolean",
    "moment": "timestamp",
    "integer": "integer",
    "real": "number",
}
"""A contract's word for each kind."""


def check_feature_frame(
    frame: pd.DataFrame, keys: Sequence[str], features: Mapping[str, str], start: datetime, end: datetime
) -> list[str]:
    """What is wrong with a computed feature frame; empty when nothing is.

    Args:
        frame: one row per key and event timestamp.
        keys: the view's join keys.
        features: declared kind of each feature: "integer", "real", "text", "boolean" or "moment".
        start, end: the sprint's window `[start, end)`, aware; every event timestamp is in it.

    Returns:
        Sentences, each naming the column, what is wrong and what would be right. Columns are checked before rows.
    """
    expected = [*keys, EVENT, CREATED, *features]
    problems = [f"column {name}: missing: select it" for name in expected if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in expected]
    problems += [f"column {name}: not declared: drop it or declare a Field" for name in unknown]
    problems += [f"column {name}: appears twice: rename one" for name in _twice(list(frame.columns))]
    if problems:
        return problems
    if frame.empty:
        return [
            f"no rows between {_text(start)} and {_text(end)}: the query must answer for the whole sprint"
        ]
    problems += _check_types(frame, features)
    if problems:
        return problems
    return [*_check_keys(frame, keys), *_check_moments(frame, keys, start, end)]


def _check_types(frame: pd.DataFrame, features: Mapping[str, str]) -> list[str]:
    import pandas as pd

    problems = []
    for name in (EVENT, CREATED):
        kind = frame[name].dtype
        if not isinstance(kind, pd.DatetimeTZDtype):
            problems.append(f"column {name}: is {kind}: it must be a timestamp with time zone (timestamptz)")
    for name, declared in features.items():
        found = kind_of(frame[name])
        fits = found in ("empty", declared) or (declared in NUMBERS and found in NUMBERS)
        if not fits:
            problems.append(
                f"column {name}: has {found} values, declared {declared}: cast it, or change the Field"
            )
        elif declared == "integer" and found == "real" and bool((frame[name].dropna() % 1 != 0).any()):
            problems.append(f"column {name}: has fractions, declared integer: round it, or declare Float64")
    return problems


def _check_keys(frame: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    return [
        f"column {key}: {int(frame[key].isna().sum())} rows have no value: a key is never null"
        for key in keys
        if frame[key].isna().any()
    ]


def _check_moments(frame: pd.DataFrame, keys: Sequence[str], start: datetime, end: datetime) -> list[str]:
    problems = []
    event, created = frame[EVENT], frame[CREATED]
    for name, column in ((EVENT, event), (CREATED, created)):
        if column.isna().any():
            problems.append(
                f"column {name}: {int(column.isna().sum())} rows have no value: every row needs one"
            )
    outside = (event < start) | (event >= end)
    if outside.any():
        problems.append(
            f"column {EVENT}: {int(outside.sum())} rows are outside the sprint, such as "
            f"{_text(event[outside].iloc[0])}: keep {_text(start)} <= {EVENT} < {_text(end)}"
        )
    late = created > event
    if late.any():
        first = frame[late].iloc[0]
        problems.append(
            f"column {CREATED}: {int(late.sum())} rows use data that became known only after their {EVENT}, such as "
            f"{_text(first[CREATED])} in a row of {_text(first[EVENT])}: use only data known by then"
        )
    twice = frame.duplicated([*keys, EVENT], keep=False)
    if twice.any():
        first = frame[twice].iloc[0]
        which = ", ".join(f"{key}={first[key]}" for key in keys)
        problems.append(
            f"columns {', '.join([*keys, EVENT])}: {int(twice.sum())} rows share them with another row, such as {which}"
            f" at {_text(first[EVENT])}: group by them"
        )
    return problems


def kind_of(column: pd.Series) -> str:
    """One of "integer", "real", "text", "boolean", "moment", "other", or "empty" for a column of nulls only."""
    from pandas.api import types

    if column.isna().all():
        return "empty"
    if types.is_bool_dtype(column):
        return "boolean"
    if types.is_integer_dtype(column):
        return "integer"
    if types.is_float_dtype(column):
        return "real"
    if types.is_datetime64_any_dtype(column):
        return "moment"
    inferred = types.infer_dtype(column, skipna=True)
    return {"string": "text", "boolean": "boolean", "integer": "integer", "floating": "real"}.get(
        inferred, "other"
    )


def value_state(moment: datetime | None, at: datetime, ttl: timedelta) -> str:
    """Whether a served value of the given event moment may be used at `at`.

    "fresh"; "missing": there is none; "stale": older than ttl; "ahead": of a moment after `at`, which would leak the
    future.
    """
    if moment is None:
        return "missing"
    if moment > at:
        return "ahead"
    return "stale" if at - moment > ttl else "fresh"


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
