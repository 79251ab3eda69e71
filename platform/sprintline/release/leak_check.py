"""Whether a candidate's features knew the future: they are recomputed from what was known at a question's moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sprintline.features.store import FeatureStore
from sprintline.lake.tables import Lake
from sprintline.learning.labels import labels_of
from sprintline.product.runtime import Runtime
from sprintline.release.facts import Rebuilt
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from sprintline.features.point_in_time import Compared


def rebuilt_without_the_future(runtime: Runtime, sprint: str) -> Rebuilt:
    """Evidence of FT305 for one sprint, or `why` there is none.

    At one question's moment, the busiest of the later half, the product's models and views run on the lake as it was
    known then. Held against what is stored: every feature row up to the moment, the questions' own columns, and the
    features that questions of the sprint were answered with.
    """
    try:
        return _compared(runtime, sprint)
    except Exception as error:  # noqa: BLE001 - whatever keeps the rebuild from ending leaves the rule without evidence
        return {
            "why": f"the features of {sprint} could not be computed again: {' '.join(str(error).split())[:300]}"
        }


def _compared(runtime: Runtime, sprint: str) -> Rebuilt:
    from sprintline.features.point_in_time import compare, compare_view, rebuilt

    features, window = runtime.spec.features, runtime.window(sprint)
    stored = runtime[Lake].read(runtime.table("question_features"), [sprint])
    moment = _moment(stored, labels_of(runtime, [sprint]))
    lookback = runtime.calendar.previous(sprint, features.lookback_sprints)
    asked = stored[stored["question_at"] <= moment]
    declared, found = runtime[FeatureStore].declared(), []
    served = declared.service_views(features.service)
    with rebuilt(runtime[Warehouse], runtime[Lake], [*lookback, sprint], moment) as file:
        for view, names in served.items():
            table, rows = compare_view(runtime[FeatureStore], file, view, window, lookback, moment)
            found += [table, _answered(view, names, declared, asked, rows, window.start)]
        found.append(
            compare(
                runtime.spec.model.questions, *_own(runtime, file, sprint, asked, served), ["question_id"]
            )
        )
    return {
        "moment": moment.isoformat(),
        "tables": {
            one.table: {
                "rows": one.rows,
                "unequal": one.unequal,
                "columns": list(one.columns),
                "first": one.first,
            }
            for one in found
        },
    }


def _moment(questions: pd.DataFrame, outcomes: pd.DataFrame) -> datetime:
    """The question's moment in the later half of the sprint at which most questions were open: asked, not yet ended.

    What was open then is what a leak would tell of; in a quiet hour there may be nothing to be seen.
    """
    import numpy as np

    asked = np.sort(questions["question_at"].to_numpy())
    ended = np.sort(outcomes["known_at"].to_numpy())
    later = asked[len(asked) // 2 :]
    open_then = np.searchsorted(asked, later, "right") - np.searchsorted(ended, later, "right")
    moment = (
        questions["question_at"]
        .sort_values(ignore_index=True)
        .iloc[len(asked) // 2 + int(open_then.argmax())]
    )
    return moment.to_pydatetime()


def _answered(
    view: str, names: list[str], declared: Any, asked: pd.DataFrame, rows: pd.DataFrame, start: datetime
) -> Compared:
    """What questions were answered with, by a plain join of the rows made again; early ones reach before the sprint."""
    from sprintline.features.point_in_time import answers, compare

    ttl, keys = declared.view(view).ttl, declared.keys(view)
    late = asked[asked["question_at"] >= start + ttl]
    return compare(
        f"answers from {view}",
        late[["question_id", *names]],
        answers(late, rows, keys, names, ttl),
        ["question_id"],
    )


def _own(
    runtime: Runtime, file: Any, sprint: str, asked: pd.DataFrame, served: dict[str, list[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The questions' own columns as stored and as computed again, of those whose row was known by then.

    A source may tell of a question only later, as flights do once they have left: such rows cannot be compared.
    """
    import duckdb

    relation = runtime[Warehouse].relations()[runtime.spec.model.questions]
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        asked_for = f"select * exclude (sprint) from {relation} where sprint = ?"  # noqa: S608 - a manifest's name
        again = connection.execute(asked_for, [sprint]).df()
    answered = {name for names in served.values() for name in names}
    own = asked[[name for name in asked.columns if name not in answered and name != "sprint"]]
    both = set(again["question_id"]) & set(own["question_id"])
    return own[own["question_id"].isin(both)], again[again["question_id"].isin(both)]
