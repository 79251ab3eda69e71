"""What the drift of a sprint is measured from: the champion's reference, what is ordinary for it, its errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from sprintline.lake.recorded import changed_in_lake, refuse_changed
from sprintline.lake.tables import Lake
from sprintline.learning.labels import labels_of
from sprintline.learning.registry import Models
from sprintline.monitoring.facts import DriftFacts, PredictionsMoved
from sprintline.monitoring.reports import Reports
from sprintline.product.facts import PredictionsFacts
from sprintline.product.runtime import Runtime
from sprintline.warehouse.recorded import changed_in_warehouse

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.bundles import Release
    from sprintline.monitoring.concept import Concept
    from sprintline.monitoring.drift_statistics import Null

SEASONS = timedelta(days=365)
"""Sprints that show what is ordinary reach back so far from the champion's last: once around the seasons."""


def measure_drift(runtime: Runtime, sprint: str) -> DriftFacts:
    """The drift of one sprint against its champion's reference, as it is recorded."""
    from sprintline.monitoring import drift

    predictions = runtime.measured("predictions", sprint)
    issued: PredictionsFacts | None = predictions.facts if predictions else None
    champion = issued["champion"] if issued else None
    facts: DriftFacts = {
        "state": drift.Drift.INSUFFICIENT.value,
        "why": f"there was no champion before {sprint}, so there is no training data to compare with",
        "window": None,
        "share": None,
        "ways": [],
        "distances": {},
        "limits": {},
        "missing": {},
        "drifted": [],
        "ordinary_sprints": 0,
        "concept": None,
        "reference": champion,
        "fingerprint": drift.fingerprint(runtime.product),
        "since": None,
        "episode": None,
    }
    if champion is None:
        return facts
    spec, release = runtime.spec.drift, runtime[Models].release(champion)
    inputs, reference = release.inputs, reference_of(release)
    current = runtime[Lake].read(runtime.table("question_features"), [sprint], [*inputs.names])
    null = ordinary(runtime, release, reference, len(current))
    runtime[Reports].drift(
        sprint,
        reference,
        current,
        inputs.numeric,
        inputs.categorical,
        runtime.spec.model.seed,
        far=lambda report: drift.far_columns(report, null, spec),
    )
    # Read back from the file: what is kept is what was judged.
    report = runtime[Reports].load("drift", sprint)
    statistics = drift.statistics_of(report, null, spec)
    concept = concept_of(runtime, sprint, champion)
    facts["predictions"] = _predictions_moved(runtime, sprint, release)
    window = drift.judge_window(
        statistics, len(current), len(null.sprints), spec, concept.why if concept.drifting else None
    )
    before = measured_before(runtime, sprint)
    against_it = takewhile(lambda one: one[1]["reference"] == champion, reversed(before))
    windows = [one["window"] for _, one in against_it][::-1]
    state, why = drift.verdict(window, windows, spec)
    moved = dict(window.moved)
    facts |= {
        "state": state.value,
        "drifted": list(window.drifted),
        "moved": moved,
        "drifting_sprints": drift.drifting_of(window, windows, spec),
        "ways": list(window.ways),
    }
    episode = drift.episode((sprint, facts), before)
    values = {one.name: one for one in statistics if one.kind == "values"}
    limits = {name: max(spec.distance, one.spread.limit) for name, one in values.items()}
    if window.drifting:
        seed = runtime.spec.model.seed
        runtime[Reports].draw(
            sprint, reference, current, window.drifted, inputs.categorical, seed, limits=limits
        )
    return {
        **facts,
        "window": window.drifting,
        "share": window.share,
        "why": why,
        "distances": {name: round(one.distance, 6) for name, one in values.items()},
        "limits": {name: round(limit, 6) for name, limit in limits.items()},
        "missing": {
            name: {
                "share": round(share, 6),
                "ordinary": round(null.shares[name], 6),
                "moved": f"missing {name}" in moved,
            }
            for name, share in drift.missing_shares(report).items()
        },
        "ordinary_sprints": len(null.sprints),
        "concept": {
            "effect": concept.effect,
            "kept": concept.kept,
            "rows": concept.rows,
            "cuts": concept.cuts,
            "labelled": concept.labelled,
            "drifting": concept.drifting,
            "why": concept.why,
        },
        "since": episode[0] if episode else None,
        "episode": f"{facts['fingerprint']}:{episode[1]}:{episode[0]}" if episode else None,
    }


def _predictions_moved(runtime: Runtime, sprint: str, release: Release) -> PredictionsMoved:
    """How far the champion's predictions of a sprint are from those of its training data."""
    from sprintline.learning.bundles import SCORE
    from sprintline.monitoring.stability import psi

    task = release.task
    issued = runtime[Lake].read(runtime.table("predictions"), [sprint], [*task.columns(task.column)])
    reference, found = release.reference(), None
    if set(task.columns(SCORE)) <= set(reference):
        before, classes = task.binned(task.of(reference, SCORE))
        after, _ = task.binned(task.of(issued, task.column))
        found = psi(before, after, classes)
    return {"psi": None if found is None else round(found, 6), "rows": len(issued)}


def reference_of(release: Release) -> pd.DataFrame:
    """The champion's reference, at most as many rows as a window is compared with; a missing category is missing."""
    import numpy as np

    from sprintline.learning.recipes import NO_CATEGORY
    from sprintline.monitoring.reports import sampled

    frame = sampled(release.reference(), seed=0)
    categories = list(release.inputs.categorical)
    frame[categories] = frame[categories].replace(NO_CATEGORY, np.nan)
    return frame


def ordinary(runtime: Runtime, release: Release, reference: pd.DataFrame, rows: int) -> Null:
    """What is ordinary for a champion at a number of rows: learned when first asked for, and kept with the reports.

    From every sprint the champion could know, a year back from its last: those it was trained on and, for the seasons,
    those before. None after it: what came later is what is to be judged.

    Raises StepFailed when the rows of one of them are not as they were recorded.
    """
    from sprintline.base.hashing import canonical_json, text_hash
    from sprintline.monitoring import drift_statistics
    from sprintline.monitoring.reports import SAMPLE_ROWS

    last = max(release.manifest["snapshot"]["sprints"], key=lambda key: runtime.window(key).index)
    begin = runtime.window(last).end - SEASONS
    table = runtime.table("question_features")
    known = [
        key
        for key in [*runtime.calendar.previous(last, runtime.window(last).index), last]
        if runtime.window(key).start >= begin and runtime[Lake].has(table, key)
    ]
    at, seed, inputs = drift_statistics.rows_for(rows, SAMPLE_ROWS), runtime.spec.model.seed, release.inputs
    versions = {key: runtime[Lake].data_version(table, key) for key in known}
    recorded = runtime.history("question_features")
    moved = [key for key in known if key in recorded and versions[key] != recorded[key].data_version]
    what = f"what is ordinary for the champion trained up to {last}"
    refuse_changed(what, changed_in_lake(runtime, ["question_features"], moved), runtime)
    key = text_hash(canonical_json([release.digest, at, seed, versions]))[:16]

    def windows() -> Iterator[tuple[str, pd.DataFrame]]:
        for sprint in known:
            yield sprint, runtime[Lake].read(table, [sprint], [*inputs.names])

    return runtime[Reports].null(
        key,
        lambda: drift_statistics.learn(reference, windows(), inputs.numeric, inputs.categorical, at, seed),
    )


def concept_of(runtime: Runtime, sprint: str, champion: str) -> Concept:
    """The labelled errors of the champion over the last windows that it served, in the order they became known.

    Raises StepFailed when predictions or outcomes of the earlier ones are not as they were recorded.
    """
    from sprintline.monitoring.concept import replay

    served: dict[str, PredictionsFacts] = {
        key: one.facts for key, one in runtime.history("predictions").items()
    }
    keys = [*runtime.calendar.previous(sprint, runtime.spec.drift.window - 1), sprint]
    keys = [key for key in keys if key in served and served[key]["champion"] == champion]
    earlier = [key for key in keys if key != sprint]
    changed = [
        *changed_in_lake(runtime, ["predictions"], earlier),
        *changed_in_warehouse(runtime, {runtime.spec.model.outcomes: earlier}),
    ]
    refuse_changed(sprint, changed, runtime)
    release = runtime[Models].release(champion)
    task = release.task
    known = labels_of(runtime, keys)
    issued = runtime[Lake].read(
        runtime.table("predictions"), keys, ["question_id", *task.columns(task.column)]
    )
    scored = known.merge(issued, on="question_id", validate="one_to_one").sort_values(
        ["known_at", "question_id"]
    )
    of = {str(key): rows for key, rows in scored.groupby("sprint")}
    if (
        sprint not in of
    ):  # without its own answers nothing is said of it, least of all by those of the sprint before
        return replay([], task)
    windows = [(of[key]["label"].to_numpy(), task.of(of[key], task.column)) for key in keys if key in of]
    return replay(windows, task, release.manifest.get("errors"))


def measured_before(runtime: Runtime, sprint: str) -> list[tuple[str, DriftFacts]]:
    """What was measured of the sprints before, oldest first, from the last gap on."""
    measured: dict[str, DriftFacts] = {key: one.facts for key, one in runtime.history("drift").items()}
    before = reversed(runtime.calendar.previous(sprint, runtime.window(sprint).index))
    found = [(key, measured[key]) for key in takewhile(measured.__contains__, before)]
    return found[::-1]
