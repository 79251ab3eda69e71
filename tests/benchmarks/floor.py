"""The floor of a sprint as far as features: the same SQL, files and join, and nothing around them.

Run on a state folder (`SPRINTLINE_HOME`) with closed sprints. Of its newest sprint it reads the landed files, writes
them as Parquet, fills every model on a copy of the warehouse, runs every view's query and the point-in-time join; no
contract, no test, no check, no hash, no version, no event. Then the views and the join once more, asked a single time
for all sprints together. Prints the seconds of each as JSON.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from sprintline.base.settings import ROOT
from sprintline.features.marts import restricted_query
from sprintline.features.store import FeatureStore
from sprintline.landing.folder import Landing
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.warehouse import compiled
from sprintline.warehouse.content_hashes import rows_of
from sprintline.warehouse.dbt import Warehouse


def main() -> None:
    """Run each part twice; the second time nothing is imported or compiled any more, and is what is told."""
    runtime = load_runtime(ROOT / "platform" / "products" / "flight_delays")
    sprint = max(runtime.history("question_features"))
    window, back = runtime.window(sprint), runtime.spec.features.lookback_sprints
    questions = rows_of(runtime[Warehouse], runtime.spec.model.questions, sprint)
    plan = compiled.plan_of(runtime[Warehouse])
    plan = {**plan, "steps": compiled.models(plan)}

    def files(scratch: Path) -> None:
        for source in runtime.spec.sources:
            file = runtime[Landing].scan(runtime.product, source.name).files[sprint].path
            pd.read_csv(file).to_parquet(scratch / source.name)

    def models(scratch: Path) -> None:
        with duckdb.connect(str(scratch / runtime[Warehouse].file.name)) as connection:
            connection.execute("set timezone = 'UTC'")
            compiled.build(connection, compiled.attach(connection, plan), sprint)

    def views(_: Path) -> None:
        query = partial(restricted_query, runtime[Warehouse].file)
        reach = [*runtime.calendar.previous(sprint, back), sprint]
        for view in runtime.spec.features.views:
            sql = (runtime[FeatureStore].folder / f"{view}.sql").read_text()
            query(sql, reach, {"sprint_start": window.start, "sprint_end": window.end})

    def join(_: Path) -> None:
        runtime[FeatureStore].historical(questions, runtime.spec.features.service)

    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shutil.copy(runtime[Warehouse].file, scratch)
        for part in (files, models, views, join) * 2:
            begun = time.perf_counter()
            part(scratch)
            seconds[part.__name__] = time.perf_counter() - begun
    print(json.dumps({"sprint": sprint, "seconds": seconds, "at once": at_once(runtime)}))


def at_once(runtime: Runtime) -> dict[str, float]:
    """Seconds of the view queries, and of the point-in-time join, for every sprint there is in one go."""
    sprints = sorted(runtime.history("question_features"))
    span = {
        "sprint_start": runtime.window(sprints[0]).start,
        "sprint_end": runtime.window(sprints[-1]).end,
    }
    seconds, begun = {}, time.perf_counter()
    for view in runtime.spec.features.views:
        sql = (runtime[FeatureStore].folder / f"{view}.sql").read_text()
        restricted_query(runtime[Warehouse].file, sql, sprints, span)
    seconds["views"] = time.perf_counter() - begun
    relation = runtime[Warehouse].relations()[runtime.spec.model.questions]
    questions = runtime[Warehouse].query(f"select * from {relation}")
    begun = time.perf_counter()
    runtime[FeatureStore].historical(questions, runtime.spec.features.service)
    seconds["join"] = time.perf_counter() - begun
    return seconds


if __name__ == "__main__":
    main()
