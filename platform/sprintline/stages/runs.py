"""Runs as sensors count them: which are on their way, and which failed by what they worked on."""

from __future__ import annotations

from collections.abc import Iterable

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

INTERRUPTED_TAG = "sprintline/interrupted"
"""On a run that ended with the platform, not by its own fault."""

STOPPED_TAG = "sprintline/stopped"
"""On a run that somebody asked to be stopped; others are canceled when the platform ends."""

MOST_SAID = 300
"""Characters of a run's last words that are repeated elsewhere; the run has them all."""

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
        while error.cause:
            error = error.cause
        said = (failure.description if failure else None) or error.message.partition(": ")[2] or error.message
        return f"{event.step_key}: {' '.join(said.split())[:MOST_SAID]}"
    return ""
