"""Whether a candidate's features knew the future: they are recomputed from what was known at a question's moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sprintline.features.knowledge import EVENT_AT, Knowledge
from sprintline.features.store import FeatureStore
from sprintline.lake.recorded import Changed, changed_in_lake, told, ways_back
from sprintline.lake.tables import Lake
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import feed_of
from sprintline.learning.labels import labels_of
from sprintline.product.runtime import Runtime
from sprintline.release.facts import Rebuilt, RebuiltTable
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.recorded import changed_in_warehouse, keeping_models

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from sprintline.features.point_in_time import Compared, Known
    from sprintline.product.calendar import Sprint


def rebuilt_without_the_future(runtime: Runtime, sprint: str) -> Rebuilt:
    """Evidence of FT305 for one sprint, or `why` there is none.

    Where what it reads is not as it was recorded, a difference would say nothing of the future: that is `why`.

    At one question's moment, the busiest of the later half, the product's models and views run on the lake as it was
    known then: rows that were not known are left out, and of rows of open questions every value that was not known is
    scrambled. Compared with what is stored: every feature row up to the moment, the questions' own columns, and the
    features that questions of the sprint were answered with.
    """
    try:
        if changed := _changed(runtime, sprint):
            lack = f"the features of {sprint} cannot be recomputed from rows that are not as recorded"
            return {"why": f"{lack}: {told(changed)}. {ways_back(runtime, changed)}"}
        return _compared(runtime, sprint)
    except Exception as error:  # noqa: BLE001 - whatever keeps the rebuild from ending leaves the rule without evidence
        return {
            "why": f"the features of {sprint} could not be computed again: {' '.join(str(error).split())[:300]}"
        }


def _changed(runtime: Runtime, sprint: str) -> list[Changed]:
    """What the rebuild reads or is compared with, and that is not as it was recorded."""
    read = [*runtime.calendar.previous(sprint, runtime.spec.features.lookback_sprints), sprint]
    sources = [source.name for source in runtime.spec.sources]
    stored = [*runtime.spec.features.views, "question_features"]
    return [
        *changed_in_lake(runtime, sources, read),
        *changed_in_lake(runtime, stored, [sprint]),
        *changed_in_warehouse(runtime, dict.fromkeys(keeping_models(runtime), read)),
    ]


def _compared(runtime: Runtime, sprint: str) -> Rebuilt:
    from sprintline.features.point_in_time import Known, rebuilt

    features, window = runtime.spec.features, runtime.window(sprint)
    stored = runtime[Lake].read(runtime.table("question_features"), [sprint])
    moment = _moment(stored, labels_of(runtime, [sprint]))
    asked = stored[stored["question_at"] <= moment]
    lookback = runtime.calendar.previous(sprint, features.lookback_sprints)
    known = Known(moment, _knowledge(runtime), _ahead(stored))

    def again(known: Known) -> tuple[list[Compared], list[tuple[str, str]]]:
        with rebuilt(runtime[Warehouse], runtime[Lake], [*lookback, sprint], known) as made:
            tables = list(_tables(runtime, made.file, window, lookback, asked, moment))
        late = [(source, column) for source, columns in made.scrambled.items() for column in columns]
        return tables, late

    found, late = again(known)
    own = next(one for one in found if one.table == runtime.spec.model.questions)
    result: Rebuilt = {
        "moment": moment.isoformat(),
        "tables": {one.table: _plain(one) for one in found},
        "known_when_asked": {name: sorted(one.asked) for name, one in known.sources.items() if one.asked},
        "questions": own.table,
        "not_rebuilt": len(asked) - own.again,
        "scrambled": [".".join(one) for one in late],
    }
    if any(one.unequal for one in found):
        sound = again(replace(known, only=frozenset()))[0]
        result["caused_by"] = [
            ".".join(one)
            for one in _causes(late, lambda some: again(replace(known, only=frozenset(some)))[0] != sound)
        ]
    return result


def _causes(
    columns: list[tuple[str, str]], changes: Callable[[list[tuple[str, str]]], bool]
) -> list[tuple[str, str]]:
    """Of columns that were not known, those of which one alone changes a result, found by halving."""
    if not columns or not changes(columns):
        return []
    if len(columns) == 1:
        return columns
    half = len(columns) // 2
    return [*_causes(columns[:half], changes), *_causes(columns[half:], changes)]


def _tables(
    runtime: Runtime,
    file: Path,
    window: Sprint,
    lookback: Sequence[str],
    asked: pd.DataFrame,
    moment: datetime,
) -> Iterator[Compared]:
    """Every table of the sprint as computed again, compared with the stored one."""
    from sprintline.features.point_in_time import compare, compare_view

    declared = runtime[FeatureStore].declared()
    served = declared.service_views(runtime.spec.features.service)
    for view, names in served.items():
        table, rows = compare_view(runtime[FeatureStore], file, view, window, lookback, moment)
        yield table
        yield _answered(view, names, declared, asked, rows, window.start)
    own = _own(runtime, file, window.key, asked, served)
    yield compare(runtime.spec.model.questions, *own, ["question_id"])


def _knowledge(runtime: Runtime) -> dict[str, Knowledge]:
    """When the columns of every source are known, by its contract; a published one's contract is its publisher's."""
    contracts = dict(runtime[Contracts])
    contracts |= {source: feed_of(runtime, source).contract for source in runtime.spec.read}
    return {source: Knowledge.of(contract) for source, contract in contracts.items()}


def _ahead(questions: pd.DataFrame) -> timedelta:
    """How long before their event the questions of a sprint were asked, at most."""
    if EVENT_AT not in questions.columns:
        return timedelta(0)
    longest = (questions[EVENT_AT] - questions["question_at"]).max()
    return max(timedelta(0), longest.to_pytimedelta())


def _plain(one: Compared) -> RebuiltTable:
    return {"rows": one.rows, "unequal": one.unequal, "columns": list(one.columns), "first": one.first}


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
    runtime: Runtime, file: Path, sprint: str, asked: pd.DataFrame, served: dict[str, list[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The own columns of the questions asked by the moment, as stored and as computed again."""
    import duckdb

    relation = runtime[Warehouse].relations()[runtime.spec.model.questions]
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        asked_for = f"select * exclude (sprint) from {relation} where sprint = ?"  # noqa: S608 - a manifest's name
        again = connection.execute(asked_for, [sprint]).df()
    answered = {name for names in served.values() for name in names}
    own = asked[[name for name in asked.columns if name not in answered and name != "sprint"]]
    # Rows of later questions are there too: of a source whose rows are known in advance.
    by_then = again["question_id"].isin(own["question_id"]) | (
        again["question_at"] <= asked["question_at"].max()
    )
    return own, again[by_then]
