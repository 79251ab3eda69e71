"""The warm process: imports the heavy libraries once, then forks a worker for every run it is asked for.

It reads a request per line (`run_id`, serialized `ExecuteRunArgs`) and answers `<pid>@<start>`. It imports third-party
modules only, never the platform's or a product's code: each worker loads that afresh. What only a training needs is
imported while no one asks. It stays single-threaded, for a fork copies no thread. At the end of its input it lets
workers finish for a moment, interrupts those that do not, and goes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

PRELOADED = (
    "dagster", "dagster._cli.api", "dagster._core.storage.sqlite_storage", "dagster.components.core.component_tree",
    "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "dbt.task.build", "feast", "feast.repo_operations",
    "feast.infra.offline_stores.file_source", "feast.infra.online_stores.sqlite", "feast.infra.registry.sql",
    "evidently", "evidently.metrics", "sklearn.metrics", "onnxruntime", "deltalake",
    "pandera.pandas", "pandera.backends.pandas.register", "pandera.strategies.pandas_strategies", "matplotlib.figure",
    "matplotlib.backends.backend_svg", "river.drift",
)  # fmt: skip
"""What every run needs."""

PRELOADED_LATER = (
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.compose", "skops.io", "skl2onnx", "mlflow.sklearn",
    "mlflow.store.tracking.sqlalchemy_store",
)  # fmt: skip
"""What a training needs besides."""

FINISH_WITHIN = 10.0
"""Seconds a worker has to finish its run when more time is not requested; then the run is canceled."""

IDLE = 1.0
"""Seconds without a request after which the next module is imported ahead of time."""

CANCEL_WITHIN = 15.0
"""Seconds a canceled run has to record that it was."""


def started(pid: int) -> str | None:
    """When a process started, as the system tells it, and in which boot; None when there is none or it has ended."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field is the command in brackets and may hold spaces: fields count from after it.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else f"{fields[19]}.{_boot()}"
    told = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = told.stdout.strip().partition(" ")
    return start.strip().replace(" ", "_") if state and not state.startswith("Z") else None


@cache
def _boot() -> str:
    """Which start of the machine this is: after another one, ids and times since boot repeat."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""


def living_since(pid: int, moment: float) -> bool:
    """Whether a process of this id lives that started before a moment (seconds since 1970), as far as known."""
    start = started(pid)
    if start is None or not hasattr(time, "CLOCK_BOOTTIME"):
        return start is not None
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted + int(start.partition(".")[0]) / os.sysconf("SC_CLK_TCK") <= moment + 1


def preload(names: Sequence[str] = PRELOADED) -> None:
    """Import what runs need; a library that is missing or broken is left for the run that needs it to tell."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever its import raises, the run that needs it tells it
            sys.stderr.write(f"sprintline: {name} is not preloaded: {error}\n")
    if "mlflow.sklearn" in names:
        # Of every model it saves MLflow asks which package brought which module: a second, once asked remembered.
        with contextlib.suppress(Exception):
            importlib.import_module("mlflow.utils.requirements_utils").warn_dependency_requirement_mismatches(
                ["mlflow"]
            )
    _set_aside()


def _set_aside() -> None:
    """Do once what every worker would do with the libraries' objects, and copy their pages by doing it.

    The garbage collector would walk through them; and dbt asks for its callers' source lines, for which `inspect` looks
    through every loaded module and remembers what it found.
    """
    inspect.stack()
    gc.collect()
    gc.freeze()


def requests() -> Iterator[dict[str, str]]:
    """What is asked for, until the input ends; while no one asks, what a training needs is imported."""
    later = list(PRELOADED_LATER)
    while True:
        # One request is on its way at a time, for its answer is waited for: none hides in a buffer from `select`.
        if later and not select.select([sys.stdin], [], [], IDLE)[0]:
            preload([later.pop(0)])
        elif line := sys.stdin.readline():
            yield json.loads(line)
        else:
            return


def work(request: dict[str, str]) -> None:
    """In the worker: execute the run as `dagster api execute_run` does, then leave without the parent's clean-up."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # A worker lives for seconds and makes little that points in circles: it is not worth looking for so often.
    gc.set_threshold(50_000, 20, 50)
    code = 1
    try:
        from dagster._cli.api import execute_run_command
        from dagster._utils.interrupts import setup_interrupt_handlers

        setup_interrupt_handlers()  # SIGTERM cancels the run as Ctrl-C would, so that it is recorded as canceled
        execute_run_command.main(args=[request["arguments"]], standalone_mode=False)
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException as error:  # noqa: BLE001 - the process ends here, in `os._exit`: no one else could tell it
        sys.stderr.write(f"sprintline: the worker of run {request['run_id']} failed: {error!r}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Preload, then answer requests until the input ends."""
    # Feast's gunicorn imports setproctitle where it is installed, which writes over command and environment as /proc
    # shows them: by these people and tests tell which workers belong to which state folder.
    sys.modules["setproctitle"] = None  # type: ignore[assignment]
    # Feast would make a folder for metrics, which no one asks for, and leave it: `os._exit` runs no clean-up.
    metrics = tempfile.mkdtemp(prefix="sprintline-warm-")
    os.environ.setdefault("PROMETHEUS_MULTIPROCESS_DIR", metrics)
    preload()
    # No one waits for workers here: the system takes them away, and the launcher sees by their start whether they live.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    workers: dict[int, str | None] = {}
    for request in requests():
        pid = os.fork()
        if pid == 0:
            work(request)
        workers = {pid: start for pid, start in workers.items() if started(pid) == start}
        workers[pid] = started(pid)
        sys.stdout.write(f"{pid}@{workers[pid]}\n")
        sys.stdout.flush()
    let_go(workers)
    shutil.rmtree(metrics, ignore_errors=True)
    os._exit(0)  # taking down that many libraries in order would cost a second and is of no use


def let_go(workers: dict[int, str | None]) -> None:
    """Wait for workers, given as process id and start; interrupt, then kill those that do not end in time."""
    for patience, then in ((FINISH_WITHIN, signal.SIGTERM), (CANCEL_WITHIN, signal.SIGKILL)):
        until = time.monotonic() + patience
        while alive := [pid for pid, start in workers.items() if start and started(pid) == start]:
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, then)


if __name__ == "__main__":
    main()
