"""Runs as sensors count them: which are on their way, and which failed by what they worked on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance

from sprintline.base.settings import Home
from sprintline.hosting.instance import SETTINGS, environment, prepare
from sprintline.product.sensors import error_message, sensor_names

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
