"""Runs as sensors count them: which are on their way, and which failed by what they worked on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._utils.error import SerializableErrorInfo

from sprintline.settings import Home
from sprintline.stores.instance import SETTINGS, environment, prepare

INTERRUPTED_TAG = "sprintline/interrupted"
"""On a run that ended with the platform, not by its own fault."""

STOPPED_TAG = "sprintline/stopped"
"""On a run that somebody asked to be stopped; others are canceled when the platform ends."""

MOST_SAID = 300
"""Characters of a run's last words that are repeated elsewhere; the run has them all."""

FAILS_OFTEN = 3
"""Ticks in a row that fail before one calls it failing: a code location that is reloaded fails one or two."""

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

FAILED = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def failed(runs: Iterable[DagsterRun]) -> list[DagsterRun]:
    """Those that failed or were stopped; a platform that was ended meanwhile says nothing against a sprint."""
    return [
        run
        for run in runs
        if INTERRUPTED_TAG not in run.tags
        and (
            run.status is DagsterRunStatus.FAILURE
            or (run.status is DagsterRunStatus.CANCELED and STOPPED_TAG in run.tags)
        )
    ]


def reason_of(instance: DagsterInstance, run: DagsterRun) -> str:
    """The last words of the step at which a run failed, in one line; nothing when it never came to a step."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is None or event.step_failure_data.error is None:
            continue
        failure, error = event.step_failure_data.user_failure_data, event.step_failure_data.error
        said = (failure.description if failure else None) or said_by(error)
        return f"{event.step_key}: {' '.join(said.split())[:MOST_SAID]}"
    return ""


def said_by(error: SerializableErrorInfo) -> str:
    """What an error says: the platform's own words where it has some, which tell the mend, else its innermost cause."""
    chain = [error]
    while chain[-1].cause:
        chain.append(chain[-1].cause)
    told = next((one for one in chain if one.message.startswith("sprintline.")), chain[-1])
    return told.message.partition(": ")[2] or told.message


def failing_sensor(instance: DagsterInstance, product: str) -> str:
    """What a product's sensor says whose ticks fail again and again; nothing while they do their work."""
    for state in instance.all_instigator_state():
        if not state.name.startswith(f"{product}_"):
            continue
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
            if tick.error and tick.tick_data.consecutive_failure_count >= FAILS_OFTEN:
                return f"sensor {state.name} fails: {' '.join(said_by(tick.error).split())}"
    return ""


@contextmanager
def instance_of(home: Home) -> Iterator[DagsterInstance | None]:
    """The Dagster instance of a state folder, if it has one."""
    if not (home.dagster / SETTINGS).is_file():
        yield None
        return
    prepare(home)
    # dagster.yaml reads its place and its database from there.
    variables = environment(home)
    os.environ.pop("SPRINTLINE_DAGSTER_URL_FILE", None)
    os.environ.update(variables)
    with DagsterInstance.get() as instance:
        yield instance
