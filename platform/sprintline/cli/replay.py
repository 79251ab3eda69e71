"""Replay of history: drops files as a provider would and moves the replay's clock; the sensors do the rest."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from sprintline.settings import ROOT
from sprintline.stages.decisions import closing_of, decision_of, pending_trigger
from sprintline.stages.runtime import Runtime
from sprintline.stores.instance import environment, prepare

HISTORY = 6
"""Sprints that land together at the start, as history does when a team begins."""

LANDS_AFTER = timedelta(days=1)
"""A sprint's files come a day after its end: by then every flight of its last evening has landed."""

STALLED_AFTER = 300.0
"""Seconds without a sprint closing after which the replay gives up and says what it waits for."""


class ReplayError(RuntimeError):
    """The replay cannot go on; the message says which sprint waits for what."""


def replay(runtime: Runtime, sprints: int, history: int = HISTORY) -> None:
    """Replay the first `sprints` sprints of a product that provides its own history, with a progress bar.

    Raises ReplayError when the product provides nothing, when a run fails, or when nothing closes any more.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    provide = getattr(runtime.sources, "provide", None)
    if provide is None:
        raise ReplayError(
            f"{runtime.folder / 'sources.py'} offers no provide(sprint): drop files into landing/ yourself"
        )
    keys = runtime.calendar.keys
    if not 1 <= sprints <= len(keys):
        raise ReplayError(f"{runtime.product} plans {len(keys)} sprints, {sprints} were asked for")
    chosen = keys[:sprints]
    # Columns in order of their use, so that an eye following the bar sees what is worked on.
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with bar, daemon(runtime):
        task = bar.add_task(
            f"{runtime.product}: landing {chosen[0]} to {chosen[min(history, sprints) - 1]}", total=sprints
        )
        for group in groups(chosen, history):
            window = runtime.window(group[-1])
            arrival = window.end + LANDS_AFTER
            if not runtime.clock.replaying or runtime.clock.now() < arrival:
                runtime.clock.move(arrival)
            for key in group:
                drop(runtime, key, provide)
            _await(
                runtime,
                chosen,
                group,
                lambda closed, told: bar.update(task, completed=closed, description=told),
            )


def groups(keys: Sequence[str], history: int) -> Iterator[Sequence[str]]:
    """History together, then a sprint at a time."""
    yield keys[:history]
    for key in keys[history:]:
        yield [key]


def drop(runtime: Runtime, key: str, provide) -> list[Path]:
    """Put a sprint's files into landing/, each under a hidden name first; a file that is there already stays."""
    dropped = []
    todo = [
        s.name
        for s in runtime.spec.sources
        if not any((runtime.home.landing / runtime.product / s.name).glob(f"{key}.*"))
    ]
    if not todo:
        return dropped
    frames = provide(runtime.window(key))
    for source in todo:
        place = runtime.home.landing / runtime.product / source / f"{key}.csv.gz"
        place.parent.mkdir(parents=True, exist_ok=True)
        hidden = place.with_name(f".{place.name}.part")
        frames[source].to_csv(hidden, index=False, compression={"method": "gzip", "mtime": 0})
        hidden.replace(place)
        dropped.append(place)
    return dropped


@contextlib.contextmanager
def daemon(runtime: Runtime) -> Iterator[subprocess.Popen]:
    """A Dagster daemon on this home, unless one is running; stopped again at the end."""
    prepare(runtime.home)
    env = environment(runtime.home)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
            if process.poll() not in (None, 0):
                log.seek(0)
                raise ReplayError(
                    "the Dagster daemon stopped:\n" + log.read().decode(errors="replace")[-2000:]
                )
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a process group that was started here, kindly at first."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(runtime: Runtime, chosen: Sequence[str], group: Sequence[str], tell) -> None:
    """Wait until every sprint of the group is closed, telling how far it is."""
    since, before = time.monotonic(), -1
    while True:
        closed = sum(closing_of(runtime, key) is not None for key in chosen)
        open_ = [key for key in group if closing_of(runtime, key) is None]
        if not open_:
            tell(closed, f"{runtime.product}: {group[-1]} closed")
            return
        if closed != before:
            since, before = time.monotonic(), closed
        tell(closed, f"{runtime.product}: closing {open_[0]}{_stage(runtime, open_[0])}")
        refused = runtime.records.events(product=runtime.product, kind="refused", sprint=open_[0])
        if refused and time.monotonic() - since > 20:
            raise ReplayError(
                f"{open_[0]}: {refused[-1].body['source']} was refused: {refused[-1].body['reason']}"
            )
        if time.monotonic() - since > STALLED_AFTER:
            raise ReplayError(
                f"{open_[0]} did not close within {STALLED_AFTER:.0f} s: look at its run with `make ui`"
            )
        time.sleep(0.3)


def _stage(runtime: Runtime, sprint: str) -> str:
    if decision_of(runtime, sprint) is None and (trigger := pending_trigger(runtime, sprint)):
        return f" (training: {trigger['kind'].replace('_', ' ')})"
    measured = {asset for _, asset in runtime.records.measurements(runtime.product, sprint)}
    for asset, told in (
        ("scores", "drift"),
        ("question_features", "predictions"),
        (runtime.spec.sources[-1].name, "dbt"),
    ):
        if asset in measured:
            return f" ({told})"
    return ""
