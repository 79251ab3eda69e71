"""A platform whose daemon, code server, worker or all of these are killed goes on when it is started again."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time

import dagster as dg
import pytest
from tests.end_to_end.conftest import Ground

from sprintline.base.failpoints import VARIABLE
from sprintline.product.sensors import UNFINISHED

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end, pytest.mark.fault]

S4 = "2026-S04"
STARTED_AT_MOST = 60.0
"""Seconds after a restart in which a run that no one works on may still be reported to be at work."""


def runs(instance, *statuses) -> set[str]:
    return {run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=list(statuses)))}


def pids(clone, *words: str) -> list[int]:
    """The platform's processes whose command holds all words; the tests' own process on this folder is none of it."""
    return [
        pid
        for pid, command in clone.processes().items()
        if "crash.py" not in command and all(word in command for word in words)
    ]


def kill(found: list[int]) -> None:
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(true, seconds: float, what: str):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.1)
    return found


def all_ended(clone) -> None:
    """Every process of the platform is gone, but for Dagster's `tail` of a worker that was killed as it began it."""
    end = time.monotonic() + 90
    while left := set(pids(clone)) - set(pids(clone, "tail -F")):
        assert time.monotonic() < end, {pid: clone.processes().get(pid) for pid in left}
        time.sleep(0.2)
    kill(pids(clone, "tail -F"))


@pytest.fixture(scope="module")
def landed(clone, tmp_path_factory):
    """Files of four sprints, nothing closed."""
    ground = Ground(clone, tmp_path_factory.mktemp("marks"))
    yield ground
    ground.end()
    kill(pids(ground.clone))


@pytest.fixture
def instance(landed, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(landed.clone.state / "dagster"))
    with dg.DagsterInstance.get() as one:
        yield one


@pytest.mark.parametrize("point", ["launch.before_fork", "launch.forked"])
def test_a_daemon_killed_while_it_launches_a_run_leaves_a_replay_that_says_so(landed, instance, point):
    clone = landed.clone
    replay = clone.start("replay", clone.product, "--sprints", "4", **{VARIABLE: point})
    assert re.search(r"daemon \(process \d+\) was ended by SIGKILL", replay.communicate(timeout=240)[1])
    assert replay.returncode == 1
    all_ended(clone)
    assert runs(instance, *UNFINISHED), "a run was on its way"


@pytest.mark.proof
def test_all_killed_at_once_and_a_code_server_later(landed, instance):
    clone = landed.clone
    seed = int(os.environ.get("SPRINTLINE_KILL_SEED") or time.time_ns() % 10**6)
    draw = random.Random(seed)
    replay = clone.start("replay", clone.product, "--sprints", "4")
    until(lambda: clone.workers() and runs(instance, dg.DagsterRunStatus.STARTED), 240, "a run at work")
    moment = round(draw.uniform(0, 5), 2)
    time.sleep(moment)
    left = until(lambda: runs(instance, dg.DagsterRunStatus.STARTED), 60, "a run at work")
    replay.kill()
    kill(pids(clone))
    replay.wait(60)
    all_ended(clone)
    left |= runs(instance, dg.DagsterRunStatus.STARTED)
    told = f"seed {seed}: killed after {moment} s, {len(left)} runs left behind"

    begun = time.monotonic()
    replay = clone.start("replay", clone.product, "--sprints", "4")
    try:
        stuck = until(
            lambda: not left & runs(instance, *UNFINISHED) and time.monotonic(), STARTED_AT_MOST, "their end"
        )
        print(f"{told}; ended {stuck - begun:.1f} s after the restart")
        until(lambda: clone.workers(), 120, "another worker")
        kill(pids(clone, "dagster api grpc", f"--location-name {clone.product}"))
        kill(until(lambda: clone.workers(), 120, "a worker"))
        assert replay.wait(400) == 0, (told, replay.stderr.read())
    finally:
        replay.kill()
        replay.communicate()
    all_ended(clone)
    assert not runs(instance, *UNFINISHED)
    found = landed.look()
    landed.close_undisturbed()
    landed.assert_as_undisturbed(S4, told, found)
