"""What a platform that was killed left behind is ended by the next one; what somebody works on is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus

from sprintline.hosting import reaper
from sprintline.hosting.launcher import LAUNCHER_TAG, WORKER_TAG
from sprintline.hosting.warm import living_since, started
from sprintline.product.sensors import INTERRUPTED_TAG, STOPPED_TAG, failed

pytestmark = pytest.mark.fault

S = dg.DagsterRunStatus
GONE = "999999@1.gone"


@dg.op
def rest():
    pass


@dg.job(executor_def=dg.in_process_executor)
def work():
    rest()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reaper")
    (folder / "dagster.yaml").write_text(
        "run_launcher:\n  module: sprintline.hosting.launcher\n  class: WarmRunLauncher\ntelemetry:\n  enabled: false\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        with dg.DagsterInstance.get() as one:
            yield one


def here() -> str:
    return f"{os.getpid()}@{started(os.getpid())}"


@pytest.mark.parametrize(
    ("status", "tags", "ended"),
    [
        (S.STARTED, {WORKER_TAG: GONE}, S.FAILURE),
        (S.STARTED, {WORKER_TAG: f"{os.getpid()}@1.earlier boot"}, S.FAILURE),
        (S.STARTED, {}, S.FAILURE),
        (S.STARTED, {WORKER_TAG: "here"}, None),
        (S.STARTING, {LAUNCHER_TAG: GONE}, S.FAILURE),
        (S.STARTING, {LAUNCHER_TAG: "here"}, None),
        (S.STARTING, {LAUNCHER_TAG: GONE, WORKER_TAG: "here"}, None),
        (S.STARTING, {LAUNCHER_TAG: GONE, WORKER_TAG: GONE}, S.FAILURE),
        (S.STARTING, {}, S.FAILURE),
        (S.NOT_STARTED, {}, S.FAILURE),
        (S.CANCELING, {WORKER_TAG: GONE}, S.CANCELED),
    ],
)
def test_runs_that_nobody_works_on_are_ended(instance, monkeypatch, status, tags, ended):
    monkeypatch.setattr(reaper, "LAUNCHED_WITHIN", -1)
    tags = {name: here() if value == "here" else value for name, value in tags.items()}
    run = instance.create_run_for_job(work, status=status, tags=tags)
    try:
        assert reaper.reap(instance) == ([run.run_id] if ended else [])
        found = instance.get_run_by_id(run.run_id)
        assert found.status is (ended or status)
        assert (found.tags.get(INTERRUPTED_TAG) == "platform") is bool(ended)
    finally:
        instance.delete_run(run.run_id)


def test_a_run_on_its_way_into_the_queue_gets_a_moment(instance, monkeypatch):
    monkeypatch.setattr(reaper, "LAUNCHED_WITHIN", 1.5)
    run = instance.create_run_for_job(work)
    begun = time.monotonic()
    assert reaper.reap(instance) == [run.run_id]
    assert time.monotonic() - begun > 1


def test_a_run_without_launcher_is_as_alive_as_the_process_its_events_name(instance):
    """As `dg launch` runs it: in the process that was called, which no launcher knows."""
    done = work.execute_in_process(instance=instance)
    run = instance.get_run_by_id(done.run_id)
    assert WORKER_TAG not in run.tags
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_reaper; test_reaper.executed()"
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(Path(__file__).parent)],
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    run = instance.get_run_by_id(told.stdout.strip())
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.FAILED


def executed() -> None:
    with dg.DagsterInstance.get() as one:
        print(work.execute_in_process(instance=one).run_id)


def test_a_process_that_is_younger_than_what_it_is_said_to_have_told_is_another():
    assert living_since(os.getpid(), time.time())
    assert not living_since(os.getpid(), time.time() - 10**6)
    assert not living_since(999999, time.time())


def test_only_what_failed_by_itself_or_was_stopped_counts_as_an_attempt():
    def run(status: dg.DagsterRunStatus, *tags: str) -> dg.DagsterRun:
        return dg.DagsterRun(job_name="work", status=status, tags=dict.fromkeys(tags, "x"))

    counted = [run(S.FAILURE), run(S.CANCELED, STOPPED_TAG)]
    others = [run(S.FAILURE, INTERRUPTED_TAG), run(S.CANCELED), run(S.SUCCESS), run(S.STARTED)]
    assert failed([*counted, *others]) == counted
