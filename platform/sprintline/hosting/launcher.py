"""Run launcher: runs fork from a warm process, and a run whose worker died is known to be dead.

Most of a sprint's seconds went into imports (dbt, Feast, Evidently, scikit-learn), the same ones for every run. They
are made once, in `hosting/warm.py`, a process that holds third-party modules only; the team's own code is loaded
in each run, so nothing stale is ever executed. Dagster's default launcher cannot tell a dead worker from a busy one;
this one can, which is what lets run monitoring fail a killed run within seconds instead of leaving it STARTED for good.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from sprintline.base.failpoints import failpoint
from sprintline.hosting.warm import CANCEL_WITHIN, FINISH_WITHIN, living_since, started
from sprintline.product.sensors import STOPPED_TAG

WORKER_TAG = "sprintline/worker"
"""On a run: the process that works on it, `<pid>@<start>`."""

LAUNCHER_TAG = "sprintline/launcher"
"""On a run: the process that is to find a worker for it, the same way."""


class WarmProcess:
    """This process's handle on the one that workers fork from: started when first needed, replaced when it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Its process id; None before it is started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Let it begin with its imports before anybody asks for a worker."""
        with self._lock:
            self._ready()

    def ask(self, request: dict[str, Any]) -> str:
        """The worker forked for a request, `<pid>@<start>`. A process that died is replaced once."""
        with self._lock:
            for _ in range(2):
                warm = self._ready()
                if warm.stdin is None or warm.stdout is None:
                    raise RuntimeError("the warm process was started without pipes")
                try:
                    warm.stdin.write(json.dumps(request) + "\n")
                    warm.stdin.flush()
                    answer = warm.stdout.readline()
                except BrokenPipeError:
                    answer = ""
                if answer:
                    return answer.strip()
                self._process = None
        raise RuntimeError(
            "no worker could be started: see the output of `python -m sprintline.hosting.warm`"
        )

    def stop(self) -> None:
        """Let it go, and wait: it lets workers finish for a moment and then interrupts them."""
        with self._lock:
            warm, self._process = self._process, None
        if warm and warm.stdin:
            with contextlib.suppress(BrokenPipeError):
                warm.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                warm.wait(FINISH_WITHIN + CANCEL_WITHIN + 5)

    def _ready(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "sprintline.hosting.warm"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # A group of its own: Ctrl-C in the terminal is for the daemon, which then lets this process go.
                start_new_session=True,
            )
        return self._process


WARM = WarmProcess()
"""One in a process, whatever number of instances open it: it holds the better part of a gigabyte."""


class WarmRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Launches each run as a fork of a process that has imported the libraries already."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._launched = False
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "WarmRunLauncher":
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork a worker for the run and remember its process, so that its health can be asked for later."""
        run = context.dagster_run
        origin = context.job_code_origin
        if origin is None:
            raise ValueError(
                f"run {run.run_id} does not say where its job's code is: launch it from a code location"
            )
        arguments = ExecuteRunArgs(
            job_origin=origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=False,
        )
        self._launched = True
        ourselves = f"{os.getpid()}@{started(os.getpid())}"
        self._instance.add_run_tags(run.run_id, {LAUNCHER_TAG: ourselves})
        failpoint("launch.before_fork")
        worker = WARM.ask({"run_id": run.run_id, "arguments": serialize_value(arguments)})
        failpoint("launch.forked")
        self._instance.add_run_tags(run.run_id, {WORKER_TAG: worker})
        self._instance.report_engine_event(f"Forked worker {worker.partition('@')[0]} for the run.", run)

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run's worker; False when it was gone already."""
        run = self._instance.get_run_by_id(run_id)
        pid = process_of(run)
        if run is None or pid is None:
            return False
        self._instance.add_run_tags(run_id, {STOPPED_TAG: "asked for"})
        self._instance.report_run_canceling(run)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            return True
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that was forked for the run is still that process.

        A run that did not come through a launcher (`dg launch`) works in the process that its events name.
        """
        if WORKER_TAG in run.tags:
            alive = process_of(run) is not None
        elif (named := _in_process(self._instance, run)) is not None:
            alive = named
        else:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no worker was recorded for the run")
        if not alive:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, "the run's worker process is gone: it was killed or it crashed"
            )
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def dispose(self) -> None:
        """Let the warm process go, if it is this launcher's instance that was closed: a daemon opens several."""
        if self._launched:
            WARM.stop()


def process_of(run: DagsterRun | None, tag: str = WORKER_TAG) -> int | None:
    """Id of the process that a run's tag names, while it is that process: an id may be given to another one later."""
    if run is None or tag not in run.tags:
        return None
    pid, _, start = run.tags[tag].partition("@")
    return int(pid) if started(int(pid)) == start else None


def _in_process(instance: DagsterInstance, run: DagsterRun) -> bool | None:
    """Whether the process lives in which a run's steps are executed; None when its events name none."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        named = event.engine_event_data.metadata.get("pid") if event else None
        if named is not None:
            return living_since(int(str(named.value)), entry.timestamp)
    return None
