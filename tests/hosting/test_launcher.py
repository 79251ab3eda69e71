"""The run launcher on a real instance: runs execute in forked workers, and a worker that died is known to be dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.launcher.base import WorkerStatus

from sprintline.hosting.launcher import WARM, WORKER_TAG, WarmRunLauncher
from sprintline.hosting.warm import let_go, started

pytestmark = pytest.mark.slow

JOBS = """
import os, pathlib, sys, time
import dagster as dg

@dg.op
def tell(context):
    loaded = "dagster_dbt" in sys.modules
    pathlib.Path(os.environ["TOLD"], context.run_id).write_text(f"{os.getpid()} {os.getppid()} {loaded}")

@dg.op
def sleep(context):
    pathlib.Path(os.environ["TOLD"], context.run_id).write_text(str(os.getpid()))
    time.sleep(120)

@dg.job(executor_def=dg.in_process_executor)
def quick():
    tell()

@dg.job(executor_def=dg.in_process_executor)
def busy():
    sleep()
"""


class Launched:
    """An instance with the launcher, and jobs to launch on it."""

    def __init__(self, instance: dg.DagsterInstance, jobs: Path, told: Path) -> None:
        self.instance, self.jobs, self.told = instance, jobs, told
        self.launcher: WarmRunLauncher = instance.run_launcher

    def launch(self, name: str) -> str:
        job = ReconstructableJob.for_file(str(self.jobs), name)
        run = self.instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())
        self.instance.launch_run(run.run_id, None)
        return run.run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        return self.instance.get_run_by_id(run_id)

    def said(self, run_id: str) -> list[str]:
        """What the run wrote, once it did."""
        file = self.told / run_id
        until(lambda: file.exists() and file.read_text(), "what the run tells")
        return file.read_text().split()

    def worker(self, run_id: str) -> int:
        return int(self.run(run_id).tags[WORKER_TAG].partition("@")[0])

    def health(self, run_id: str) -> WorkerStatus:
        return self.launcher.check_run_worker_health(self.run(run_id)).status


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("launcher")
    (folder / "jobs.py").write_text(JOBS)
    (folder / "told").mkdir()
    (folder / "dagster.yaml").write_text(
        "run_launcher:\n  module: sprintline.hosting.launcher\n  class: WarmRunLauncher\ntelemetry:\n  enabled: false\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        patch.setenv("TOLD", str(folder / "told"))
        with dg.DagsterInstance.get() as instance:
            yield Launched(instance, folder / "jobs.py", folder / "told")


def test_runs_are_executed_by_workers_forked_from_one_warm_process(launched):
    runs = [launched.launch("quick"), launched.launch("quick")]
    told = [launched.said(run) for run in runs]
    assert [int(pid) for pid, *_ in told] == [launched.worker(run) for run in runs]
    assert len({pid for pid, *_ in told}) == 2
    assert {int(warm) for _, warm, _ in told} == {WARM.pid}
    assert {loaded for *_, loaded in told} == {"True"}
    for run in runs:
        until(lambda run=run: launched.run(run).status is dg.DagsterRunStatus.SUCCESS, "success")


def test_a_killed_worker_is_known_to_be_dead(launched):
    run = launched.launch("busy")
    assert [launched.worker(run)] == [int(pid) for pid in launched.said(run)]
    assert launched.health(run) is WorkerStatus.RUNNING
    os.kill(launched.worker(run), signal.SIGKILL)
    until(lambda: launched.health(run) is WorkerStatus.FAILED, "the news of its death")
    assert launched.run(run).status is dg.DagsterRunStatus.STARTED, "nobody else could know"
    assert not launched.launcher.terminate(run)


def test_terminate_cancels_the_run_and_ends_its_worker(launched):
    run = launched.launch("busy")
    launched.said(run)
    assert launched.launcher.terminate(run)
    until(lambda: launched.run(run).status is dg.DagsterRunStatus.CANCELED, "the cancellation")
    until(lambda: launched.health(run) is WorkerStatus.FAILED, "the worker's end")


def test_a_run_without_a_worker_is_not_found(launched):
    job = ReconstructableJob.for_file(str(launched.jobs), "quick")
    run = launched.instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())
    assert launched.launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND
    assert not launched.launcher.terminate(run.run_id)


def test_a_warm_process_that_died_is_replaced_and_workers_outlive_it(launched):
    first = launched.launch("busy")
    launched.said(first)
    warm = WARM.pid
    os.kill(warm, signal.SIGKILL)
    until(lambda: started(warm) is None, "the warm process's end")
    second = launched.launch("quick")
    assert int(launched.said(second)[1]) == WARM.pid != warm
    assert launched.health(first) is WorkerStatus.RUNNING
    launched.launcher.terminate(first)
    until(lambda: launched.health(first) is WorkerStatus.FAILED, "the worker's end")


def test_the_start_tells_two_processes_of_one_id_apart():
    sleepers = [subprocess.Popen(["sleep", "30"])]
    time.sleep(1.1)  # where only `ps` is there, starts are known to the second
    sleepers.append(subprocess.Popen(["sleep", "30"]))
    try:
        first, second = (started(sleeper.pid) for sleeper in sleepers)
        assert first
        assert second
        assert first != second
        assert started(sleepers[0].pid) == first
    finally:
        for sleeper in sleepers:
            sleeper.kill()
    until(lambda: started(sleepers[0].pid) is None, "the end: a process nobody waited for is gone as well")
    for sleeper in sleepers:
        sleeper.wait()


@pytest.mark.parametrize(("deaf", "ended_by"), [(False, signal.SIGTERM), (True, signal.SIGKILL)])
def test_workers_that_do_not_finish_are_interrupted_and_in_the_end_killed(monkeypatch, deaf, ended_by):
    monkeypatch.setattr("sprintline.hosting.warm.FINISH_WITHIN", 0.2)
    monkeypatch.setattr("sprintline.hosting.warm.CANCEL_WITHIN", 0.5)
    code = "import signal, time; signal.signal(15, 1 if DEAF else 0); print(1, flush=True); time.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", code.replace("DEAF", str(deaf))], stdout=subprocess.PIPE)
    assert worker.stdout.readline()
    let_go({worker.pid: started(worker.pid), os.getpid(): "another start: never touched"})
    assert worker.wait(5) == -ended_by


def until(true, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.05)
