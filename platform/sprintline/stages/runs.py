"""Runs as sensors count them: which are on their way, and which failed by what they worked on."""

from __future__ import annotations

from collections.abc import Iterable

from dagster import DagsterRun, DagsterRunStatus

INTERRUPTED_TAG = "sprintline/interrupted"
"""On a run that ended with the platform, not by its own fault."""

STOPPED_TAG = "sprintline/stopped"
"""On a run that somebody asked to be stopped; others are canceled when the platform ends."""

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
