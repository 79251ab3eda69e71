"""Reaper: runs that an earlier platform left behind are ended when the next one starts.

A power cut leaves runs STARTED whose worker is gone, STARTING whose launch was never finished, and some that were made
and never queued. Each keeps its place in the pool and its sprint waiting. Run monitoring finds the first kind within
seconds and the others after two minutes; here all are found at once, by asking whether the process that is answerable
for a run still lives. QUEUED runs are left alone: the queue goes on with them.
"""

from __future__ import annotations

import time

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.dagster_run import RunRecord

from sprintline.hosting.launcher import LAUNCHER_TAG, WORKER_TAG, process_of
from sprintline.product.sensors import INTERRUPTED_TAG

LAUNCHED_WITHIN = 10.0
"""Seconds in which a run gets from being made into the queue, or from the queue to a launcher that says who it is."""

_LEFT_BEHIND = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def reap(instance: DagsterInstance) -> list[str]:
    """End every run that no one works on any more; gives their ids. Safe beside a platform that is running.

    Waits up to `LAUNCHED_WITHIN` for runs that may just be on their way.
    """
    reaped: list[str] = []
    until = time.monotonic() + LAUNCHED_WITHIN + 1
    while True:
        on_their_way = False
        for record in instance.get_run_records(RunsFilter(statuses=_LEFT_BEHIND)):
            left = left_behind(instance, record)
            on_their_way = on_their_way or left is None
            if left:
                _end(instance, record)
                reaped.append(record.dagster_run.run_id)
        if not on_their_way or time.monotonic() > until:
            return reaped
        time.sleep(1)


def left_behind(instance: DagsterInstance, record: RunRecord) -> bool | None:
    """Whether no one works on a run any more; None when it may be on its way between two processes."""
    run = record.dagster_run
    if WORKER_TAG in run.tags or run.status in (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING):
        return instance.run_launcher.check_run_worker_health(run).status is not WorkerStatus.RUNNING
    if run.status is DagsterRunStatus.STARTING and LAUNCHER_TAG in run.tags:
        return process_of(run, LAUNCHER_TAG) is None
    return True if time.time() - record.update_timestamp.timestamp() > LAUNCHED_WITHIN else None


def _end(instance: DagsterInstance, record: RunRecord) -> None:
    run = record.dagster_run
    instance.add_run_tags(run.run_id, {INTERRUPTED_TAG: "platform"})
    why = "No process works on this run any more: the platform ended before the run did."
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, f"{why} A sensor requests its sprint again.")
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
