"""Runs as sensors count them: which are on their way, and which failed by what they worked on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus

from sprintline.base.settings import Home
from sprintline.delivery.sensors import record_failures, record_recoveries
from sprintline.hosting.instance import SETTINGS, environment, prepare
from sprintline.hosting.reaper import left_behind
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import error_message, going_on, sensor_names

FAILS_OFTEN = 3
"""Ticks in a row that fail before one calls it failing: a code location that is reloaded fails one or two."""


def failing_sensor(instance: DagsterInstance, product: str) -> str:
    """What a product's sensor says whose ticks fail again and again; nothing while they do their work."""
    names = sensor_names(product)
    for state in instance.all_instigator_state():
        if state.name not in names:
            continue
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
            if tick.error and tick.tick_data.consecutive_failure_count >= FAILS_OFTEN:
                return f"sensor {state.name} fails: {' '.join(error_message(tick.error).split())}"
    return ""


def noted_failures(runtime: Runtime) -> None:
    """Record failed runs that no sensor has seen yet: of a run without a daemon, or just before it ended."""
    with instance_of(runtime.home) as instance:
        if instance is not None:
            record_failures(runtime, instance, datetime.fromtimestamp(0, UTC))
            record_recoveries(runtime, instance)


def run_going_on(runtime: Runtime, sprint: str) -> str | None:
    """Short id of a run of a sprint that is queued or running; one that a killed platform left is not going on."""
    with instance_of(runtime.home) as instance:
        if instance is None:
            return None
        for run in going_on(instance, runtime.product, sprint):
            record = instance.get_run_record_by_id(run.run_id)
            queued = run.status is DagsterRunStatus.QUEUED
            if record is not None and (queued or left_behind(instance, record) is not True):
                return run.run_id[:8]
    return None


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
